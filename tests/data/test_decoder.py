"""Ids to documents as they come: however they are split, the same is read."""

import itertools
import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tct.data.documents.json_text import Json, canonical_bytes
from tct.data.errors import DecodeError
from tct.data.tokenizer import PAD, VOCAB_SIZE, Tokenizer
from tct.data.tokenizer.codec.decoder import Decoder
from tct.data.tokenizer.codec.reader import MalformedError, Reader
from tct.data.tokenizer.symbols import Control, reference_symbol
from tct.tests.strategies import json_values, workflow_like

TOKENIZER = Tokenizer.default()
SYMBOLS = {symbols: number for number, symbols in TOKENIZER.vocabulary.items()}
RESERVED = max(TOKENIZER.vocabulary) + 1
VALUES = json_values(max_leaves=12) | workflow_like()
WORKFLOW: Json = {
    "on": "push",
    "jobs": {"a_b": {"runs-on": "x", "steps": [{"run": "make"}, {"uses": "é/b@v1"}]}},
}


def same(a: Json, b: Json) -> bool:
    return canonical_bytes(a) == canonical_bytes(b)


def spelled(symbols: str) -> list[int]:
    """One token for each symbol."""
    return [SYMBOLS[symbol] for symbol in symbols]


def pieces(ids: list[int], data: st.DataObject) -> list[list[int]]:
    """The ids, cut anywhere; some pieces are empty."""
    places = st.lists(st.integers(0, len(ids)), max_size=6).map(sorted)
    ends = [0, *data.draw(places), len(ids)]
    return [ids[start:end] for start, end in pairwise(ends)]


def read(parts: list[list[int]], decoder: Decoder | None = None) -> Decoder:
    decoder = decoder or TOKENIZER.decoder()
    for part in parts:
        decoder.feed(part)
    return decoder


def outcome(parts: list[list[int]]) -> bytes | int:
    """The document, or the position of the first bad token."""
    try:
        return canonical_bytes(read(parts).value())
    except DecodeError as error:
        return error.position


# -- in pieces -------------------------------------------------------------------------


@given(value=VALUES, data=st.data())
def test_a_document_in_pieces_is_the_document(value: Json, data: st.DataObject) -> None:
    ids = TOKENIZER.encode(value).tolist()
    decoder, fed = TOKENIZER.decoder(), 0
    for part in pieces(ids, data):
        decoder.feed(part)
        fed += len(part)
        assert decoder.prefix() == TOKENIZER.decode_prefix(ids[:fed])
        assert decoder.is_complete == (fed == len(ids))
    assert same(decoder.value(), value)


def test_the_text_grows_with_every_token() -> None:
    ids = TOKENIZER.encode(WORKFLOW).tolist()
    decoder, text = TOKENIZER.decoder(), ""
    for number in ids:
        assert not decoder.is_complete
        decoder.feed([number])
        prefix = decoder.prefix()
        assert prefix.text.startswith(text)
        text = prefix.text
    assert text.encode() == canonical_bytes(WORKFLOW)
    pretty = json.dumps(WORKFLOW, indent=2, ensure_ascii=False)
    assert decoder.prefix(indent=2).text == pretty


def test_ids_may_be_an_array_or_a_list_or_none() -> None:
    ids = TOKENIZER.encode(WORKFLOW)
    decoder = TOKENIZER.decoder()
    decoder.feed(ids[:4])
    decoder.feed([])
    decoder.feed(ids[4:].tolist())
    assert decoder.value() == WORKFLOW


def test_the_path_is_keys_and_indices_from_the_root() -> None:
    words = TOKENIZER.codec.literals
    decoder = TOKENIZER.decoder()
    seen = [decoder.path]
    run = words["run"] + "x" + Control.END
    for symbols in (
        words["on"],
        words["push"],
        words["jobs"],
        "a_b" + Control.END,
        words["steps"],
        run,
        Control.CLOSE_OBJECT,
        words["run"],
        "xx",
        Control.END + Control.CLOSE_OBJECT + Control.CLOSE_ARRAY,
        words["env"] + Control.OBJECT + "K" + Control.END,
    ):
        decoder.feed(spelled(symbols))
        seen.append(decoder.path)
    job = ("jobs", "a_b")
    assert seen == [
        (),
        ("on",),
        (),
        ("jobs",),
        job,
        (*job, "steps"),
        (*job, "steps", 0),
        (*job, "steps", 1),
        (*job, "steps", 1, "run"),
        (*job, "steps", 1, "run"),
        job,
        (*job, "env", "K"),
    ]


# -- errors ----------------------------------------------------------------------------


def test_a_document_that_is_not_closed_has_no_value() -> None:
    ids = TOKENIZER.encode(WORKFLOW).tolist()
    message = f"token {len(ids) - 1}: the document is not closed; check that"
    with pytest.raises(DecodeError, match=message) as caught:
        read([ids[:3], ids[3:-1]]).value()
    assert caught.value.position == len(ids) - 1
    with pytest.raises(DecodeError, match="token 0: the document is not closed"):
        TOKENIZER.decoder().value()


