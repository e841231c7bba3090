"""Tokens and masks of the tokenizer, next to byte-pair encoding and grammar engines.

All tokenizers learn from the same workflows and are measured on other repositories;
`peers.py` holds the grammar engines and the documents that break the schema.
"""

import base64
import hashlib
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import metadata, util
from pathlib import Path
from typing import Any, Protocol
from unittest import mock

import click
import numpy as np
import peers
import pyarrow.parquet as pq

from tct import __version__
from tct.data.json_text import Json, canonical_bytes
from tct.data.tokenizer.references import History
from tct.pipeline import vocabulary
from tct.pipeline.parse import parse_document
from tct.pipeline.rejects import RejectedError
from tct.pipeline.train_tokenizer import train_tokenizer, training_rows

CORPUS = Path(__file__).resolve().parents[2] / "shared/corpus/workflows-head.parquet"
CONTEXT = 1024
PEERS = ("tokenizers", "tiktoken", "xgrammar", "llguidance")

BASELINE = "BPE-8192, no regex"

Pair = tuple[str, Json]
"""A repository and a document of it."""


class Scheme(Protocol):
    """JSON values to token ids and back, text and parsing of JSON included."""

    def encode(self, value: Json) -> Sequence[int]:
        """The token ids of a document."""

    def decode(self, ids: Any) -> Json:
        """The document of some token ids."""


@dataclass(frozen=True)
class OnText:
    """A tokenizer of text on the canonical JSON text of a value."""

    to_ids: Callable[[str], Sequence[int]]
    to_text: Callable[[Sequence[int]], str]
    model: Any = None

    def encode(self, value: Json) -> Sequence[int]:
        """The ids of the canonical text."""
        return self.to_ids(canonical_bytes(value).decode())

    def decode(self, ids: Sequence[int]) -> Json:
        """The value that the text stands for."""
        value: Json = json.loads(self.to_text(ids))
        return value


@dataclass(kw_only=True)
class Row:
    """What is measured of one tokenizer; times in seconds for all test documents."""

    name: str
    scheme: Scheme
    train: float
    counts: dict[str, list[int]] = field(default_factory=dict)
    first: float = 0.0
    encode: list[float] = field(default_factory=list)
    decode: list[float] = field(default_factory=list)


# -- tokenizers ------------------------------------------------------------------------


def train_tct(documents: list[Pair]) -> Scheme:
    return train_tokenizer(lambda: documents)


class WithoutReferences:
    """TCT that spells a text each time it comes."""

    def __init__(self, documents: list[Pair]) -> None:
        """Learn from documents."""
        with self._no_references():
            self.tokenizer = train_tokenizer(lambda: documents)

    @staticmethod
    def _no_references() -> Any:
        return mock.patch.object(History, "find", return_value=None)

    def encode(self, value: Json) -> Sequence[int]:
        """The token ids of a document."""
        with self._no_references():
            return self.tokenizer.encode(value).tolist()

    def decode(self, ids: Any) -> Json:
        """The document of some token ids."""
        return self.tokenizer.decode(ids)


def train_first_merges(documents: list[Pair]) -> Scheme:
    """TCT with the first merges, as BPE has them, and none dropped."""
    with mock.patch.object(vocabulary, "_SURPLUS", 1):
        return train_tokenizer(lambda: documents)


class PlainTct(WithoutReferences):
    """Neither references nor dropped merges."""

    def __init__(self, documents: list[Pair]) -> None:
        """Learn from documents."""
        with mock.patch.object(vocabulary, "_SURPLUS", 1):
            super().__init__(documents)


