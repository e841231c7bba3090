"""The cache key of a store, and whether an existing store was made from the same."""

import hashlib
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...data.check import CHECK_VERSION
from ...data.documents.parse import READING_VERSION
from ...data.errors import CorruptError, FormatError, StaleStoreError
from ...data.files import canonical_json, sha256_file
from ...data.store.files import STORE_VERSION, check_files, read_manifest
from ...data.tokenizer import Tokenizer
from ..sources import Columns, Source, fingerprint
from .selection import VAL_PER_10000, Rules
from .selection.near_duplicates import signature_version

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
        rules: which documents are kept.
        tokenizer: encodes documents.
        sha256: hashes an input file.

    Raises:
        SourceError: a source that is missing, empty or of an unknown kind.
        ConfigError: near-duplicates are requested, but the library for them is missing.
    """
    inputs = fingerprint(sources, sha256, texts=columns.texts)
    return {
        "store_version": STORE_VERSION,
        "reading": READING_VERSION,
        "input_files": len(inputs),
        "input_sha256": inputs_digest(inputs),
        "tokenizer": tokenizer.digest,
        "text_column": columns.text,
        "group_column": columns.group,
        "texts": columns.texts is not None or None,
        "where": sorted(map(str, columns.where)),
        "split_seed": rules.split_seed,
        "val_per_10000": VAL_PER_10000,
        "max_per_path": rules.max_per_path,
        "max_per_group": rules.max_per_group,
        # Limits applied to documents before, not to texts.
        "limits": "texts" if rules.has_limits else None,
        "near_duplicates": signature_version() if rules.near_duplicates else None,
        "valid_only": CHECK_VERSION if rules.valid_only else None,
    }


def inputs_digest(inputs: Sequence[tuple[str, str]]) -> str:
    """Hex sha256 of a `fingerprint`."""
    return hashlib.sha256(canonical_json(inputs)).hexdigest()


def find_store(
    store: Path, inputs: dict[str, Any], *, force: bool
) -> dict[str, Any] | None:
    """The manifest of a store that is up to date; None if it has to be made.

    Args:
        store: where the store is or will be.
        inputs: its `key_inputs`.
        force: ignore an existing store built from other inputs.  One built from the
            same is checked in full, since force is how a damaged store is replaced.

    Raises:
        StaleStoreError: the store was made from other inputs or options.
        FormatError: the folder is not a store, has another version, is damaged, or
            holds other files, which `force` would delete.
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
        f"{store}: prepared from other inputs or options ({'; '.join(changed)})",
        "give another folder with -o, or replace this one with --force",
    )


def _check_folder(store: Path, *, force: bool) -> None:
    """Refuse a folder that is not a store, or files that `force` would delete."""
    if not (store / "manifest.json").is_file():
        raise FormatError(
            f"{store}: exists, but is not a store", "give another folder with -o"
        )
    names = sorted(path.name for path in store.iterdir())
    foreign = [name for name in names if not _STORE_FILE.fullmatch(name)]
    if force and foreign:
        # Replacing the folder would delete what somebody keeps there.
        raise FormatError(
            f"{store}: holds {foreign[0]!r}, which does not belong to a store",
            "move it away, or give another folder with -o",
        )
