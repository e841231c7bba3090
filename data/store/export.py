"""Export the documents of a store as text."""

from collections.abc import Iterable, Iterator
from typing import Literal

from ..documents.json_text import canonical_bytes
from ..documents.yaml_writer import to_yaml
from .store import Store

__all__ = ["Format", "export"]

Format = Literal["jsonl", "yaml"]


def export(store: Store, rows: Iterable[int], style: Format) -> Iterator[bytes]:
    r"""Yield the text of some documents; the parts joined are one file.

    Args:
        store: the store.
        rows: rows of docs.arrow.
        style: "jsonl" for a line of canonical JSON each; "yaml" for documents separated
            by `---`.

    Raises:
        DecodeError: the store is damaged.
    """
    bare_keys = store.tokenizer.kind.bare_keys
    for number, row in enumerate(rows):
        value = store.tokenizer.decode(store.tokens(row))
        if style == "jsonl":
            yield canonical_bytes(value) + b"\n"
        else:
            text = to_yaml(value, bare_keys=bare_keys)
            yield (("---\n" if number else "") + text).encode()