def train_bpe(documents: list[Pair], *, regex: bool) -> Scheme:
    """Byte-level BPE of minified JSON; without `regex` a document is one word."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    model = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=regex)
    model.pre_tokenizer, model.decoder = level, decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=8192,
        max_token_length=64,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = (canonical_bytes(value).decode() for _, value in documents)
    model.train_from_iterator(texts, trainer)
    return OnText(lambda text: model.encode(text).ids, model.decode, model)


def read_ranks(path: Path) -> Scheme:
    """A tiktoken encoding from a file of npm's js-tiktoken (dist/ranks/*.js)."""
    import tiktoken

    text = path.read_text()
    data = json.loads(text[text.index("{") : text.rindex("}") + 1])
    ranks: dict[bytes, int] = {}
    for line in data["bpe_ranks"].splitlines():
        _, first, *tokens = line.split()
        for rank, token in enumerate(tokens, int(first)):
            ranks[base64.b64decode(token)] = rank
    encoding = tiktoken.Encoding(
        path.stem, pat_str=data["pat_str"], mergeable_ranks=ranks, special_tokens={}
    )
    return OnText(encoding.encode_ordinary, encoding.decode)


# Name, the package that it needs, and a function of documents; the first is measured
# in the second table too.
SCHEMES: list[tuple[str, str, Callable[[list[Pair]], Scheme]]] = [
    ("TCT", "numpy", train_tct),
    ("TCT without references", "numpy", WithoutReferences),
    ("TCT with the first merges", "numpy", train_first_merges),
    ("TCT with neither", "numpy", PlainTct),
    (BASELINE, "tokenizers", lambda pairs: train_bpe(pairs, regex=False)),
    ("BPE-8192, GPT-2 regex", "tokenizers", lambda pairs: train_bpe(pairs, regex=True)),
]


def train_all(train: list[Pair], ranks: Iterable[Path]) -> list[Row]:
    """Every tokenizer that is installed."""
    rows = []
    for name, module, trainer in SCHEMES:
        if util.find_spec(module) is None:
            continue
        say(f"training {name}")
        begun = time.perf_counter()
        scheme = trainer(train)
        rows.append(Row(name=name, scheme=scheme, train=time.perf_counter() - begun))
    if util.find_spec("tiktoken") is not None:
        rows += [Row(name=p.stem, scheme=read_ranks(p), train=0.0) for p in ranks]
    return rows


# -- documents -------------------------------------------------------------------------


def read_corpus(path: Path) -> tuple[list[Pair], list[Pair]]:
    """Training pairs, at most 60 of a repository, and test pairs."""
    if not path.is_file():
        raise click.ClickException(
            f"{path.name}: not found; give a parquet file with columns repo and text"
        )
    table = pq.read_table(path, columns=["repo", "text"]).to_pydict()
    splits: tuple[list[Pair], list[Pair]] = [], []
    for repo, text in zip(table["repo"], table["text"], strict=True):
        digest = int(hashlib.sha256(repo.encode()).hexdigest(), 16)
        try:
            splits[digest % 4 == 0].append((repo, parse_document(text.encode())))
        except RejectedError:
            continue
    train, test = splits
    return [train[row] for row in training_rows([repo for repo, _ in train])], test


# -- table 1 ---------------------------------------------------------------------------


def measure(
    rows: list[Row], train: list[Json], test: list[Json], rounds: int
) -> dict[str, int]:
    """Fill `rows`; canonical JSON bytes of each split.

    Caches are filled by the training documents, so `first` is for new documents and
    the rounds after it are for documents that were seen before.
    """
    for row in rows:
        say(f"encoding with {row.name}")
        row.counts["train"] = [len(row.scheme.encode(value)) for value in train]
        begun = time.perf_counter()
        ids = [row.scheme.encode(value) for value in test]
        row.first = time.perf_counter() - begun
        row.counts["test"] = [len(numbers) for numbers in ids]
        for value, numbers in zip(test, ids, strict=True):
            back = canonical_bytes(row.scheme.decode(numbers))
            assert back == canonical_bytes(value), f"{row.name} changed a document"
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        for row in rows:
            begun = time.perf_counter()
            ids = [row.scheme.encode(value) for value in test]
            middle = time.perf_counter()
            for numbers in ids:
                row.scheme.decode(numbers)
            row.encode.append(middle - begun)
            row.decode.append(time.perf_counter() - middle)
    splits = {"test": test, "train": train}
    return {
        split: sum(len(canonical_bytes(value)) for value in values)
        for split, values in splits.items()
    }


