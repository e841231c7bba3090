"""The compiled core encodes and decodes as Python does, or says that it is not sure."""

import gzip
import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from tct.data.documents.json_text import Json, canonical_bytes, dump
from tct.data.documents.parse import parse_document
from tct.data.documents.rejects import RejectedError
from tct.data.errors import DecodeError
from tct.data.native import core
from tct.data.tokenizer import Tokenizer
from tct.data.tokenizer.codec.native import NativeCodec
from tct.data.tokenizer.symbols import REFERENCES, Control
from tct.pipeline.compiler import compile_schema
from tct.tests.boundaries.harness import (
    NUM_SHORT,
    NUM_SLOW,
    mutate_json,
    mutation,
    overwrite,
)
from tct.tests.boundaries.test_yaml import VALID
from tct.tests.strategies import json_values, workflow_like

pytestmark = pytest.mark.skipif(core is None, reason="the core is not compiled")

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"

# Grammars with what the workflow grammar lacks.
SCHEMAS: list[Any] = [
    {},
    {"type": "string", "pattern": "^[а-я]*$"},
    {"type": "array", "items": {"type": "array", "items": {"type": "object"}}},
    {"type": "array", "minItems": 2, "maxItems": 3, "items": {"type": "integer"}},
    {"type": "object", "maxProperties": 2, "additionalProperties": {"type": "null"}},
    {
        "type": "object",
        "properties": {"kind": {"enum": ["a", "b"]}, "n": {"type": "number"}},
        "patternProperties": {"^x-": {"type": "string"}},
        "additionalProperties": False,
        "required": ["kind"],
    },
    {
        "anyOf": [
            {
                "type": "object",
                "properties": {"kind": {"const": "a"}, "size": {"type": "integer"}},
                "required": ["kind", "size"],
            },
            {
                "type": "object",
                "properties": {"kind": {"const": "b"}, "name": {"type": "string"}},
                "required": ["kind"],
                "minProperties": 2,
            },
            {"type": ["boolean", "null"]},
        ]
    },
]
# Values that Python alone encodes.
NOT_SURE: list[Any] = [
    "\ud800",
    {"\ud800": 1},
    {"a": "x\udfff"},
    {1: 2},
    (1, 2),
    {"a": {1}},
    float("nan"),
    float("-inf"),
    True + 0j,
    10**5000,
    json.loads("[" * 129 + "]" * 129),
    type("Text", (str,), {})("x"),
    type("Pairs", (dict,), {})(a=1),
]


def tokenizer_of(schema: Any) -> Tokenizer:
    grammar = compile_schema(schema).grammar
    return Tokenizer(
        grammar, characters="éа🚀", merges=["ab", "abc", "bc"], schema_sha256="0" * 64
    )


TOKENIZERS = [Tokenizer.default(), *map(tokenizer_of, SCHEMAS)]


def python_ids(tokenizer: Tokenizer, value: Json, most: int | None = None) -> bytearray:
    return bytearray(tokenizer.segmenter.encode(tokenizer.codec.encode(value), most))


def python_value(tokenizer: Tokenizer, ids: bytes | bytearray) -> Json:
    decoder = tokenizer.decoder()
    decoder.feed(np.frombuffer(ids, dtype="<u2"))
    return decoder.value()


def native(tokenizer: Tokenizer) -> NativeCodec:
    return NativeCodec(tokenizer.codec, tokenizer.vocabulary)


def same(a: Json, b: Json) -> bool:
    return dump(a) == dump(b)


def compare(tokenizer: Tokenizer, codec: NativeCodec, value: Json) -> None:
    """Encode and decode both ways; RejectedError if encoding is left to Python."""
    found = codec.encode(value, None)
    if found is None:
        raise RejectedError("syntax", "not sure")
    ids = python_ids(tokenizer, value)
    assert found == ids
    decoded = codec.decode(np.frombuffer(ids, dtype="<u2"))
    if decoded is None:
        assert not tokenizer.is_on_schema(np.frombuffer(ids, dtype="<u2"))
    else:
        assert same(decoded.value, value)


