"""Export the documents of a store as text."""

from collections.abc import Iterable, Iterator
from typing import Literal

from ..documents.json_text import canonical_bytes
from ..documents.yaml_writer import to_yaml
from .store import Store

__all__ = ["Format", "export"]

Format = Literal["jsonl", "yaml"]


def export(store: Store, rows: Iterable[int], kind: Format) -> Iterator[bytes]:
    r"""Yield the text of some documents; the parts joined are one file.

    Args:
        store: the store.
        rows: rows of docs.arrow.
        kind: "jsonl" for a line of canonical JSON each; "yaml" for documents separated
            by `---`.

    Raises:
        DecodeError: the store is damaged.
    """
    for number, row in enumerate(rows):
        value = store.tokenizer.decode(store.tokens(row))
        if kind == "jsonl":
            yield canonical_bytes(value) + b"\n"
        else:
            yield (("---\n" if number else "") + to_yaml(value)).encode()