def print_tokens(rows: list[Row], num_bytes: dict[str, int]) -> None:
    """Tokens per document and per byte."""
    click.echo("## Tokens\n")
    click.echo(
        "| | documents | JSON bytes/token | mean | median | p90 | p99 | <= 1,024 |"
    )
    click.echo("|---|---|---|---|---|---|---|---|")
    for split, size in num_bytes.items():
        for row in rows:
            counts = row.counts[split]
            middle, p90, p99 = np.percentile(counts, [50, 90, 99])
            click.echo(
                f"| {row.name} | {split} | {size / sum(counts):.3f} "
                f"| {statistics.mean(counts):,.1f} | {middle:,.0f} | {p90:,.0f} "
                f"| {p99:,.0f} | {np.mean(np.array(counts) <= CONTEXT):.1%} |"
            )


def print_speed(rows: list[Row], documents: int) -> None:
    """Documents per second on one thread, and ratios within a round."""
    click.echo("\n## Speed on the test documents, JSON text included\n")
    click.echo(
        "| | training | encode, new | encode, seen | x TCT | decode | x TCT |\n"
        "|---|---|---|---|---|---|---|"
    )
    for row in rows:
        rates = [documents / statistics.median(t) for t in (row.encode, row.decode)]
        ratios = [
            statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
            for ours, theirs in (
                (rows[0].encode, row.encode),
                (rows[0].decode, row.decode),
            )
        ]
        train = f"{row.train:.1f} s" if row.train else "-"
        click.echo(
            f"| {row.name} | {train} | {documents / row.first:,.0f}/s "
            f"| {rates[0]:,.0f}/s | {ratios[0]:.2f} "
            f"| {rates[1]:,.0f}/s | {ratios[1]:.2f} |"
        )


# -- command ---------------------------------------------------------------------------


def say(message: str) -> None:
    click.echo(message, err=True)


def version(name: str) -> str:
    found = util.find_spec(name) is not None
    return f"{name} {metadata.version(name)}" if found else f"{name} not installed"


@click.command()
@click.option("--corpus", type=Path, default=CORPUS, help="Parquet: repo, text.")
@click.option("--ranks", type=Path, multiple=True, help="js-tiktoken ranks, .js.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--documents", default=200, show_default=True, help="For the masks.")
@click.option(
    "--warm", default=200, show_default=True, help="Fill caches with so many."
)
@click.option("--tokens-only", is_flag=True, help="Leave the masks out.")
def main(
    corpus: Path,
    ranks: tuple[Path, ...],
    rounds: int,
    documents: int,
    warm: int,
    tokens_only: bool,
) -> None:
    """Print tables in Markdown."""
    os.environ |= {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1"}
    train, test = read_corpus(corpus)
    click.echo(
        f"# Tokenizers, {len(train):,} training and {len(test):,} test documents"
    )
    click.echo(
        f"\ntct {__version__}, {', '.join(map(version, PEERS))}, "
        f"Python {platform.python_version()}, {platform.machine()}, "
        f"one thread, {rounds} interleaved rounds, medians\n"
    )
    rows = train_all(train, ranks)
    values = [value for _, value in test]
    num_bytes = measure(rows, [value for _, value in train], values, rounds)
    print_tokens(rows, num_bytes)
    print_speed(rows, len(test))
    if not tokens_only:
        plain = next((r.scheme.model for r in rows if r.name == BASELINE), None)
        trained = [value for _, value in train]
        spread = trained[:: max(1, len(trained) // warm)][:warm]
        peers.compare(
            rows[0].scheme, plain, spread, values, documents=documents, say=say
        )


if __name__ == "__main__":
    main()
