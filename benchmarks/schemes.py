"""The tokenizers that are compared, and the documents that they learn from.

TCT works on values, byte-pair encoding on their text: minified JSON or YAML.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from unittest import mock

import click

from tct.data.documents.json_text import Json, canonical_bytes
from tct.data.documents.parse import parse_document
from tct.data.documents.rejects import RejectedError
from tct.data.documents.yaml_writer import to_yaml
from tct.data.errors import SourceError
from tct.data.tokenizer.codec.references import History
from tct.pipeline.sources import Columns, read_records
from tct.pipeline.vocabulary import prune as vocabulary
from tct.pipeline.vocabulary.train import train_tokenizer, training_rows

CORPUS = Path(__file__).resolve().parents[2] / "shared/corpus/workflows-head.parquet"

BASELINE = "BPE-8192, no regex"

Pair = tuple[str, Json]
"""A repository and a document of it."""


class Scheme(Protocol):
    """JSON values to token ids and back, text and parsing of JSON included."""

    def encode(self, value: Json) -> Sequence[int]:
        """The token ids of a document."""

    def decode(self, ids: Any) -> Json:
        """The document of some token ids."""


def to_json(value: Json) -> str:
    return canonical_bytes(value).decode()


def from_yaml(text: str) -> Json:
    return parse_document(text.encode())


@dataclass(frozen=True)
class OnText:
    """A tokenizer of text on the text of a value, by default its canonical JSON."""

    to_ids: Callable[[str], Sequence[int]]
    to_text: Callable[[Sequence[int]], str]
    model: Any = None
    write: Callable[[Json], str] = to_json
    read: Callable[[str], Json] = json.loads

    def encode(self, value: Json) -> Sequence[int]:
        """The ids of the text."""
        return self.to_ids(self.write(value))

    def decode(self, ids: Sequence[int]) -> Json:
        """The value that the text stands for."""
        return self.read(self.to_text(ids))


# -- tokenizers ------------------------------------------------------------------------


def train_tct(documents: list[Pair]) -> Scheme:
    return train_tokenizer(lambda: documents)


class WithoutReferences:
    """TCT that spells out every text, without references."""

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
    """TCT that keeps the first merges, as BPE does, and drops none."""
    with mock.patch.object(vocabulary, "_SURPLUS", 1):
        return train_tokenizer(lambda: documents)


class PlainTct(WithoutReferences):
    """Neither references nor dropped merges."""

    def __init__(self, documents: list[Pair]) -> None:
        """Learn from documents."""
        with mock.patch.object(vocabulary, "_SURPLUS", 1):
            super().__init__(documents)


def train_bpe(
    documents: list[Pair], *, regex: bool = False, yaml: bool = False
) -> OnText:
    """Byte-level BPE of minified JSON or YAML; without `regex` one is one word."""
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
    write, read = (to_yaml, from_yaml) if yaml else (to_json, json.loads)
    model.train_from_iterator((write(value) for _, value in documents), trainer)
    return OnText(lambda text: model.encode(text).ids, model.decode, model, write, read)


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


# -- documents -------------------------------------------------------------------------


def read_corpus(source: Path) -> tuple[list[Pair], list[Pair]]:
    """Training pairs, at most 60 of a repository, and test pairs."""
    splits: tuple[list[Pair], list[Pair]] = [], []
    try:
        for record in read_records([source], Columns()):
            repo = record.group or record.path
            digest = int(hashlib.sha256(repo.encode()).hexdigest(), 16)
            with suppress(RejectedError):
                value = parse_document(record.text)
                splits[digest % 4 == 0].append((repo, value))
    except SourceError as error:
        raise click.ClickException(str(error)) from error
    train, test = splits
    return [train[row] for row in training_rows([repo for repo, _ in train])], test


# -- all of them ---------------------------------------------------------------------

# Name, the package that it needs, and a function of documents; the first is measured
# in the second table too.
SCHEMES: list[tuple[str, str, Callable[[list[Pair]], Scheme]]] = [
    ("TCT", "numpy", train_tct),
    ("TCT without references", "numpy", WithoutReferences),
    ("TCT with the first merges", "numpy", train_first_merges),
    ("TCT with neither", "numpy", PlainTct),
    (BASELINE, "tokenizers", train_bpe),
    ("BPE-8192, GPT-2 regex", "tokenizers", lambda pairs: train_bpe(pairs, regex=True)),
    ("BPE-8192 of YAML", "tokenizers", lambda pairs: train_bpe(pairs, yaml=True)),
]


def say(message: str) -> None:
    click.echo(message, err=True)