def compare_ids(
    tokenizer: Tokenizer, codec: NativeCodec, ids: bytes | bytearray
) -> None:
    """Decode both ways; DecodeError if the ids are no document."""
    ids = ids[: len(ids) // 2 * 2]
    decoded = codec.decode(np.frombuffer(ids, dtype="<u2"))
    value = python_value(tokenizer, ids)
    assert decoded is None or same(decoded.value, value)


@settings(deadline=None, max_examples=200)
@given(value=json_values(surrogates=False))
def test_any_value_has_the_same_ids(value: Json) -> None:
    for tokenizer in TOKENIZERS:
        try:
            compare(tokenizer, tokenizer._native, value)
        except RejectedError:  # too deep, or a key that Python alone follows
            has_choices = tokenizer.codec.grammar.has_choices
            assert has_choices or b"[" * 5 in canonical_bytes(value)


@settings(deadline=None, max_examples=200)
@given(value=workflow_like())
def test_near_workflows_have_the_same_ids(value: dict[str, Json]) -> None:
    try:
        compare(TOKENIZERS[0], TOKENIZERS[0]._native, value)
    except RejectedError:
        assert "\\ud" in dump(value)


@pytest.mark.parametrize("value", NOT_SURE, ids=range(len(NOT_SURE)))
def test_what_is_no_plain_json_is_left_to_python(value: Any) -> None:
    assert core is not None
    for tokenizer in TOKENIZERS:
        assert tokenizer._native.encode(value, None) is None
        assert tokenizer._native.encode([value], None) is None
    if not isinstance(value, list):
        assert core.canonical_bytes(value) is NotImplemented


@given(value=json_values(surrogates=False))
def test_canonical_text_is_the_same(value: Json) -> None:
    assert core is not None
    assert core.canonical_bytes(value) == dump(value).encode()


def test_encoding_stops_at_the_same_chunk() -> None:
    tokenizer = TOKENIZERS[0]
    value: Json = {"name": "a\n" * 50, "x": [{"y": 1} for _ in range(9)]}
    for most in range(120):
        found = native(tokenizer).encode(value, most)
        assert found == python_ids(tokenizer, value, most)


def test_references_reach_as_far() -> None:
    tokenizer = TOKENIZERS[0]
    texts = [f"a text of sixteen {n}" for n in range(70)]
    for again in range(0, 70, 3):
        steps: list[Json] = [
            {"run": text} for text in [*texts, texts[again], texts[-1]]
        ]
        compare(tokenizer, native(tokenizer), {"jobs": {"a": {"steps": steps}}})


def test_a_codec_at_work_is_not_entered_again() -> None:
    tokenizer = TOKENIZERS[0]
    codec, inner = native(tokenizer), []
    follow = tokenizer.codec.tables.enter

    def enter(*args: Any, **kwargs: Any) -> Any:
        inner.append(codec.encode({"name": "x"}, None))
        return follow(*args, **kwargs)

    tokenizer.codec.tables.enter = enter  # type: ignore[method-assign]
    try:
        found = codec.encode({"name": "x", "on": "push"}, None)
    finally:
        tokenizer.codec.tables.enter = follow  # type: ignore[method-assign]
    assert found == python_ids(tokenizer, {"name": "x", "on": "push"})
    assert inner
    assert set(inner) == {None}


def test_an_error_while_a_key_is_followed_is_not_an_answer() -> None:
    tokenizer = tokenizer_of(SCHEMAS[5])
    codec, follow = native(tokenizer), tokenizer.codec.tables.enter

    def fail(error: type[BaseException]) -> Any:
        def enter(*args: Any, **kwargs: Any) -> Any:
            raise error

        return enter

    tables: Any = tokenizer.codec.tables
    tables.enter = fail(KeyError)
    assert codec.encode({"kind": "a"}, None) is None
    tables.enter = fail(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        codec.encode({"kind": "a"}, None)
    tables.enter = follow
    assert codec.encode({"kind": "a"}, None) == python_ids(tokenizer, {"kind": "a"})


def seeds() -> list[bytes]:
    return [canonical_bytes(parse_document(text)) for text in VALID]


def changed_values(name: str, number: int, found: list[bytes]) -> Iterator[Json]:
    for n in range(number):
        with suppress(ValueError):  # an integer that has grown too long to write
            yield json.loads(mutation(name, found, n, mutate_json))


@pytest.mark.parametrize(
    "number", [NUM_SHORT, pytest.param(NUM_SLOW, marks=pytest.mark.slow)]
)
def test_a_changed_document_has_the_same_ids(number: int) -> None:
    outcomes: Counter[bool] = Counter()
    codecs = [(tokenizer, native(tokenizer)) for tokenizer in TOKENIZERS]
    for n, value in enumerate(changed_values("native codec", number, seeds())):
        tokenizer, codec = codecs[n % 2 * (n // 2 % len(codecs))]
        try:
            compare(tokenizer, codec, value)
        except RejectedError:
            outcomes[False] += 1
        else:
            outcomes[True] += 1
    assert outcomes[True] > 0.9 * number


@pytest.mark.parametrize(
    "number", [NUM_SHORT, pytest.param(NUM_SLOW, marks=pytest.mark.slow)]
)
def test_changed_ids_decode_the_same(number: int) -> None:
    tokenizer, choose = TOKENIZERS[0], random.Random(0)
    codec = native(tokenizer)
    valid = [bytes(python_ids(tokenizer, json.loads(seed))) for seed in seeds()]

    def read(data: bytes) -> None:
        if choose.random() < 0.5:  # a single id, which often leaves a document
            ids = bytearray(choose.choice(valid))
            at = 2 * choose.randrange(len(ids) // 2)
            ids[at : at + 2] = choose.randrange(8192).to_bytes(2, "little")
            data = bytes(ids)
        compare_ids(tokenizer, codec, data)

    outcomes: Counter[str] = Counter()
    for n in range(number):
        data = mutation("native ids", valid, n, overwrite)
        try:
            read(data)
        except DecodeError:
            outcomes["malformed"] += 1
        else:
            outcomes["read"] += 1
    assert outcomes["read"] > number / 20
    assert outcomes["malformed"] > number / 20


@pytest.mark.parametrize("seed", range(len(TOKENIZERS)))
def test_walks_under_masks_decode_the_same(seed: int) -> None:
    tokenizer, choose = TOKENIZERS[seed], random.Random(seed)
    codec = native(tokenizer)
    for _ in range(20):
        state, ids = tokenizer.start(), list[int]()
        while not state.is_complete and len(ids) < 60:
            token = int(choose.choice(np.flatnonzero(state.allowed()).tolist()))
            ids.append(token)
            state = state.advance(token)
        ids += state.shortest_completion()
        data = np.array(ids, dtype="<u2")
        # Python alone finds the text of a reference that has none to refer to, and
        # skips alternatives.
        symbols = "".join(tokenizer.vocabulary[token] for token in ids)
        is_hard = not (REFERENCES | {Control.NEXT_ALTERNATIVE}).isdisjoint(symbols)
        assert is_hard or codec.decode(data) is not None
        compare_ids(tokenizer, codec, data.tobytes())


def test_what_is_no_vocabulary_is_left_to_python() -> None:
    assert core is not None
    with pytest.raises(TypeError):
        core.Codec()
    with pytest.raises(ValueError, match="size"):
        core.Codec([], [], 0, 0, print, print, print, [], [], [])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["workflows-100k.parquet", "workflows-head.parquet"])
def test_real_workflows_have_the_same_ids(name: str) -> None:
    if not (CORPUS / name).exists():
        pytest.skip("needs the corpus in ../shared")
    import pyarrow.parquet as pq

    tokenizer, codec = TOKENIZERS[0], native(TOKENIZERS[0])
    for batch in pq.ParquetFile(CORPUS / name).iter_batches(512, columns=["text"]):
        for text in batch.column(0).to_pylist():
            try:
                value = parse_document(text.encode())
            except RejectedError:
                continue
            compare(tokenizer, codec, value)


@pytest.mark.slow
def test_documents_of_other_kinds_have_the_same_ids() -> None:
    path = CORPUS / "other-kinds.jsonl.gz"
    if not path.exists():
        pytest.skip("needs the corpus in ../shared")
    codecs = [(tokenizer, native(tokenizer)) for tokenizer in TOKENIZERS]
    with gzip.open(path, "rt") as file:
        for line in file:
            value = json.loads(json.loads(line)["text"])
            for tokenizer, codec in codecs:
                compare(tokenizer, codec, value)


@pytest.mark.slow
def test_a_million_documents_leak_nothing() -> None:
    import resource

    assert core is not None
    tokenizer, codec = TOKENIZERS[0], native(TOKENIZERS[0])
    texts = [seed.decode() for seed in VALID] + ["a: [b", "a: 'b", "a: |x"]
    values = [json.loads(seed) for seed in seeds()]
    ids = [np.frombuffer(python_ids(tokenizer, v), dtype="<u2") for v in values]
    bad = [part[:-1] for part in ids]
    sizes = []
    for _ in range(5):
        for _ in range(50_000):
            for text in texts:
                core.read_yaml(text)
            for value in values:
                codec.encode(value, None)
                core.canonical_bytes(value)
            for part in (*ids, *bad):
                codec.decode(part)
        sizes.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert sizes[-1] - sizes[0] < 2_000  # kilobytes
