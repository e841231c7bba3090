"""What a store is made from, and whether one that exists is made from just that."""

import hashlib
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...data.documents.parse import READING_VERSION
from ...data.errors import CorruptError, FormatError, StaleStoreError
from ...data.files import canonical_json, sha256_file
from ...data.store.files import STORE_VERSION, check_files, read_manifest
from ...data.tokenizer import Tokenizer
from ..sources import Columns, Source, fingerprint
from .near_duplicates import signature_version
from .selection import Rules
from .splits import VAL_PER_10000

__all__ = ["find_store", "inputs_digest", "key_inputs"]

_STORE_FILE = re.compile(
    r"(manifest|report|tokenizer)\.json|(docs|rejects)\.arrow|tokens-\d+\.npy"
)


def key_inputs(
    sources: Sequence[Source],
    *,
    columns: Columns,
    rules: Rules,
    tokenizer: Tokenizer,
    sha256: Callable[[Path], str] = sha256_file,
) -> dict[str, Any]:
    """Everything that the content of a store depends on; flat JSON.

    Args:
        sources: files and folders.
        columns: what the fields of rows mean.
        rules: which documents are chosen.
        tokenizer: encodes.
        sha256: hashes an input file.

    Raises:
        SourceError: a source that is missing, empty or of an unknown kind.
        ConfigError: near-duplicates are asked for, but not the library there.
    """
    inputs = fingerprint(sources, sha256)
    return {
        "store_version": STORE_VERSION,
        "reading": READING_VERSION,
        "input_files": len(inputs),
        "input_sha256": inputs_digest(inputs),
        "tokenizer": tokenizer.digest,
        "text_column": columns.text,
        "group_column": columns.group,
        "where": sorted(map(str, columns.where)),
        "split_seed": rules.split_seed,
        "val_per_10000": VAL_PER_10000,
        "max_per_path": rules.max_per_path,
        "max_per_group": rules.max_per_group,
        "near_duplicates": signature_version() if rules.near_duplicates else None,
    }


def inputs_digest(inputs: Sequence[tuple[str, str]]) -> str:
    """Hex sha256 of a `fingerprint`."""
    return hashlib.sha256(canonical_json(inputs)).hexdigest()


def find_store(
    store: Path, inputs: dict[str, Any], *, force: bool
) -> dict[str, Any] | None:
    """The manifest of a store that is up to date; None if one is to be made.

    Args:
        store: where the store is or will be.
        inputs: its `key_inputs`.
        force: take a store of something else for none.

    Raises:
        StaleStoreError: the store was made from something else.
        FormatError: the folder is no store, one of another version, a damaged one, or
            one that `force` would take other files away with.
    """
    if not store.exists() or (store.is_dir() and not any(store.iterdir())):
        return None
    _check_folder(store, force=force)
    try:
        manifest = read_manifest(store)
    except FormatError:
        if force and (store / "docs.arrow").is_file():
            return None
        raise
    recorded = manifest["key_inputs"]
    changed = [
        f"{name}: {recorded.get(name)!r} then, {value!r} now"
        for name, value in inputs.items()
        if recorded.get(name) != value
    ]
    if not changed:
        if not force:
            check_files(store, manifest, verify="sizes")
            return manifest
        with suppress(CorruptError):
            check_files(store, manifest, verify="full")
            return manifest
    if force:
        return None
    raise StaleStoreError(
        f"{store}: prepared from something else ({'; '.join(changed)})",
        "give another folder with -o, or replace this one with --force",
    )


def _check_folder(store: Path, *, force: bool) -> None:
    """Refuse a folder that is no store, or that `force` would take more away with."""
    if not (store / "manifest.json").is_file():
        raise FormatError(
            f"{store}: exists, but is not a store", "give another folder with -o"
        )
    names = sorted(path.name for path in store.iterdir())
    foreign = [name for name in names if not _STORE_FILE.fullmatch(name)]
    if force and foreign:
        # Replacing the folder would delete what somebody keeps there.
        raise FormatError(
            f"{store}: holds {foreign[0]!r}, which is no file of a store",
            "move it away, or give another folder with -o",
        )
