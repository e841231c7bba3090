"""The files of a store, each checked before anything in it is touched.

First the manifest, against its own digest; then size and sha256 of every file; then
the content, since a hash that fits only says that nobody changed the file since.  Arrow
follows the offsets in a file wherever they lead, so a table is validated in full before
a value of it is read.
"""

import hashlib
import os
import re
import tokenize
from pathlib import Path
from typing import Any, Literal, NoReturn, TypedDict

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..errors import CorruptError, FormatError
from ..files import canonical_json, check_sha256
from ..records import read_record, typed

__all__ = [
    "REPORT_NAME",
    "REPORT_VERSION",
    "STORE_FORMAT",
    "STORE_VERSION",
    "KeyInputs",
    "Verify",
    "check_files",
    "map_shard",
    "read_arrow",
    "read_manifest",
    "shard_name",
    "store_digest",
    "wrong",
]

STORE_FORMAT = "tct-store"
STORE_VERSION = 2
REPORT_NAME, REPORT_VERSION = "report.json", 1

Verify = Literal["full", "sizes", "off"]

_REMAKE = "restore it, or prepare the store again with tct prepare --force"
_TABLES = {"docs.arrow", "rejects.arrow", "tokenizer.json"}
# Whatever NumPy raises for a damaged header, which it parses as Python.
_NO_ARRAY = (
    OSError,
    ValueError,
    TypeError,
    OverflowError,
    SyntaxError,
    MemoryError,
    RecursionError,
    tokenize.TokenError,
)
_SHARD = re.compile(r"tokens-\d{5,9}\.npy", re.ASCII)


class _Counts(TypedDict):
    documents: int
    tokens: int
    bytes: int


class _Splits(TypedDict):
    train: _Counts
    val: _Counts


class _File(TypedDict):
    bytes: int
    sha256: str


class KeyInputs(TypedDict):
    """The inputs of the store that readers use."""

    input_files: int
    input_sha256: str
    tokenizer: str
    where: list[str]
    split_seed: int
    val_per_10000: int
    max_per_path: int | None
    max_per_group: int | None


class _Duplicates(TypedDict):
    exact_inside_splits: int
    exact_across_splits: int


class _Run(TypedDict):
    created: str
    versions: dict[str, str]
    tokenized: int
    reused: int


class _Manifest(TypedDict):
    key_inputs: KeyInputs
    splits: _Splits
    on_schema: int
    up_to_context: int
    length_histogram: dict[str, int]
    rejects: dict[str, int]
    duplicates: _Duplicates
    violations: dict[str, int]
    tokenizer: str
    files: dict[str, _File]
    digest: str
    run: _Run


def wrong(where: object, found: object, expected: object) -> NoReturn:
    """Raise CorruptError for content that a store cannot have."""
    raise CorruptError(f"{where}: found {found}, expected {expected}", _REMAKE)


def shard_name(number: int) -> str:
    """File name of a token shard, counted from 0."""
    return f"tokens-{number:05d}.npy"


def store_digest(manifest: dict[str, Any]) -> str:
    """Identity of a store: sha256 of its manifest without the facts of the run."""
    loose = ("digest", "run", "sha256")
    fixed = {name: value for name, value in manifest.items() if name not in loose}
    return hashlib.sha256(canonical_json(fixed)).hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a store.

    Raises:
        FormatError: no manifest, or one of another version.
        CorruptError: it was altered, or is incomplete.
    """
    path = folder / "manifest.json"
    if not path.is_file():
        raise FormatError(
            f"{folder}: no manifest.json, so this is not a complete store",
            "run tct prepare SOURCE -o STORE first",
        )
    remake = "prepare it again with tct prepare --force"
    manifest = read_record(path, name="store", version=STORE_VERSION, remake=remake)
    if store_digest(manifest) != manifest.get("digest"):
        raise CorruptError(
            f"{path}: its content does not have the digest it records", _REMAKE
        )
    try:
        typed(_Manifest, manifest, "manifest")
    except ValueError as error:
        raise CorruptError(f"{path}: {error}", _REMAKE) from error
    _check_names(path, set(manifest["files"]))
    _check_counts(path, manifest)
    return manifest


def _check_names(path: Path, names: set[str]) -> None:
    """Check that the manifest lists the files of a store, all and no others."""
    shards = sorted(names - _TABLES)
    for name in shards:
        if not _SHARD.fullmatch(name):
            wrong(path, f"the file {name!a}", "none but those of a store")
    if missing := _TABLES - names:
        wrong(path, f"no {min(missing)}", "it among the files")
    if shards != [shard_name(number) for number in range(len(shards))]:
        wrong(path, f"shards {', '.join(shards)}", "all from tokens-00000.npy")


def _check_counts(path: Path, manifest: dict[str, Any]) -> None:
    """Check that the counts of the manifest fit each other."""
    splits, histogram = manifest["splits"].values(), manifest["length_histogram"]
    documents = sum(split["documents"] for split in splits)
    if documents < 1 or any(min(split.values()) < 0 for split in splits):
        wrong(path, f"splits {manifest['splits']}", "documents")
    if sum(split["tokens"] for split in splits) < documents:
        wrong(path, f"splits {manifest['splits']}", "tokens in every document")
    powers = [str(2**exponent) for exponent in range(len(histogram))]
    counts = histogram.values()
    if list(histogram) != powers or sum(counts) != documents or min(counts) < 0:
        wrong(path, "another length_histogram", f"{documents:,} documents by length")


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
        if verify == "full":
            check_sha256(path, recorded["sha256"], "the manifest", _REMAKE)


def read_arrow(path: Path, schema: pa.Schema) -> pa.Table:
    """Map an Arrow IPC file; its columns are views of the map.

    Raises:
        CorruptError: no Arrow file, other columns than those of `schema`, a cell
            without a value, or values that Arrow's full validation refuses.
    """
    try:
        with pa.memory_map(os.fsencode(path)) as source:
            table = pa.ipc.open_file(source).read_all()
        names = table.schema.names
        table.validate(full=True)
    except (OSError, ValueError, MemoryError, pa.ArrowException) as error:
        problem = f"{path}: not a readable Arrow file ({error})"
        raise CorruptError(problem, _REMAKE) from error
    if names != schema.names:
        wrong(path, f"columns {names}", f"{schema.names}")
    for field, column in zip(schema, table.columns, strict=True):
        where = f"{path}: {field.name}"
        if column.type != field.type:
            wrong(where, column.type, field.type)
        if column.null_count:
            wrong(where, f"{column.null_count:,} rows without a value", "none")
    return table


def map_shard(path: Path) -> NDArray[np.uint16]:
    """Map the ids of a shard, guards included.

    Raises:
        CorruptError: no .npy file of 1-D little-endian uint16.
    """
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except _NO_ARRAY as error:
        problem = f"{path}: not a readable .npy file ({error})"
        raise CorruptError(problem, _REMAKE) from error
    if array.dtype != np.dtype("<u2") or array.ndim != 1:
        wrong(path, f"{array.ndim}-D {array.dtype}", "1-D uint16")
    # A plain ndarray over the same memory: slices of np.memmap cost 1.5 times as much.
    tokens: NDArray[np.uint16] = array.view(np.ndarray)
    return tokens
