"""The store: token shards, a document index, and a manifest with their sha256.

    tokens-00000.npy …   NumPy's own format, 1-D little-endian uint16; a document never
                         crosses shards; the last GUARD_TOKENS ids of a shard are PAD,
                         so a window can be read at full width anywhere
    docs.arrow           one row per document, in the order of the sources
    rejects.arrow        one row per input that is not in the store, with the reason
    tokenizer.json       everything that encodes and decodes
    manifest.json        written last: what the store was made from, and the size and
                         sha256 of every other file

Opening maps the files into memory and copies no token: `Store.tokens` is a view.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..tokenizer import Tokenizer
from .files import Verify, check_files, read_arrow, read_manifest, shard_name, wrong
from .remote import Copy, locate
from .shards import GUARD_TOKENS, Rows, Shards, Tokens, check_rows, open_shard

__all__ = [
    "DOCS_SCHEMA",
    "GUARD_TOKENS",
    "REJECTS_SCHEMA",
    "SPLITS",
    "Split",
    "Store",
    "digest_rows",
]

Split = Literal["train", "val"]
SPLITS: tuple[Split, ...] = get_args(Split)

DOCS_SCHEMA = pa.schema(
    {
        "sha256": pa.binary(32),  # of the canonical JSON: the document's id
        "path": pa.string(),
        "group": pa.string(),
        "split": pa.dictionary(pa.int8(), pa.string()),
        "n_bytes": pa.int64(),  # canonical JSON
        "n_source_bytes": pa.int64(),
        "shard": pa.uint16(),
        "offset": pa.int64(),  # in the shard
        "length": pa.uint32(),  # tokens
        "on_schema": pa.bool_(),  # encoded without an escape
        "source_sha256": pa.binary(32),  # of the source text
    }
)
REJECTS_SCHEMA = pa.schema(
    {
        "path": pa.string(),
        "sha256": pa.binary(32),  # of the input text
        "stage": pa.string(),
        "reason": pa.string(),
        "message": pa.string(),
    }
)


@dataclass(frozen=True, kw_only=True)
class Store:
    """An opened store.  Immutable; safe to share between threads."""

    folder: Path
    manifest: dict[str, Any]
    docs: pa.Table
    """docs.arrow, mapped; see DOCS_SCHEMA."""
    shards: Sequence[Tokens]
    """One read-only view of the map per shard, guards included."""
    shard: NDArray[np.uint16]
    """Shard of each document."""
    offset: NDArray[np.int64]
    """First token of each document in its shard."""
    length: NDArray[np.int64]
    """Tokens of each document."""
    copy: Copy | None = None
    """Of a store elsewhere; `folder` is in the cache then."""

    @staticmethod
    def open(
        folder: Path | str,
        *,
        verify: Verify = "full",
        note: Callable[[str], None] = lambda text: None,
    ) -> "Store":
        """Map a store into memory.

        Args:
            folder: what `tct prepare -o` wrote, or a URI of it such as
                `s3://bucket/store`; its shards come when they are needed.
            verify: "full" compares every file's sha256 with the manifest (one
                sequential pass that also warms the page cache, about 0.1 s per
                150 MB); "sizes" compares sizes only; "off" compares nothing.  What
                comes from elsewhere is always compared in full.
            note: called with a line on what is fetched from elsewhere.

        Raises:
            FormatError: no store, or one of another version.
            CorruptError: a file is missing, truncated, altered or has invalid content;
                "full" checks every row and every id.
            SourceError: a URI that cannot be reached, and no whole copy of it is here.
        """
        folder, copy = locate(folder, note)
        manifest = read_manifest(folder)
        if copy is None:
            check_files(folder, manifest, verify=verify)
        store = _mapped(folder, manifest, copy, check_ids=verify == "full")
        _check_rows(store)
        if copy is None:
            list(store.shards)  # opens each of them
        return store

    def __len__(self) -> int:
        """The number of documents."""
        return len(self.length)

    @property
    def digest(self) -> str:
        """Identity of everything in the store: sha256 of the manifest's fixed part."""
        return str(self.manifest["digest"])

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that encoded the store.

        Raises:
            FormatError, CorruptError: no tokenizer, or not the one of the manifest.
        """
        path, recorded = self.folder / "tokenizer.json", self.manifest["tokenizer"]
        tokenizer = Tokenizer.load(path)
        if tokenizer.digest != recorded:
            wrong(path, f"digest {tokenizer.digest[:12]}", f"{recorded[:12]}")
        return tokenizer

    @cached_property
    def phase(self) -> NDArray[np.uint16]:
        """(documents,) evenly spread numbers: the first two bytes of each sha256.

        Little-endian; a view of the map.
        """
        return self.digests("sha256").view("<u2")[:, 0]

    def digests(self, name: Literal["sha256", "source_sha256"]) -> NDArray[np.uint8]:
        """(documents, 32) the sha256 of a column; a view of the map."""
        return digest_rows(_column(self.docs, name))

    def rows(self, split: Split) -> NDArray[np.int64]:
        """Rows of docs.arrow that belong to a split, ascending."""
        if split not in SPLITS:
            expected = " or ".join(SPLITS)
            raise ValueError(f"split: found {split!r}, expected {expected}")
        column = _column(self.docs, "split")
        code = column.dictionary.to_pylist().index(split)
        return np.flatnonzero(_numbers(column.indices) == code)

    @property
    def arguments(self) -> tuple[str, ...]:
        """How the command line spells it, without secrets."""
        return (self.copy.uri if self.copy else str(self.folder),)

    @property
    def is_here(self) -> bool:
        """Whether every shard is on this machine, so that none is waited for."""
        return self.copy is None or self.copy.is_complete

    def expect(self, shards: Iterable[int]) -> None:
        """Say which shards will be read, in this order; only fetching depends on it."""
        if self.copy is not None:
            self.copy.expect(map(shard_name, shards))

    @property
    def first_rows(self) -> list[int]:
        """The first row of each store: of a `Mixture`, there are several."""
        return [0]

    def stages_of(self, steps: int | None) -> list[tuple[int, tuple[Fraction, ...]]]:
        """Which passes an epoch makes; see `Mixture.stages_of`."""
        return [(0, (Fraction(1),))]

    def tokens(self, row: int) -> NDArray[np.uint16]:
        """The token ids of one document; a view of the memory map, not a copy."""
        start = int(self.offset[row])
        end = start + int(self.length[row])
        view: NDArray[np.uint16] = self.shards[self.shard[row]][start:end]
        return view

    def __str__(self) -> str:
        """One line for logs."""
        return (
            f"{self.arguments[0]}: {len(self):,} documents, "
            f"{int(self.length.sum()):,} tokens in {len(self.shards)} shards"
        )


def _mapped(
    folder: Path, manifest: dict[str, Any], copy: Copy | None, *, check_ids: bool
) -> Store:
    docs = read_arrow(folder / "docs.arrow", DOCS_SCHEMA)
    names = sorted(name for name in manifest["files"] if name.startswith("tokens-"))
    rows = Rows(
        shard=_numbers(_column(docs, "shard")),
        offset=_numbers(_column(docs, "offset")),
        length=_numbers(_column(docs, "length")).astype(np.int64),
        num_shards=len(names),
    )
    check_rows(folder, rows)

    def opened(number: int) -> Tokens:
        path = copy.wait(names[number]) if copy else folder / names[number]
        return open_shard(path, number, rows, check_ids=check_ids)

    return Store(
        folder=folder,
        manifest=manifest,
        docs=docs,
        shards=Shards([partial(opened, number) for number in range(len(names))]),
        shard=rows.shard,
        offset=rows.offset,
        length=rows.length,
        copy=copy,
    )


def digest_rows(column: pa.FixedSizeBinaryArray) -> NDArray[np.uint8]:
    """(rows, 32) the sha256 of a column without nulls; a view."""
    start, size = 32 * column.offset, 32 * len(column)
    buffer = column.buffers()[1] or b""
    return np.frombuffer(buffer, np.uint8, size, start).reshape(-1, 32)


def _column(docs: pa.Table, name: str) -> pa.Array:
    """A column in one piece; of a store that tct wrote, a view of the map."""
    column = docs[name]
    # combine_chunks copies even a single chunk.
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _numbers(array: pa.Array) -> NDArray[Any]:
    """An array without nulls as a view of its buffer.

    pyarrow's to_numpy imports pandas if it is installed: half a second and 30 MB.
    """
    dtype = np.dtype(str(array.type))
    start = array.offset * dtype.itemsize
    return np.frombuffer(array.buffers()[1], dtype, len(array), start)


def _check_rows(store: Store) -> None:
    """Check the number of documents, and that each is of a known split."""
    where = store.folder / "docs.arrow"
    counts = store.manifest["splits"].values()
    documents = sum(split["documents"] for split in counts)
    if len(store) != documents:
        wrong(where, f"{len(store):,} documents", f"{documents:,} as in the manifest")
    for chunk in store.docs["split"].chunks:
        if (names := chunk.dictionary.to_pylist()) != list(SPLITS):
            wrong(f"{where}: split", names, f"{list(SPLITS)}")
