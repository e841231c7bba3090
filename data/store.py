"""The store: token shards, a document index, and the manifest that vouches for both.

    tokens-00000.npy …   NumPy's own format, 1-D little-endian uint16; a document never
                         crosses shards; the last GUARD_TOKENS ids of a shard are PAD,
                         so that a window may be read at full width anywhere
    docs.arrow           one row per document, in the order of the sources
    rejects.arrow        one row per input that is not in the store, with the reason
    tokenizer.json       everything that encodes and decodes
    manifest.json        written last: what the store was made from, and the size and
                         sha256 of every other file

Opening maps the files into memory and copies no token: `Store.tokens` is a view.
"""

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .errors import CorruptError, FormatError
from .files import canonical_json, check_format, read_json, sha256_file
from .tokenizer import Tokenizer
from .windows import CONTEXT

__all__ = [
    "DOCS_SCHEMA",
    "GUARD_TOKENS",
    "REJECTS_SCHEMA",
    "SPLITS",
    "STORE_FORMAT",
    "STORE_VERSION",
    "Split",
    "Store",
    "Verify",
    "check_files",
    "read_arrow",
    "read_manifest",
    "shard_name",
]

STORE_FORMAT = "tct-store"
STORE_VERSION = 2
GUARD_TOKENS = CONTEXT + 1

Split = Literal["train", "val"]
SPLITS: tuple[Split, ...] = get_args(Split)
Verify = Literal["full", "sizes", "off"]

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

_REMAKE = "restore it, or prepare the store again with tct prepare --force"


def shard_name(number: int) -> str:
    """File name of a token shard, counted from 0."""
    return f"tokens-{number:05d}.npy"


@dataclass(frozen=True, kw_only=True)
class Store:
    """An opened store.  Immutable; safe to share between threads."""

    folder: Path
    manifest: dict[str, Any]
    docs: pa.Table
    """docs.arrow, mapped; see DOCS_SCHEMA."""
    shards: list[NDArray[np.uint16]]
    """One read-only view of the map per shard, guards included."""
    shard: NDArray[np.uint16]
    """Shard of each document."""
    offset: NDArray[np.int64]
    """First token of each document in its shard."""
    length: NDArray[np.int64]
    """Tokens of each document."""

    @staticmethod
    def open(folder: Path | str, *, verify: Verify = "full") -> "Store":
        """Map a store into memory.

        Args:
            folder: what `tct prepare -o` wrote.
            verify: "full" compares every file's sha256 with the manifest (one
                sequential pass that also warms the page cache, about 0.1 s per
                150 MB); "sizes" compares sizes only; "off" compares nothing.

        Raises:
            FormatError: no store, or one of another version.
            CorruptError: a file is missing, truncated or altered.
        """
        folder = Path(folder)
        manifest = read_manifest(folder)
        check_files(folder, manifest, verify=verify)
        docs = read_arrow(folder / "docs.arrow")
        names = sorted(name for name in manifest["files"] if name.startswith("tokens-"))
        return Store(
            folder=folder,
            manifest=manifest,
            docs=docs,
            shards=[_map_shard(folder / name) for name in names],
            shard=_numbers(_column(docs, "shard")),
            offset=_numbers(_column(docs, "offset")),
            length=_numbers(_column(docs, "length")).astype(np.int64),
        )

    def __len__(self) -> int:
        """The number of documents."""
        return len(self.length)

    @property
    def digest(self) -> str:
        """Identity of everything in the store: sha256 of the manifest's fixed part."""
        return str(self.manifest["digest"])

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that wrote the store."""
        return Tokenizer.load(self.folder / "tokenizer.json")

    @cached_property
    def phase(self) -> NDArray[np.uint16]:
        """A number per document, evenly spread: the first two bytes of its sha256.

        Little-endian; a view of the map.
        """
        column = _column(self.docs, "sha256")
        digests = np.frombuffer(column.buffers()[1], dtype="<u2").reshape(-1, 16)
        return digests[column.offset : column.offset + len(column), 0]

    def rows(self, split: Split) -> NDArray[np.int64]:
        """Rows of docs.arrow that belong to a split, ascending."""
        column = _column(self.docs, "split")
        code = column.dictionary.to_pylist().index(split)
        return np.flatnonzero(_numbers(column.indices) == code)

    def tokens(self, row: int) -> NDArray[np.uint16]:
        """The token ids of one document; a view of the memory map, not a copy."""
        start = int(self.offset[row])
        end = start + int(self.length[row])
        view: NDArray[np.uint16] = self.shards[self.shard[row]][start:end]
        return view

    def __str__(self) -> str:
        """One line for logs."""
        return (
            f"{self.folder}: {len(self):,} documents, "
            f"{int(self.length.sum()):,} tokens in {len(self.shards)} shards"
        )


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a store, its kind and version checked before anything else."""
    path = folder / "manifest.json"
    if not path.is_file():
        raise FormatError(
            f"{folder}: no manifest.json, so this is not a complete store",
            "run tct prepare SOURCE -o STORE first",
        )
    manifest = read_json(path)
    check_format(
        manifest,
        path,
        name="store",
        version=STORE_VERSION,
        remake="prepare it again with tct prepare --force",
    )
    fixed = {k: v for k, v in manifest.items() if k not in ("digest", "run")}
    if hashlib.sha256(canonical_json(fixed)).hexdigest() != manifest.get("digest"):
        raise CorruptError(
            f"{path}: its content has not the digest it records", _REMAKE
        )
    return manifest


