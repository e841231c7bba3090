"""Verification: what was written wrong is found, though its hashes are right."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tct.data.errors import CorruptError, FormatError
from tct.data.export import export
from tct.data.files import canonical_json, read_json, write_json
from tct.data.json_text import canonical_bytes
from tct.data.parse import parse_document
from tct.data.store import GUARD_TOKENS, Store, read_arrow
from tct.data.tokenizer import VOCAB_SIZE
from tct.data.verification import Verified, verify
from tct.pipeline.writer import describe_files, write_table


@pytest.fixture
def copy(store_folder: Path, tmp_path: Path) -> Path:
    """A store that a test may change."""
    return Path(shutil.copytree(store_folder, tmp_path / "copy"))


def vouch(folder: Path, **changes: Any) -> None:
    """Let the manifest record the files as they are, as a writer with a bug would."""
    manifest = read_json(folder / "manifest.json") | changes
    manifest["files"] = describe_files(folder)
    fixed = {k: v for k, v in manifest.items() if k not in ("digest", "run")}
    digest = hashlib.sha256(canonical_json(fixed)).hexdigest()
    write_json(folder / "manifest.json", manifest | {"digest": digest})


def change_docs(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    table = read_arrow(folder / "docs.arrow")
    columns = table.to_pydict()
    change(columns)
    made = [
        pa.array(columns[field.name], field.type)
        if not pa.types.is_dictionary(field.type)
        else table[field.name].combine_chunks()
        for field in table.schema
    ]
    write_table(folder / "docs.arrow", pa.table(made, schema=table.schema))
    vouch(folder)


def change_tokens(folder: Path, position: int, value: int) -> None:
    path = folder / "tokens-00000.npy"
    ids = np.load(path)
    ids[position] = value
    np.save(path, ids)
    vouch(folder)


def test_a_store_that_prepare_wrote_is_right(store: Store) -> None:
    decoded = []
    found = verify(store.folder, decode=True, advance=lambda: decoded.append(1))
    assert found == Verified(
        files=len(store.manifest["files"]),
        documents=len(store),
        tokens=int(store.length.sum()),
        decoded=len(store),
    )
    assert len(decoded) == len(store) > 10
    assert verify(store.folder).decoded == 0


def test_a_flipped_byte_is_found(copy: Path) -> None:
    path = copy / "rejects.arrow"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptError, match=r"rejects\.arrow: found sha256"):
        verify(copy)


def test_a_folder_without_a_manifest_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"no manifest\.json"):
        verify(tmp_path)


@pytest.mark.parametrize(
    ("column", "row", "value", "message"),
    [
        ("offset", 3, 0, r"document 3: found offset 0, expected [1-9]"),
        ("length", 2, 0, r"document 2: found no tokens, expected one at least"),
        ("length", 2, 1, r"document 3: found offset .*, expected "),
        ("length", -1, 1, r"shard 0: found .* ids, expected .* with guards"),
        ("shard", 0, 7, r"found shards \[7, 0\], expected 0 to 0, in order"),
        ("shard", 5, 1, r"found shards \[0, 1, 0\], expected 0 to 0, in order"),
        ("path", 0, None, r"path: found 1 rows without a value, expected none"),
        ("n_bytes", 1, 2, r"(train|val): found .* expected .* as recorded"),
    ],
)
def test_a_wrong_row_is_found_though_its_hash_is_right(
    copy: Path, column: str, row: int, value: int | None, message: str
) -> None:
    def change(columns: dict[str, Any]) -> None:
        columns[column][row] = value

    change_docs(copy, change)
    Store.open(copy)
    with pytest.raises(CorruptError, match=message):
        verify(copy)


def test_an_id_that_is_there_twice_is_found(copy: Path) -> None:
    def change(columns: dict[str, Any]) -> None:
        columns["sha256"][0] = columns["sha256"][1]

    change_docs(copy, change)
    with pytest.raises(CorruptError, match="found 1 ids again, expected each once"):
        verify(copy)


def test_a_table_of_other_columns_is_found(copy: Path) -> None:
    table = read_arrow(copy / "rejects.arrow").drop_columns(["stage"])
    write_table(copy / "rejects.arrow", table)
    vouch(copy)
    with pytest.raises(CorruptError, match=r"rejects\.arrow: found \['path'"):
        verify(copy)


def test_a_token_that_is_no_id_is_found(copy: Path) -> None:
    change_tokens(copy, 5, VOCAB_SIZE)
    with pytest.raises(CorruptError, match="position 5: found id 8,192, expected one "):
        verify(copy)


def test_a_guard_that_is_no_pad_is_found(copy: Path) -> None:
    change_tokens(copy, -GUARD_TOKENS, 0)
    with pytest.raises(CorruptError, match="found other guards, expected 8192"):
        verify(copy)


def test_another_tokenizer_is_found(copy: Path, other_tokenizer: Path) -> None:
    shutil.copyfile(other_tokenizer, copy / "tokenizer.json")
    vouch(copy)
    with pytest.raises(CorruptError, match=r"tokenizer\.json: found digest"):
        verify(copy)


def test_another_document_is_found_by_decoding(copy: Path) -> None:
    store = Store.open(copy)
    one, other = store.tokens(0), store.tokens(1)
    assert one.tolist() != other.tolist()
    ids = np.load(copy / "tokens-00000.npy")
    same = [i for i in range(10, 4000) if ids[i] != ids[i + 1]]
    ids[same[0]], ids[same[0] + 1] = ids[same[0] + 1], ids[same[0]]
    np.save(copy / "tokens-00000.npy", ids)
    vouch(copy)
    verify(copy)  # without decoding, all is as it should be
    with pytest.raises(CorruptError, match=r"document 0 \(.*\): found .*, expected "):
        verify(copy, decode=True)


def test_a_wrong_flag_is_found_by_decoding(copy: Path) -> None:
    def change(columns: dict[str, Any]) -> None:
        columns["on_schema"][4] = not columns["on_schema"][4]

    change_docs(copy, change)
    with pytest.raises(CorruptError, match=r"document 4 .*: found on_schema"):
        verify(copy, decode=True)


# -- export ----------------------------------------------------------------------------


def test_json_lines_hold_the_documents_in_order(store: Store) -> None:
    lines = b"".join(export(store, range(len(store)), "jsonl")).splitlines()
    digests = [hashlib.sha256(line).digest() for line in lines]
    assert digests == store.docs["sha256"].to_pylist()


def test_yaml_means_the_same(store: Store) -> None:
    rows = [2, 0, 5]
    text = b"".join(export(store, rows, "yaml")).decode()
    parts = text.split("\n---\n")
    expected = [store.tokenizer.decode(store.tokens(row)) for row in rows]
    assert len(parts) == len(rows)
    found = [parse_document(part.encode()) for part in parts]
    assert list(map(canonical_bytes, found)) == list(map(canonical_bytes, expected))
    assert json.loads(canonical_bytes(found[0])) == expected[0]
