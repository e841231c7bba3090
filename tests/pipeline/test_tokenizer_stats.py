"""Measuring a tokenizer: what is counted is what is there."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tct.data.display.progress import SilentProgress
from tct.data.documents.json_text import canonical_bytes
from tct.data.documents.parse import parse_document
from tct.data.errors import SourceError
from tct.data.store import Store
from tct.data.tokenizer import VOCAB_SIZE, Tokenizer
from tct.data.tokenizer.symbols import Control, is_text
from tct.pipeline.sources import Columns
from tct.pipeline.vocabulary.stats import TokenizerStats, measure


def stats_of(*sources: Path, tokenizer: Tokenizer | None = None) -> TokenizerStats:
    chosen = tokenizer or Tokenizer.default()
    return measure(chosen, sources, Columns(), SilentProgress())


def test_the_counts_are_those_of_the_store(workflows: Path, store: Store) -> None:
    stats = stats_of(workflows)
    assert stats.inputs == len(stats.lengths) == stats.lossless == stats.on_schema == 60
    assert stats.lengths == store.length.tolist()
    assert stats.bytes == sum(store.docs["n_bytes"].to_pylist())
    assert stats.violations == Counter()
    every = np.concatenate([store.tokens(row) for row in range(60)])
    assert stats.uses.tolist() == np.bincount(every, minlength=VOCAB_SIZE).tolist()
    assert stats.encode_seconds > 0
    assert stats.decode_seconds > 0


def test_every_token_is_of_one_kind(workflows: Path) -> None:
    tokenizer = Tokenizer.default()
    stats = stats_of(workflows)
    kinds = Counter[str]()
    for path in workflows.rglob("*.yml"):
        for number in tokenizer.encode(parse_document(path.read_bytes())).tolist():
            texts = [is_text(symbol) for symbol in tokenizer.vocabulary[number]]
            kinds["text" if all(texts) else "both" if any(texts) else "structure"] += 1
    assert stats.kinds == kinds
    assert sum(stats.kinds.values()) == sum(stats.lengths)
    assert min(stats.kinds.values()) > 0


def test_a_small_document_is_measured_exactly(tmp_path: Path) -> None:
    default = Tokenizer.default()
    plain = Tokenizer(
        default.grammar, characters="", merges=[], schema_sha256=default.schema_sha256
    )
    (tmp_path / "a.yml").write_text("on: push\nname: é")
    stats = stats_of(tmp_path / "a.yml", tokenizer=plain)
    # on push name C3 A9 END, an escape for the lack of jobs, and the close.
    assert stats.lengths == [8]
    assert stats.bytes == len('{"on":"push","name":"é"}'.encode())
    assert stats.kinds == {"text": 2, "structure": 6, "both": 0}
    assert stats.uses[list(Control).index(Control.END)] == 1
    assert stats.uses.sum() == 8
    assert (stats.lossless, stats.on_schema) == (1, 0)
    assert stats.violations == {"the document: lacks a required key": 1}


def test_documents_are_counted_by_what_they_break(tmp_path: Path) -> None:
    texts = {
        "fine": "on: push\njobs: {a: {uses: a/b.yml@c}}",
        "odd": "on: push\njobs: {a: {uses: a/b.yml@c}}\nodd: 1\neven: 2",
        "oddest": "jobs: {a: {uses: a/b.yml@c, odd: 1}, b: {uses: a/b.yml@c, odd: 1}}",
        "no object": "- a",
        "no yaml": "[",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.yml").write_text(text)
    stats = stats_of(tmp_path)
    assert (stats.inputs, len(stats.lengths)) == (5, 3)
    assert (stats.lossless, stats.on_schema) == (3, 1)
    assert stats.violations == {
        "the document: unknown key 'odd'": 1,
        "the document: unknown key 'even'": 1,
        "the document: lacks a required key": 1,
        "jobs.*: unknown key 'odd'": 1,
    }
    values = [
        parse_document(texts[name].encode()) for name in ("fine", "odd", "oddest")
    ]
    assert stats.bytes == sum(len(canonical_bytes(value)) for value in values)


def test_another_tokenizer_has_other_lengths(
    workflows: Path, other_tokenizer: Path
) -> None:
    other = stats_of(workflows, tokenizer=Tokenizer.load(other_tokenizer))
    assert other.lossless == 60
    assert sum(other.lengths) > sum(stats_of(workflows).lengths)


def test_no_document_at_all_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("- a")
    with pytest.raises(SourceError, match=r"a\.yml: no document among 1 inputs; check"):
        stats_of(tmp_path / "a.yml")