def read_arrow(path: Path) -> pa.Table:
    """Map an Arrow IPC file; its columns are views of the map."""
    try:
        with pa.memory_map(os.fsencode(path)) as source:
            return pa.ipc.open_file(source).read_all()
    except (OSError, pa.ArrowInvalid) as error:
        problem = f"{path}: no readable Arrow file ({error})"
        raise CorruptError(problem, _REMAKE) from error


def check_files(folder: Path, manifest: dict[str, Any], *, verify: Verify) -> None:
    """Compare the files of a store with its manifest; see `Store.open`."""
    if verify == "off":
        return
    for name, recorded in manifest["files"].items():
        path = folder / name
        if not path.is_file():
            raise CorruptError(f"{path}: missing, but the manifest lists it", _REMAKE)
        found = path.stat().st_size
        if found != recorded["bytes"]:
            raise CorruptError(
                f"{path}: found {found:,} bytes, "
                f"the manifest records {recorded['bytes']:,}",
                _REMAKE,
            )
        if verify == "full" and (digest := sha256_file(path)) != recorded["sha256"]:
            raise CorruptError(
                f"{path}: found sha256 {digest[:12]}…, "
                f"the manifest records {recorded['sha256'][:12]}…",
                _REMAKE,
            )


def _map_shard(path: Path) -> NDArray[np.uint16]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        problem = f"{path}: no readable .npy file ({error})"
        raise CorruptError(problem, _REMAKE) from error
    if array.dtype != np.dtype("<u2") or array.ndim != 1:
        raise CorruptError(
            f"{path}: found {array.ndim}-D {array.dtype}, expected 1-D uint16", _REMAKE
        )
    # A plain ndarray over the same memory: slices of np.memmap cost 1.5 times as much.
    tokens: NDArray[np.uint16] = array.view(np.ndarray)
    return tokens


def _column(docs: pa.Table, name: str) -> pa.Array:
    """A column in one piece; of a store that tct wrote, a view of the map."""
    column = docs[name]
    # combine_chunks copies even a single chunk.
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _numbers(array: pa.Array) -> NDArray[Any]:
    """An array without nulls as a view of its buffer.

    pyarrow's to_numpy would do, but imports pandas where there is one: half a second
    and 30 MB.
    """
    dtype = np.dtype(str(array.type))
    numbers = np.frombuffer(array.buffers()[1] or b"", dtype=dtype)
    return numbers[array.offset : array.offset + len(array)]