@pytest.mark.parametrize("number", [RESERVED, PAD, VOCAB_SIZE + 7, -1])
@pytest.mark.parametrize("at", [0, 1, 5])
def test_a_reserved_id_is_named(number: int, at: int) -> None:
    ids = TOKENIZER.encode(WORKFLOW).tolist()
    ids[at] = number
    for parts in ([ids], [ids[:at], ids[at:]], [ids[:1], ids[1:]]):
        message = f"token {at}: found id {number}, which is reserved or no id; check"
        with pytest.raises(DecodeError, match=message):
            read(parts)


@pytest.mark.parametrize("number", [-1, 65535, 65536, 10**30, 0.5, -(2**63)])
def test_what_is_no_id_is_refused(number: float) -> None:
    with pytest.raises(DecodeError, match=r"token 1: found id .*, which is reserved"):
        TOKENIZER.decode([SYMBOLS[TOKENIZER.codec.literals["on"]], number])


def test_what_is_wrong_before_a_reserved_id_comes_first() -> None:
    ids = [*spelled(Control.CLOSE_OBJECT), RESERVED]
    with pytest.raises(DecodeError, match="token 0: an object may not end"):
        read([ids])


def test_nothing_goes_on_after_the_close() -> None:
    ids = TOKENIZER.encode(WORKFLOW).tolist()
    message = f"token {len(ids)}: the document is already closed"
    for symbol in (Control.CLOSE_OBJECT, Control.NULL):
        for parts in ([[*ids, SYMBOLS[symbol]]], [ids, [SYMBOLS[symbol]]]):
            with pytest.raises(DecodeError, match=message):
                read(parts)


@pytest.mark.parametrize("parts", [[[0, 1, 1]], [[0], [1], [1]], [[0, 1], [1]]])
def test_an_error_inside_a_token_is_at_that_token(parts: list[list[int]]) -> None:
    name = TOKENIZER.codec.literals["name"]
    expansions = np.full(1 << 16, None, dtype=object)
    expansions[:2] = name + "ab", "c" + Control.NULL + Control.NULL
    decoder = Decoder(TOKENIZER.codec.reader(), expansions)
    message = "token 1: text must go on or end here"
    with pytest.raises(DecodeError, match=message) as caught:
        read(parts, decoder)
    assert caught.value.position == 1


def test_bytes_that_are_no_text_have_no_prefix() -> None:
    words = TOKENIZER.codec.literals
    decoder = read([spelled(words["name"] + "ab" + "\ue2c3")])
    assert decoder.prefix().text == '{"name":"ab'  # the character is not whole yet
    with pytest.raises(DecodeError, match="token 5: text is not UTF-8"):
        decoder.feed(spelled("c" + Control.END))
    decoder = read([spelled(words["name"] + "\ue2c3" + "c")])
    with pytest.raises(DecodeError, match="token 2: text is not UTF-8"):
        decoder.prefix()


@pytest.mark.parametrize(
    "symbols",
    [
        "ab" + Control.END,
        "a" + Control.ESCAPE + Control.NULL,
        pytest.param(
            Control.ESCAPE + Control.ARRAY + Control.ESCAPE_ARRAY + "b" + Control.END,
        ),
        Control.ESCAPE + Control.NUMBER + "1x" + Control.END,
        Control.ESCAPE + "a" + Control.END + "b" + Control.END,
        Control.ESCAPE + Control.NULL + Control.NULL,
        Control.ESCAPE_KEY + "a" + Control.END + "b" + Control.OBJECT,
        Control.ESCAPE_KEY * 2 + "a" + Control.END,
        Control.ESCAPE + "\ue2c3" + "a" + Control.END,
    ],
)
def test_malformed_symbols_are_at_one_place_however_they_are_split(
    symbols: str,
) -> None:
    ids = spelled(symbols)
    position = outcome([ids])
    assert isinstance(position, int)
    assert outcome([[number] for number in ids]) == position
    for at in range(len(ids)):
        assert outcome([ids[:at], ids[at:]]) == position


class ExactOnly(Reader):
    """Reads every symbol by the exact path."""

    def _read_all(self, pieces: Iterator[str]) -> None:
        for piece in pieces:
            self._read(piece[:-1], piece[-1])


def reading(reader: Reader, symbols: str) -> tuple[bytes, bool] | tuple[str, int]:
    """What is read, and whether it is complete; or the problem and its position."""
    try:
        reader.feed(symbols)
    except MalformedError as error:
        return str(error), error.position
    return canonical_bytes(reader.value), reader.is_complete


