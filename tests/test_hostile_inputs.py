"""Inputs, paths and disks that are out to break it: each broke it once."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from tct.cli import main
from tct.data.display.progress import SilentProgress
from tct.data.documents.json_text import Json, canonical_bytes
from tct.data.documents.parse import parse_document
from tct.data.documents.rejects import MAX_NODES, RejectedError
from tct.data.documents.yaml_writer import to_yaml
from tct.data.errors import CorruptError, FormatError, LockedError, TctError
from tct.data.locks import locked
from tct.data.store import Store
from tct.data.store.writer import ShardWriter
from tct.pipeline.prepare import PrepareOptions, prepare
from tct.pipeline.prepare.selection import Rules

WORKFLOW = "on: push\njobs: {a: {runs-on: x, steps: [{run: make}]}}\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    (folder / "wf").mkdir()
    for n in range(3):
        (folder / "wf" / f"{n}.yml").write_text(WORKFLOW + f"name: n{n}\n")
    prepare([folder / "wf"], folder / "store", PrepareOptions(), SilentProgress())
    return folder


def cli(*arguments: Any) -> Any:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def error_line(result: Any) -> str:
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    return str(lines[0])


def test_force_remakes_a_damaged_store(made: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    options = PrepareOptions(force=True)
    prepare([made / "wf"], store, options, SilentProgress())
    os.truncate(store / "tokens-00000.npy", 100)
    prepare([made / "wf"], store, options, SilentProgress())
    Store.open(store)  # the hint of its error is: prepare again with --force


def test_equal_files_of_the_same_name_are_kept_once(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "ci.yml").write_text(WORKFLOW)
    sources = [tmp_path / "a", tmp_path / "b"]
    report = prepare(sources, tmp_path / "store", PrepareOptions(), SilentProgress())
    assert report.manifest["rejects"] == {"exact_duplicate": 1}


def test_a_source_whose_documents_are_all_too_long_is_refused(tmp_path: Path) -> None:
    rare = "".join(map(chr, range(0x20000, 0x20000 + 66_000)))
    (tmp_path / "a.yml").write_text(f"name: {rare}\n")
    with pytest.raises(TctError):
        prepare(
            [tmp_path / "a.yml"], tmp_path / "s", PrepareOptions(), SilentProgress()
        )


def test_a_file_name_that_is_no_utf8_is_handled(tmp_path: Path) -> None:
    (tmp_path / "wf").mkdir()
    with open(os.fsencode(tmp_path / "wf") + b"/\xff.yml", "w") as file:
        file.write(WORKFLOW)
    result = cli("prepare", tmp_path / "wf", "-o", tmp_path / "s")
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_a_group_with_a_lone_surrogate_is_handled(tmp_path: Path) -> None:
    row = {"text": WORKFLOW, "repo": "\ud800"}
    (tmp_path / "r.jsonl").write_text(json.dumps(row))
    result = cli("prepare", tmp_path / "r.jsonl", "-o", tmp_path / "s")
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_the_current_folder_may_become_a_store(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare([made / "wf"], Path("."), PrepareOptions(), SilentProgress())


def test_a_store_behind_a_link_can_be_replaced(made: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real").mkdir()
    for seed in (0, 1, 2):
        options = PrepareOptions(force=True, rules=Rules(split_seed=seed))
        prepare([made / "wf"], tmp_path / "link", options, SilentProgress())
        assert sorted(os.listdir(tmp_path)) == ["link", "real"]


def test_a_store_inside_its_source_is_up_to_date_the_second_time(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.yml").write_text(WORKFLOW)
    prepare([tmp_path], tmp_path / "store", PrepareOptions(), SilentProgress())
    report = prepare([tmp_path], tmp_path / "store", PrepareOptions(), SilentProgress())
    assert report.up_to_date


def test_text_and_group_may_be_one_column(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": [WORKFLOW]}), tmp_path / "t.parquet")
    columns = ["--text-column", "text", "--group-column", "text"]
    result = cli("prepare", tmp_path / "t.parquet", "-o", tmp_path / "s", *columns)
    assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("number", ["9" * 310, "-" + "9" * 4300])
def test_a_long_integer_comes_back(made: Path, number: str) -> None:
    tokenizer = Store.open(made / "store").tokenizer
    value: Json = {"a": int(number)}
    assert tokenizer.decode(tokenizer.encode(value)) == value


def test_a_bomb_of_long_text_is_a_reject() -> None:
    source = b'a: &a "' + b"x" * 100_000 + b'"\nb:\n' + b"- *a\n" * 2000
    with pytest.raises(RejectedError):  # 110 KB become 200 MB; 1 MiB becomes 50 GB
        parse_document(source)


def test_a_long_hexadecimal_integer_is_a_reject() -> None:
    with pytest.raises(RejectedError):
        canonical_bytes(parse_document(b"a: 0x" + b"f" * 5000))


@pytest.mark.parametrize("tag", ["!!int", "!!float"])
def test_a_boolean_is_no_number(tag: str) -> None:
    with pytest.raises(RejectedError):
        parse_document(f"a: {tag} true".encode())


@pytest.mark.parametrize("key", [".inf", ".nan", "1e999"])
def test_a_key_that_is_no_json_number_keeps_its_text(key: str) -> None:
    assert parse_document(f"{key}: 1".encode()) == {key: 1}


def test_yaml_and_json_have_the_same_limit_of_values() -> None:
    items = MAX_NODES - 2
    for text in ('{"a": [' + "1," * (items - 1) + "1]}", "a: [" + "1," * items + "]"):
        parse_document(text.encode())


def test_a_script_with_an_emoji_is_a_literal_block() -> None:
    text = to_yaml({"run": "echo 🚀\nmake\n", "name": "Ship 🚀"})
    assert text == "run: |\n  echo 🚀\n  make\nname: Ship 🚀\n"


def copy_with(made: Path, tmp_path: Path, **changes: Any) -> Path:
    import shutil

    folder = shutil.copytree(made / "store", tmp_path / "copied")
    manifest = json.loads((folder / "manifest.json").read_text()) | changes
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.mark.parametrize("files", [None, {}])
def test_an_altered_manifest_is_refused(made: Path, tmp_path: Path, files: Any) -> None:
    with pytest.raises(FormatError):
        Store.open(copy_with(made, tmp_path, files=files))


def test_an_empty_shard_is_refused_even_unverified(made: Path, tmp_path: Path) -> None:
    folder = copy_with(made, tmp_path)
    os.truncate(folder / "tokens-00000.npy", 0)
    with pytest.raises(CorruptError):
        Store.open(folder, verify="off")


def test_a_table_that_breaks_in_the_middle_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    table = pa.table({"text": [WORKFLOW + f"name: n{n}\n" for n in range(40)]})
    pq.write_table(
        table, path, row_group_size=20, compression="none", use_dictionary=False
    )
    start = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    data = bytearray(path.read_bytes())
    data[start : start + 12] = b"\xff" * 12
    path.write_bytes(data)
    assert str(path) in error_line(cli("prepare", path, "-o", tmp_path / "s"))


def test_a_path_with_a_line_break_is_one_line(tmp_path: Path) -> None:
    error_line(cli("prepare", tmp_path / "a\nb", "-o", tmp_path / "s"))


def test_a_store_may_have_brackets_in_its_name(made: Path, tmp_path: Path) -> None:
    store = tmp_path / "st[bold]x[/]"
    result = cli("prepare", made / "wf", "-o", store)
    assert result.exception is None
    assert "st[bold]x[/]" in result.stdout


def test_a_document_number_of_many_digits_is_one_line(made: Path) -> None:
    error_line(cli("inspect-windows", made / "store", "--doc", "9" * 5000))


def test_a_disk_that_is_full_for_a_shard_says_so(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.system(f"mount -t tmpfs -o size=16k tmpfs {disk} 2>/dev/null"):
        pytest.skip("may not mount")
    try:
        writer = ShardWriter(disk)
        writer.add(np.zeros(20_000, dtype=np.uint16))
        with pytest.raises(OSError, match=r"No space left.*tokens-00000\.npy"):
            writer.close()
    finally:
        os.system(f"umount {disk}")


@pytest.mark.parametrize("name", ["notes.txt", "run"])
def test_force_takes_nobody_elses_files_away(
    made: Path, tmp_path: Path, name: str
) -> None:
    store = tmp_path / "store"
    prepare([made / "wf"], store, PrepareOptions(), SilentProgress())
    (store / name).mkdir()
    result = cli("prepare", made / "wf", "-o", store, "--split-seed", 5, "--force")
    assert f"holds {name!r}" in error_line(result)
    assert (store / name).is_dir()


def test_force_leaves_a_folder_with_another_manifest_alone(
    made: Path, tmp_path: Path
) -> None:
    (tmp_path / "manifest.json").write_text('{"name": "an extension"}')
    (tmp_path / "main.js").write_text("1")
    error_line(cli("prepare", made / "wf", "-o", tmp_path, "--force"))
    assert (tmp_path / "main.js").read_text() == "1"


def test_a_store_may_have_a_name_that_is_no_utf8_and_a_run_is_told(
    made: Path, tmp_path: Path
) -> None:
    store = Path(os.fsdecode(os.fsencode(tmp_path) + b"/st\xff"))
    for seed in (0, 1):  # the second time the first store is read for its documents
        done = cli("prepare", made / "wf", "-o", store, "--split-seed", seed, "--force")
        assert done.exception is None
    for command in ("info", "verify", "export"):
        assert cli("store", command, store).exception is None
    run = Path(os.fsdecode(os.fsencode(tmp_path) + b"/run\xff"))
    text = error_line(cli("train", store, "-o", run, "--preset", "tiny"))
    assert r"run\xff: this name is not UTF-8" in text


def test_a_checkpoint_is_read_below_a_folder_whose_name_is_no_utf8(
    made: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    small = ["--preset", "tiny", "--steps", "1", "--batch-size", "2"]
    for setting in ("context=64", "width=32", "layers=1", "heads=2"):
        small += ["--set", f"model.{setting}"]
    store = tmp_path / "store"
    assert cli("prepare", made / "wf", "-o", store).exception is None
    assert cli("train", store, "-o", run, *small).exception is None
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/o\xff"))
    odd.mkdir()
    run.rename(odd / "run")
    done = cli("generate", odd / "run", "--max-tokens", 40)
    assert done.exception is None, done.output


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_run_whose_checkpoints_have_no_place_does_not_begin(
    made: Path, tmp_path: Path, kind: str
) -> None:
    store, run = tmp_path / "store", tmp_path / "run"
    assert cli("prepare", made / "wf", "-o", store).exception is None
    run.mkdir()
    if kind == "file":
        (run / "checkpoints").write_text("mine")
    else:
        (run / "checkpoints").symlink_to(tmp_path / "nowhere")
    text = error_line(cli("train", store, "-o", run, "--preset", "tiny"))
    assert text.startswith(f"Error: {run / 'checkpoints'}: File exists; ")


@pytest.mark.parametrize(
    "command",
    [
        "train {made}/store --dry-run --preset tiny --config {fifo}",
        "prepare {made}/wf -o {fifo}.store --tokenizer {fifo}",
        "tokenizer show {made}/wf/0.yml --tokenizer {fifo}",
        "tokenizer show {fifo}",
        "generate {fifo}",
        "generate {made} --prompt {fifo}",
        "compare {fifo}",
        "store info {fifo}",
    ],
)
def test_no_command_waits_for_what_a_fifo_gives(
    made: Path, tmp_path: Path, command: str
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    error_line(cli(*command.format(made=made, fifo=fifo).split()))


@pytest.mark.parametrize("name", ["job.json", "store", "anything"])
def test_a_fifo_where_a_store_is_made_is_taken_away(
    made: Path, tmp_path: Path, name: str
) -> None:
    staging = tmp_path / ".store.staging"
    staging.mkdir()
    os.mkfifo(staging / name)
    done = cli("prepare", made / "wf", "-o", tmp_path / "store")
    assert done.exception is None, done.output


def test_a_user_without_a_home_keeps_no_cache(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(user: int) -> None:
        raise KeyError(user)

    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    done = cli("prepare", made / "wf", "-o", tmp_path / "store")
    assert done.exception is None, done.output


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LockedError, match=r"\.lock: expected a regular file"):
        locked(tmp_path / "run", hint="").__enter__()
    assert not (tmp_path / "elsewhere").exists()
