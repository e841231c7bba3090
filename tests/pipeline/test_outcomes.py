"""What becomes of an input depends on that input alone."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tct.data.display.progress import SilentProgress
from tct.data.documents.json_text import canonical_bytes
from tct.data.store import REJECTS_SCHEMA, Store
from tct.data.store.files import read_arrow
from tct.data.tokenizer import Tokenizer
from tct.data.windows import MAX_DOCUMENT_TOKENS
from tct.pipeline.prepare import PrepareOptions, prepare
from tct.pipeline.prepare.encode import Encoder
from tct.pipeline.sources import Record

LONG = "x" * 300
TEXTS = {
    "dash": f"on: push\njobs:\n  t:\n    steps:\n    -uses: a\n    -run: {LONG}\n",
    "pairs": f"on: push\njobs:\n  -foo: {LONG}\n  bar: 1\n",
    "mixed": f"on: push\njobs:\n  - y\n  -foo: {LONG}\n",
    "reversed": f"on: push\njobs:\n  -foo: {LONG}\n  - y\n",
    "items": f"on: push\njobs:\n  - y\n  - foo: {LONG}\n",
}


def record(text: str) -> Record:
    return Record(path="x", text=text.encode(), group=None)


def test_an_outcome_is_the_same_in_any_company() -> None:
    tokenizer = Tokenizer.default()
    alone = {
        name: Encoder(tokenizer).outcome(record(text)) for name, text in TEXTS.items()
    }
    assert [alone[name].reason for name in TEXTS] == [
        None,
        None,
        "syntax",
        "syntax",
        None,
    ]
    for order in itertools.permutations(TEXTS):
        encoder = Encoder(tokenizer)
        for name in order:
            outcome = encoder.outcome(record(TEXTS[name]))
            assert outcome.reason == alone[name].reason
            assert outcome.message == alone[name].message
            assert outcome.tokens.tolist() == alone[name].tokens.tolist()


def test_a_dash_that_touches_a_key_begins_it() -> None:
    tokenizer = Tokenizer.default()
    outcome = Encoder(tokenizer).outcome(record(TEXTS["dash"]))
    assert canonical_bytes(tokenizer.decode(outcome.tokens)) == (
        b'{"on":"push","jobs":{"t":{"steps":null,"-uses":"a","-run":"%s"}}}'
        % LONG.encode()
    )


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_store_holds_the_same_documents_in_any_order(
    tmp_path: Path, workers: int, backwards: bool
) -> None:
    names = list(TEXTS)[:: -1 if backwards else 1]
    (tmp_path / "wf").mkdir()
    for number, name in enumerate(names):
        (tmp_path / "wf" / f"{number}-{name}.yml").write_text(TEXTS[name])
    options = PrepareOptions(workers=workers)
    prepare([tmp_path / "wf"], tmp_path / "store", options, SilentProgress())
    store = Store.open(tmp_path / "store")
    kept = {
        canonical_bytes(store.tokenizer.decode(store.tokens(row)))
        for row in range(len(store))
    }
    assert len(kept) == 3
    path = tmp_path / "store" / "rejects.arrow"
    rejects = read_arrow(path, REJECTS_SCHEMA).to_pylist()
    found = {row["path"].partition("-")[2]: row["reason"] for row in rejects}
    assert found == {"mixed.yml": "syntax", "reversed.yml": "syntax"}


def test_encoding_ends_where_a_document_is_known_to_be_too_long() -> None:
    tokenizer = Tokenizer.default()
    taken = 0

    def chunks() -> Iterator[str]:
        nonlocal taken
        for line in itertools.repeat("make test\n"):
            taken += 1
            yield line

    per_chunk = len(tokenizer.segmenter.segment("make test\n"))
    ids = tokenizer.segmenter.encode(chunks(), MAX_DOCUMENT_TOKENS)
    assert taken == MAX_DOCUMENT_TOKENS // per_chunk + 1
    assert len(ids) == 2 * per_chunk * taken