@given(value=VALUES, data=st.data())
def test_the_fast_path_reads_what_the_exact_path_reads(
    value: Json, data: st.DataObject
) -> None:
    symbols = "".join(TOKENIZER.codec.encode(value))
    at = data.draw(st.integers(0, len(symbols)))
    put = data.draw(st.text(st.sampled_from(sorted(set(symbols) | set(Control)))))
    skipped = data.draw(st.integers(0, 3))
    damaged = symbols[:at] + put + symbols[at + skipped :]
    tables = TOKENIZER.codec.tables
    for text in (symbols, damaged):
        for _ in range(2):  # the second time everything is known
            exact = reading(ExactOnly(tables), text)
            assert reading(TOKENIZER.codec.reader(), text) == exact
    assert same(TOKENIZER.codec.decode(symbols), value)


@given(value=VALUES, data=st.data())
def test_a_damaged_document_is_the_same_however_it_is_split(
    value: Json, data: st.DataObject
) -> None:
    ids = TOKENIZER.encode(value).tolist()
    few = [*map(SYMBOLS.__getitem__, Control), SYMBOLS["a"], SYMBOLS["\ue2c3"]]
    known = st.sampled_from(few) | st.sampled_from(sorted(TOKENIZER.vocabulary))
    at = data.draw(st.integers(0, len(ids)))
    ids[at : at + data.draw(st.integers(0, 1))] = data.draw(
        st.lists(known, min_size=1, max_size=3)
    )
    expected = outcome([ids])
    assert outcome(pieces(ids, data)) == expected
    assert outcome([[number] for number in ids]) == expected


@pytest.mark.parametrize(
    "begun",
    [
        "",
        TOKENIZER.codec.literals["name"],
        TOKENIZER.codec.literals["env"],
        Control.ESCAPE,
        Control.ESCAPE + Control.OBJECT,
        Control.ESCAPE + Control.ARRAY,
        Control.ESCAPE + Control.NUMBER,
    ],
)
def test_short_sequences_are_read_the_same_however_they_are_split(begun: str) -> None:
    symbols = [*Control, "a", "1", "\ue2c3", reference_symbol(0)]
    for rest in itertools.product(symbols, repeat=3):
        ids = spelled(begun + "".join(rest))
        assert outcome([ids]) == outcome([[number] for number in ids]), rest


# -- many documents --------------------------------------------------------------------


@given(st.lists(VALUES, max_size=4))
def test_a_stream_of_documents_needs_no_separator(values: list[Json]) -> None:
    ids, offsets = TOKENIZER.encode_batch(values)
    decoded = list(TOKENIZER.decode_stream(ids.tolist()))
    assert list(map(canonical_bytes, decoded)) == list(map(canonical_bytes, values))
    assert offsets[-1] == len(ids)


def test_a_batch_is_its_documents_one_after_the_other() -> None:
    values: list[Json] = [WORKFLOW, {}, {"on": "push"}, WORKFLOW]
    ids, offsets = TOKENIZER.encode_batch(iter(values))
    assert (ids.dtype.name, offsets.dtype.name) == ("uint16", "int64")
    parts = [ids[start:end].tolist() for start, end in pairwise(offsets)]
    assert parts == [TOKENIZER.encode(value).tolist() for value in values]
    assert [part.tolist() for part in TOKENIZER.encode_stream(values)] == parts
    assert offsets[0] == 0
    assert len(offsets) == 5


def test_a_batch_of_nothing_is_empty() -> None:
    ids, offsets = TOKENIZER.encode_batch([])
    assert (ids.tolist(), offsets.tolist()) == ([], [0])
    assert (ids.dtype.name, offsets.dtype.name) == ("uint16", "int64")
    assert list(TOKENIZER.decode_stream([])) == []


def test_streams_are_read_as_they_come() -> None:
    taken: list[int] = []

    def ids() -> Iterator[int]:
        for number in TOKENIZER.encode_batch([{"on": "push"}, WORKFLOW])[0].tolist():
            taken.append(number)
            yield number

    stream = TOKENIZER.decode_stream(ids())
    assert next(stream) == {"on": "push"}
    assert len(taken) == len(TOKENIZER.encode({"on": "push"}))
    bad: Any = object()
    encoded = TOKENIZER.encode_stream(iter([WORKFLOW, bad]))
    assert next(encoded).tolist() == TOKENIZER.encode(WORKFLOW).tolist()
    with pytest.raises(TypeError, match="object is not a JSON type"):
        next(encoded)


def test_a_truncated_stream_is_an_error_after_its_whole_documents() -> None:
    first: Json = {"on": "push"}
    ids, offsets = TOKENIZER.encode_batch([first, WORKFLOW])
    stream = TOKENIZER.decode_stream(ids[:-1].tolist())
    assert next(stream) == first
    length = int(offsets[2] - offsets[1])
    message = f"token {length - 1}: the document is not closed"
    with pytest.raises(DecodeError, match=message):
        next(stream)


def test_positions_in_a_stream_count_from_the_beginning_of_a_document() -> None:
    ids = TOKENIZER.encode({"on": "push"}).tolist()
    stream = TOKENIZER.decode_stream([*ids, ids[0], RESERVED])
    assert next(stream) == {"on": "push"}
    with pytest.raises(DecodeError, match=f"token 1: found id {RESERVED}"):
        next(stream)
