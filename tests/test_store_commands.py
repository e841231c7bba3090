"""`tct store`: what is in it, whether it is right, and its documents back out."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from tct.cli import main
from tct.data.display.progress import SilentProgress
from tct.data.store import Store
from tct.pipeline.prepare import PrepareOptions, prepare


def cli(*arguments: Any) -> Any:
    return CliRunner().invoke(main, ["store", *map(str, arguments)])


def rows_of(text: str) -> dict[str, str]:
    """A printed table: what, and what of it."""
    pairs = (line.split("  ", 1) for line in text.splitlines() if "  " in line.strip())
    return {what.strip(): value.strip() for what, value in pairs if what.strip()}


def test_info_says_what_is_in_a_store_and_where_it_is_from(store: Store) -> None:
    result = cli("info", store.folder)
    assert result.exit_code == 0, result.output
    table = rows_of(result.stdout)
    tokens = int(store.length.sum())
    assert table["documents"] == f"{len(store):,} with {tokens:,} tokens"
    assert table["groups"] == f"{len(set(store.docs['group'].to_pylist()))}"
    inputs = store.manifest["key_inputs"]
    assert table["made from"].endswith(f"sha256 {inputs['input_sha256'][:12]}")
    assert table["tokenizer"] == store.tokenizer.digest[:16]
    assert table["option split_seed"] == "0"
    assert f"{len(store)} documents that are files" in result.stdout


def test_info_names_the_files_that_rows_are_from(store: Store, tmp_path: Path) -> None:
    lines = cli("export", store.folder).stdout
    (tmp_path / "rows.jsonl").write_text(lines)
    made = tmp_path / "made"
    prepare([tmp_path / "rows.jsonl"], made, PrepareOptions(), SilentProgress())
    assert f"{len(store)} documents of rows.jsonl" in cli("info", made).stdout
    ids = Store.open(made).docs["sha256"].to_pylist()
    assert ids == store.docs["sha256"].to_pylist()  # what came out, went in again


def test_verify_says_what_it_proved(store: Store) -> None:
    table = rows_of(cli("verify", store.folder).stdout)
    assert table["decoded"] == "no (--decode)"
    result = cli("verify", store.folder, "--decode")
    assert result.exit_code == 0, result.output
    table = rows_of(result.stdout)
    assert table["decoded"] == f"{len(store)} documents match their ids"


def test_verify_fails_with_one_line_that_names_the_file(
    store: Store, tmp_path: Path
) -> None:
    folder = shutil.copytree(store.folder, tmp_path / "s")
    os.truncate(folder / "tokens-00000.npy", 1000)
    result = cli("verify", folder)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"Error: {folder}/tokens-00000.npy: found 1,000 bytes")


def test_export_prints_documents_in_the_order_of_the_store(store: Store) -> None:
    ids = [digest.hex() for digest in store.docs["sha256"].to_pylist()]
    every = cli("export", store.folder).stdout_bytes.splitlines()
    assert [hashlib.sha256(line).hexdigest() for line in every] == ids
    path = store.docs["path"][1].as_py()
    some = cli("export", store.folder, 7, path, ids[4][:16], 7).stdout_bytes
    assert some.splitlines() == [every[1], every[4], every[7]]


def test_export_writes_yaml_documents(store: Store) -> None:
    text = cli("export", store.folder, 0, 1, "--format", "yaml").stdout
    assert text.count("\n---\n") == 1
    assert "\non:" in text


def test_export_of_an_unknown_document_is_one_line(store: Store) -> None:
    result = cli("export", store.folder, "no-such.yml")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "'no-such.yml': found no document among" in result.stderr
