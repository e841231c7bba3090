"""Verification: what was written wrong is found, though its hashes are right."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tct.data.documents.json_text import canonical_bytes
from tct.data.documents.parse import parse_document
from tct.data.errors import CorruptError, FormatError
from tct.data.records import write_record
from tct.data.store import DOCS_SCHEMA, GUARD_TOKENS, REJECTS_SCHEMA, Store
from tct.data.store.export import export
from tct.data.store.files import read_arrow
from tct.data.store.verify import Verified, verify
from tct.data.store.writer import describe_files, write_table
from tct.data.tokenizer import VOCAB_SIZE
from tct.pipeline.report.summary import write_report
from tct.tests.stores import vouch


@pytest.fixture
def copy(store_folder: Path, tmp_path: Path) -> Path:
    """A store that a test may change."""
    return Path(shutil.copytree(store_folder, tmp_path / "copy"))


def change_docs(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    table = read_arrow(folder / "docs.arrow", DOCS_SCHEMA)
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
        store=str(store.folder),
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


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_report_that_is_no_file_is_found(
    copy: Path, make: Callable[[Path], None]
) -> None:
    (copy / "report.json").unlink()
    make(copy / "report.json")
    with pytest.raises(FormatError, match=r"report\.json: found a"):
        verify(copy)


def test_a_folder_without_a_manifest_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"no manifest\.json"):
        verify(tmp_path)


@pytest.mark.parametrize(
    ("column", "row", "value", "message"),
    [
        ("offset", 3, 0, r"document 3: found offset 0, expected [1-9]"),
        ("length", 2, 1, r"document 3: found offset .*, expected "),
        ("length", -1, 1, r"shard 0: found .* ids, expected .* with guards"),
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


@pytest.mark.parametrize(
    ("column", "row", "value", "message"),
    [
        ("length", 2, 0, r"document 2: found 0 tokens at .*, expected 1 to 262,144 "),
        ("length", 2, 1 << 20, r"document 2: found 1,048,576 tokens at .*, expected 1"),
        ("length", -1, 1 << 18, r"document 59: found 262,144 tokens at .* in one of 1"),
        ("offset", 1, -1, r"document 1: found .* tokens at -1 of shard 0, expected "),
        ("offset", 1, 2**63 - 1, r"document 1: found .* at 9,223,372,036,854,775,807 "),
        ("shard", 0, 7, r"document 0: found .* of shard 7, expected .* in one of 1 "),
        ("path", 0, None, r"path: found 1 rows without a value, expected none"),
    ],
)
def test_a_row_that_no_reader_could_use_is_not_opened(
    copy: Path, column: str, row: int, value: int | None, message: str
) -> None:
    def change(columns: dict[str, Any]) -> None:
        columns[column][row] = value

    change_docs(copy, change)
    with pytest.raises(CorruptError, match=message):
        Store.open(copy)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"splits": {}}, r"manifest\.splits\.train: missing"),
        ({"violations": ["a"]}, r"violations: found \['a'\], expected dict"),
        ({"on_schema": True}, r"on_schema: found True, expected int"),
        ({"length_histogram": {"1": 60, "4": 0}}, "found another length_histogram"),
        ({"key_inputs": {"where": [1]}}, r"key_inputs\.\w+: (missing|found)"),
        ({"rejects": {"syntax": 1}}, r"rejects {}, expected {'syntax': 1} as recorded"),
    ],
)
def test_a_manifest_that_lacks_something_is_found(
    copy: Path, changes: dict[str, Any], message: str
) -> None:
    vouch(copy, **changes)
    with pytest.raises(CorruptError, match=message):
        verify(copy)


@pytest.mark.parametrize("name", ["../../x", "report.json", "tokens-٠٠٠٠١.npy"])
def test_a_manifest_lists_nothing_but_files_of_a_store(copy: Path, name: str) -> None:
    files = {**describe_files(copy), name: {"bytes": 0, "sha256": ""}}
    vouch(copy, files=files)
    with pytest.raises(CorruptError, match="expected none but those of a store"):
        Store.open(copy)


def test_every_flipped_digit_of_a_report_is_found(copy: Path) -> None:
    write_report(Store.open(copy))
    verify(copy)
    path = copy / "report.json"
    data = path.read_bytes()
    places = [at for at, byte in enumerate(data) if chr(byte).isdigit()]
    assert len(places) > 200
    for at in places[::20]:
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(FormatError, match=r"report\.json: "):
            verify(copy)


def test_a_report_of_another_store_is_found(copy: Path) -> None:
    write_record(copy / "report.json", {"store": "0"}, name="report", version=1)
    with pytest.raises(CorruptError, match="found the report of store '0', expected "):
        verify(copy)


def test_an_id_that_is_there_twice_is_found(copy: Path) -> None:
    def change(columns: dict[str, Any]) -> None:
        columns["sha256"][0] = columns["sha256"][1]

    change_docs(copy, change)
    with pytest.raises(CorruptError, match="found 1 ids again, expected each once"):
        verify(copy)


def test_a_table_of_other_columns_is_found(copy: Path) -> None:
    table = read_arrow(copy / "rejects.arrow", REJECTS_SCHEMA).drop_columns(["stage"])
    write_table(copy / "rejects.arrow", table)
    vouch(copy)
    with pytest.raises(CorruptError, match=r"rejects\.arrow: found columns \['path'"):
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
