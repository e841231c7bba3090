"""The command line: help, happy paths, and one line for whatever goes wrong."""

import fcntl
import gc
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from tct import __version__
from tct.cli import main
from tct.data import native
from tct.data.documents.json_text import Json
from tct.data.documents.parse import parse_document
from tct.data.store import Store
from tct.data.tokenizer import Tokenizer
from tct.data.windows import WindowPlan

GROUPS = {n: c for n, c in main.commands.items() if isinstance(c, click.Group)}
COMMANDS: dict[str, click.Command] = {
    **main.commands,
    **{
        f"{group} {name}": command
        for group, commands in GROUPS.items()
        for name, command in commands.commands.items()
    },
}
TCT = [sys.executable, "-c", "from tct.cli import main; main()"]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def run_well(*arguments: str | Path) -> str:
    result = run(*arguments)
    assert (result.exit_code, result.exception) == (0, None), result.stderr
    return result.stdout


def error_of(*arguments: str | Path) -> str:
    """The one line that a failing command says, without `Error: `."""
    result = run(*arguments)
    # A bug would be an exception of another kind, and its traceback.
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == 1
    assert result.stdout == ""
    progress = re.compile(r"(hash|read|learn|measure|encode|write)( …|: .*)")
    lines = [
        line for line in result.stderr.splitlines() if not progress.fullmatch(line)
    ]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("Error: ")
    return lines[0].removeprefix("Error: ")


def usage_error_of(*arguments: str | Path) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert re.match(r"Usage: \w+ ", result.stderr)
    return result.stderr


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def facts_of(text: str) -> dict[str, str]:
    """The two columns of a summary."""
    return dict(
        re.split(r"\s{2,}", line.strip(), maxsplit=1)
        for line in text.splitlines()
        if re.search(r"\S\s{2,}\S", line)
    )


@pytest.fixture
def copied(store_folder: Path, tmp_path: Path) -> Path:
    """A copy of the prepared store that a test may damage."""
    return shutil.copytree(store_folder, tmp_path / "copied")


# -- help ------------------------------------------------------------------------------


def test_the_commands_are_those_of_the_readme() -> None:
    assert sorted(COMMANDS) == [
        "check",
        "compare",
        "eval",
        "export",
        "generate",
        "inspect-windows",
        "plot",
        "prepare",
        "serve",
        "store",
        "store export",
        "store info",
        "store verify",
        "tokenizer",
        "tokenizer show",
        "tokenizer stats",
        "tokenizer train",
        "train",
    ]


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("name", ["", *sorted(COMMANDS.keys() - GROUPS.keys())])
def test_every_command_has_help_with_an_example(name: str, option: str) -> None:
    text = run_well(*name.split(), option)
    assert re.match(r"Usage: \w+ ", text)
    example = text.partition("Example:\n")[2]
    assert re.match(rf" +tct {name or 'prepare'} ", example)
    # The lines of an example are not joined.
    assert all(len(line) <= 88 for line in text.splitlines())
    assert example.partition("\n\n")[0].count("tct ") == len(
        example.partition("\n\n")[0].splitlines()
    )


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_a_group_of_commands_lists_them(option: str) -> None:
    text = run_well("tokenizer", option)
    assert text.startswith("Usage: main tokenizer [OPTIONS] COMMAND [ARGS]...\n")
    listed = re.findall(r"^  (\w+)  +\w", text.partition("Commands:\n")[2], re.M)
    assert listed == ["show", "stats", "train"]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_has_help(name: str) -> None:
    for parameter in COMMANDS[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


def test_the_version_is_the_packages() -> None:
    core = "Python" if native.core is None else "compiled"
    assert run_well("--version") == f"tct {__version__} ({core} core)\n"


def test_the_compiled_core_can_be_left_out() -> None:
    command = [sys.executable, "-m", "tct", "--version"]
    environment = {**os.environ, "TCT_NATIVE": "0"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stdout == f"tct {__version__} (Python core)\n"


# -- prepare ---------------------------------------------------------------------------


def test_prepare_says_what_it_made(workflows: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    result = run("prepare", workflows, "-o", store)
    assert result.exit_code == 0
    opened = Store.open(store)
    facts = facts_of(result.stdout)
    assert facts["inputs"] == facts["documents"] == "60"
    assert facts["rejected"] == "0"
    tokens = int(opened.length.sum())
    assert facts["tokens"] == f"{tokens:,}"
    bytes_ = sum(opened.docs["n_bytes"].to_pylist())
    assert facts["bytes per token"] == f"{bytes_ / tokens:.2f} of canonical JSON"
    share = (opened.length <= 1024).mean()
    assert facts["up to 1,024 tokens"] == f"{share:.1%} of documents"
    lengths = opened.length[opened.rows("train")]
    counts = [WindowPlan(lengths, epoch=epoch).num_windows for epoch in range(32)]
    assert facts["windows per epoch"].startswith(
        f"{min(counts):,} to {max(counts):,} (train, "
    )
    assert re.fullmatch(r"\d+\.\d s", facts["time: tokenize"])
    # Progress is no data: nothing, or a line for a stage that took long.
    assert all(re.fullmatch(r"\w+: .*", line) for line in result.stderr.splitlines())


def test_prepare_counts_rejects_by_reason(tmp_path: Path) -> None:
    (tmp_path / "wf").mkdir()
    for name, text in {"a": "on: push", "b": "- a", "c": "[", "d": "- b"}.items():
        (tmp_path / "wf" / f"{name}.yml").write_text(text)
    text = run_well("prepare", tmp_path / "wf", "-o", tmp_path / "store")
    assert re.search(r"^inputs +4 *$", text, re.M)
    assert re.search(r"^documents +1 *$", text, re.M)
    assert re.search(
        r"^rejected +3 *\n  not_an_object +2, such as b\.yml *\n"
        r"  syntax +1, such as c\.yml *$",
        text,
        re.M,
    )


def test_prepare_says_what_breaks_the_schema(tmp_path: Path) -> None:
    keys = [f"odd{number}" for number in range(7)]
    rows = [{"on": "push", key: 1} for key in [*keys, "odd6"]]
    rows[-1]["name"] = "not the same document"
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    text = run_well("prepare", tmp_path / "rows.jsonl", "-o", tmp_path / "store")
    assert re.search(r"^on schema +0\.0% of documents *$", text, re.M)
    assert re.findall(r"^  breaks it +(\S.*?) *$", text, re.M) == [
        "8  the document: lacks a required key",
        "2  the document: unknown key 'odd6'",
        *(f"1  the document: unknown key 'odd{number}'" for number in range(3)),
    ]
    assert re.search(r"^ +… and 3 other kinds *$", text, re.M)


def test_preparing_again_says_up_to_date(workflows: Path, store_folder: Path) -> None:
    before = (store_folder / "manifest.json").stat().st_mtime_ns
    text = run_well("prepare", workflows, "-o", store_folder)
    assert text == f"{store_folder}: up to date\n"
    assert (store_folder / "manifest.json").stat().st_mtime_ns == before


def test_prepare_reads_the_columns_it_is_told(tmp_path: Path) -> None:
    table = pa.table({"body": ["on: push", "on: {}"], "org": ["a", "b"]})
    pq.write_table(table, tmp_path / "t.parquet")
    store = tmp_path / "store"
    columns = ["--text-column", "body", "--group-column", "org"]
    run_well("prepare", tmp_path / "t.parquet", "-o", store, *columns)
    assert Store.open(store).docs["group"].to_pylist() == ["a", "b"]


def test_prepare_takes_several_sources(workflows: Path, tmp_path: Path) -> None:
    (tmp_path / "one.yml").write_text("on: push")
    run_well("prepare", workflows, tmp_path / "one.yml", "-o", tmp_path / "store")
    assert len(Store.open(tmp_path / "store")) == 61


# -- tokenizer -------------------------------------------------------------------------


def test_tokenizer_train_says_what_it_made(workflows: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text("- a")
    output = tmp_path / "t.json"
    text = run_well("tokenizer", "train", workflows, tmp_path / "bad.yml", "-o", output)
    learnt = Tokenizer.load(output)
    assert facts_of(text) == {
        "inputs": "61, 1 no documents",
        "learnt from": "60 documents of 15 repositories",
        "on schema": "100.0% of documents",
        "ids": f"{len(learnt.vocabulary):,} of 8,192 used",
        "digest": learnt.digest,
    }
    run_well("prepare", workflows, "-o", tmp_path / "store", "--tokenizer", output)
    assert Store.open(tmp_path / "store").tokenizer.digest == learnt.digest


def test_tokenizer_train_reads_the_columns_it_is_told(tmp_path: Path) -> None:
    table = pa.table({"body": ["on: push"] * 3, "org": ["a", "a", "b"]})
    pq.write_table(table, tmp_path / "t.parquet")
    source, output = tmp_path / "t.parquet", tmp_path / "t.json"
    columns = ["--text-column", "body", "--group-column", "org"]
    text = run_well("tokenizer", "train", source, "-o", output, *columns)
    assert facts_of(text)["learnt from"] == "3 documents of 2 repositories"


SMALL = "on: push\njobs: {a_b: {uses: o/r/w.yml@v1}}\n"


def test_tokenizer_show_is_one_line_per_token(tmp_path: Path) -> None:
    (tmp_path / "ci.yml").write_text(SMALL)
    ids = Tokenizer.default().encode(parse_document(SMALL.encode())).tolist()
    text = run_well("tokenizer", "show", tmp_path / "ci.yml")
    header, *lines = text.splitlines()
    assert header.split() == ["#", "id", "token", "then", "at", "allowed"]
    rows = [line.split()[:2] for line in lines if re.match(r" *\d+ +\d+ ", line)]
    assert rows == [[str(place), str(number)] for place, number in enumerate(ids)]
    assert "jobs.a_b.uses" in text
    allowed = int(Tokenizer.default().start().allowed().sum())
    assert re.search(rf"^ *0 +{ids[0]} +on +on +{allowed}: ", text, re.M)
    assert "off the schema" not in text


@pytest.mark.parametrize("kind", ["a FIFO", "a socket", "a device"])
def test_a_file_that_is_no_regular_one_is_named(tmp_path: Path, kind: str) -> None:
    special, good = tmp_path / "special", tmp_path / "ci.yml"
    good.write_text("on: push\njobs: {}\n")
    if kind == "a FIFO":
        os.mkfifo(special)
    elif kind == "a device":
        special.symlink_to("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(special))
    store = tmp_path / "store"
    run_well("prepare", good, "-o", store)
    commands: list[list[str | Path]] = [
        ["tokenizer", "show", special],
        ["tokenizer", "show", good, "--tokenizer", special],
        ["prepare", good, "-o", store, "--tokenizer", special],
        ["train", store, "-o", tmp_path / "run", "--config", special],
    ]
    for arguments in commands:
        expected = f"{special}: found {kind}, expected a regular file; "
        assert error_of(*arguments).startswith(expected)


def test_tokenizer_show_takes_another_tokenizer(
    other_tokenizer: Path, tmp_path: Path
) -> None:
    file = tmp_path / "ci.yml"
    file.write_text(SMALL + "name: '[bold]'\n")
    text = run_well("tokenizer", "show", file, "--tokenizer", other_tokenizer)
    value = parse_document(file.read_bytes())
    count = len(Tokenizer.load(other_tokenizer).encode(value))
    rows = [line for line in text.splitlines() if re.match(r" *\d+ +\d+ ", line)]
    assert len(rows) == count != len(Tokenizer.default().encode(value))
    assert '"["' in text  # no markup of the terminal


def test_tokenizer_stats_says_what_it_measured(workflows: Path, store: Store) -> None:
    facts = facts_of(run_well("tokenizer", "stats", workflows))
    tokens = int(store.length.sum())
    assert facts["inputs"] == facts["documents"] == "60"
    assert facts["lossless"] == "100.00% of documents"
    assert facts["on schema"] == "100.0% of documents"
    assert facts["tokens"] == f"{tokens:,}"
    median, most = np.median(store.length), store.length.max()
    assert facts["tokens per document"].startswith(
        f"{tokens / 60:,.0f} mean, {median:,.0f} median, "
    )
    assert facts["tokens per document"].endswith(f"p99, {most:,} max")
    size = sum(store.docs["n_bytes"].to_pylist())
    assert facts["bytes per token"] == f"{size / tokens:.2f} of canonical JSON"
    ids = len({*np.concatenate([store.tokens(row) for row in range(60)]).tolist()})
    assert facts["ids used"] == f"{ids:,} of 8,192"
    shares = re.findall(r"(\d+)% (?:text|structure|both)", facts["tokens hold"])
    assert len(shares) == 3
    assert abs(sum(map(int, shares)) - 100) <= 1
    assert re.fullmatch(r"[\d,]+ documents/s", facts["encode"])
    assert re.fullmatch(r"[\d,]+ documents/s", facts["decode"])


def test_tokenizer_stats_takes_columns_and_another_tokenizer(
    other_tokenizer: Path, tmp_path: Path
) -> None:
    pq.write_table(pa.table({"body": [SMALL, "odd: 1"]}), tmp_path / "t.parquet")
    options = ["--tokenizer", str(other_tokenizer), "--text-column", "body"]
    text = run_well("tokenizer", "stats", tmp_path / "t.parquet", *options)
    values: list[Json] = [parse_document(SMALL.encode()), {"odd": 1}]
    ids, _ = Tokenizer.load(other_tokenizer).encode_batch(values)
    assert facts_of(text)["tokens"] == str(len(ids))
    assert re.findall(r"^  breaks it +(\S.*?) *$", text, re.M) == [
        "1  the document: lacks a required key",
        "1  the document: unknown key 'odd'",
    ]


# -- what goes wrong -------------------------------------------------------------------


def test_a_missing_source_is_one_line(tmp_path: Path) -> None:
    message = error_of("prepare", tmp_path / "nowhere", "-o", tmp_path / "store")
    assert message.startswith(f"{tmp_path / 'nowhere'}: not found; give a folder")
    assert names(tmp_path) == []


def test_an_empty_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    message = error_of("prepare", tmp_path / "empty", "-o", tmp_path / "store")
    assert message.startswith(f"{tmp_path / 'empty'}: no .yml, .yaml or .json file")
    assert names(tmp_path) == ["empty"]


def test_a_missing_column_is_one_line(tmp_path: Path) -> None:
    pq.write_table(pa.table({"body": ["a: 1"]}), tmp_path / "t.parquet")
    message = error_of("prepare", tmp_path / "t.parquet", "-o", tmp_path / "store")
    assert "found no column 'text' among ['body']" in message
    assert names(tmp_path) == ["t.parquet"]


def test_a_source_of_rejects_alone_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("- a")
    message = error_of("prepare", tmp_path / "a.yml", "-o", tmp_path / "store")
    assert "no document among 1 inputs (1 not_an_object)" in message
    assert names(tmp_path) == ["a.yml"]


def test_a_stale_store_is_one_line(workflows: Path, copied: Path) -> None:
    before = (copied / "manifest.json").read_bytes()
    message = error_of("prepare", workflows, "-o", copied, "--split-seed", "5")
    assert "split_seed: 0 then, 5 now" in message
    assert "--force" in message
    assert (copied / "manifest.json").read_bytes() == before


def test_a_folder_of_something_else_is_one_line(
    workflows: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    message = error_of("prepare", workflows, "-o", tmp_path / "mine", "--force")
    assert message.startswith(f"{tmp_path / 'mine'}: exists, but is not a store")
    assert names(tmp_path / "mine") == ["thesis.txt"]


def test_a_store_in_the_making_is_one_line(workflows: Path, tmp_path: Path) -> None:
    (tmp_path / ".store.staging").mkdir()
    with (tmp_path / ".store.staging" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        message = error_of("prepare", workflows, "-o", tmp_path / "store")
    assert "in use by another process; wait until that process is done" in message
    assert names(tmp_path) == [".store.staging"]


def test_a_missing_tokenizer_is_one_line(workflows: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    arguments: list[str | Path] = ["prepare", workflows, "-o", store, "--tokenizer"]
    message = error_of(*arguments, tmp_path / "nowhere.json")
    assert message.startswith(f"{tmp_path / 'nowhere.json'}: No such file or directory")
    (tmp_path / "text.json").write_text("text")
    message = error_of(*arguments, tmp_path / "text.json")
    assert message.startswith(f"{tmp_path / 'text.json'}: not valid JSON")
    assert names(tmp_path) == ["text.json"]


@pytest.mark.parametrize("command", ["train", "show", "stats"])
def test_a_missing_input_of_a_tokenizer_is_one_line(
    tmp_path: Path, command: str
) -> None:
    options = ["-o", str(tmp_path / "t.json")] if command == "train" else []
    message = error_of("tokenizer", command, tmp_path / "no.yml", *options)
    assert message.startswith(f"{tmp_path / 'no.yml'}: not found; give a ")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- a", "not_an_object: the root is an array"),
        ("[", "syntax: "),
        ("", "empty: "),
    ],
)
def test_a_file_that_is_no_workflow_is_one_line(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "ci.yml"
    path.write_text(text)
    expected = f"{path}: {problem}"
    assert error_of("tokenizer", "show", path).startswith(expected)
    expected = f"{path}: no document among 1 inputs; check that these are workflows"
    assert error_of("tokenizer", "stats", path).startswith(expected)
    message = error_of("tokenizer", "train", path, "-o", tmp_path / "t.json")
    assert message.startswith(expected)
    assert names(tmp_path) == ["ci.yml"]


def test_a_tokenizer_that_exists_is_one_line(workflows: Path, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text("mine")
    message = error_of("tokenizer", "train", workflows, "-o", tmp_path / "t.json")
    assert message == (
        f"{tmp_path / 't.json'}: exists already, and stores may have been made with "
        "it; give another file with -o, or replace this one with --force"
    )
    assert (tmp_path / "t.json").read_text() == "mine"


@pytest.mark.parametrize("command", ["show", "stats"])
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "No such file or directory; "),
        ("on: push", "not valid JSON ("),
        ('{"format": "x"}', "found format 'x', expected 'tct-tokenizer'; "),
        (
            '{"format": "tct-tokenizer", "version": 1}',
            "found tokenizer version 1, expected 2; ",
        ),
        (
            '{"format": "tct-tokenizer", "version": 2}',
            "its content has digest ",
        ),
    ],
)
def test_a_wrong_tokenizer_file_is_one_line(
    tmp_path: Path, command: str, content: str | None, problem: str
) -> None:
    file, wrong = tmp_path / "ci.yml", tmp_path / "t.json"
    file.write_text(SMALL)
    if content is not None:
        wrong.write_text(content)
    message = error_of("tokenizer", command, file, "--tokenizer", wrong)
    assert message.startswith(f"{wrong}: {problem}")


def test_a_missing_store_is_one_line(tmp_path: Path) -> None:
    message = error_of("inspect-windows", tmp_path / "nowhere")
    assert message == (
        f"{tmp_path / 'nowhere'}: no manifest.json, so this is not a complete store; "
        "run tct prepare SOURCE -o STORE first"
    )


def test_a_store_of_another_version_is_one_line(workflows: Path, copied: Path) -> None:
    path = copied / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 99}))
    expected = f"{path}: found store version 99, expected 2; prepare it again with"
    assert error_of("inspect-windows", copied).startswith(expected)
    assert error_of("prepare", workflows, "-o", copied).startswith(expected)


def test_a_truncated_shard_is_one_line(copied: Path) -> None:
    path = copied / "tokens-00000.npy"
    size = path.stat().st_size
    os.truncate(path, size // 2)
    assert error_of("inspect-windows", copied) == (
        f"{path}: found {size // 2:,} bytes, the manifest records {size:,}; "
        "restore it, or prepare the store again with tct prepare --force"
    )


def test_a_flipped_bit_is_one_line(copied: Path) -> None:
    path = copied / "tokens-00000.npy"
    tokens = np.load(path, mmap_mode="r+")
    tokens[5] ^= 1
    tokens.flush()
    assert error_of("inspect-windows", copied).startswith(f"{path}: found sha256 ")


@pytest.mark.parametrize("output", ["file/store", "file/deep/store"])
def test_an_output_below_a_file_is_one_line(
    workflows: Path, tmp_path: Path, output: str
) -> None:
    (tmp_path / "file").write_text("")
    message = error_of("prepare", workflows, "-o", tmp_path / output)
    assert re.match(rf"{tmp_path}/file\S*: (File exists|Not a directory); ", message)
    assert names(tmp_path) == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_output_is_one_line(workflows: Path, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    message = error_of("prepare", workflows, "-o", tmp_path / "locked" / "store")
    assert "Permission denied; give a path that this user may read and write" in message
    assert names(tmp_path / "locked") == []


@pytest.fixture
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A file system of so many KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = f"size={request.param}k"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if (
        not shutil.which("mount")
        or subprocess.run(mount, capture_output=True).returncode
    ):
        pytest.skip("may not mount a small file system here")
    yield folder
    gc.collect()  # an exception that was caught may hold files that are mapped
    subprocess.run(["umount", str(folder)], check=True)


# Too small for the documents, and for the tokenizer beside them.
@pytest.mark.parametrize("small_disk", [32, 104], indirect=True)
def test_a_full_disk_is_one_line_and_leaves_nothing_behind(
    workflows: Path, small_disk: Path
) -> None:
    message = error_of("prepare", workflows, "-o", small_disk / "store")
    assert "the disk is full: free some space, or write to another one" in message
    assert names(small_disk) == []


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("small_disk", [1024], indirect=True)
def test_a_disk_that_becomes_full_leaves_the_old_store(
    workflows: Path, small_disk: Path, tmp_path: Path, workers: int
) -> None:
    store = small_disk / "store"
    run_well("prepare", workflows, "-o", store)
    before = Store.open(store).digest
    rows = tmp_path / "rows.jsonl"
    with rows.open("w") as file:
        for number in range(1500):  # three parts
            text = f"on: push\nname: {number} {number**90}\njobs: {{}}\n"
            file.write(json.dumps({"text": text}) + "\n")
    options = ("-o", store, "--force", "--workers", f"{workers}")
    message = error_of("prepare", rows, *options)
    assert message.startswith(f"{small_disk}/.store.staging/parts/")
    assert "No space left on device; the disk is full: free some space" in message
    assert Store.open(store).digest == before


@pytest.mark.parametrize("small_disk", [512], indirect=True)
def test_a_disk_that_is_large_enough_holds_the_store(
    workflows: Path, small_disk: Path
) -> None:
    run_well("prepare", workflows, "-o", small_disk / "store")
    assert names(small_disk) == ["store"]


# -- wrong usage -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prepare"], "Missing argument 'SOURCE…'"),
        (["prepare", "x"], "Missing option '-o'"),
        (["prepare", "x", "-o", "y", "--split-seed", "z"], "not a valid integer"),
        (["prepare", "x", "-o", "y", "--no-such"], "--no-such"),
        (["inspect-windows"], "Missing argument 'STORE"),
        (["train", "x"], "Missing option '-o'"),
        (["train", "x", "-o", "y", "--steps", "0"], "0 is not in the range x>=1"),
        (["tokenizer", "no-such"], "No such command 'no-such'"),
        (["tokenizer", "train", "x"], "Missing option '-o'"),
        (["tokenizer", "show"], "Missing argument 'FILE'"),
        (["tokenizer", "show", "x", "y"], "unexpected extra argument (y)"),
        (["tokenizer", "stats"], "Missing argument 'SOURCE…'"),
        (["generate", "x", "--format", "xml"], "'xml' is not one of"),
        (["no-such-command"], "No such command 'no-such-command'"),
        (["--no-such"], "--no-such"),
    ],
)
def test_wrong_usage_says_how_to_use_it(arguments: list[str], message: str) -> None:
    assert message in usage_error_of(*arguments)


def test_a_run_that_diverges_has_an_exit_code_of_its_own(
    store_folder: Path, tmp_path: Path
) -> None:
    wild = ("--set", "lr=1e38", "--batch-size", "2", "--steps", "3")
    small = ("--set", "model.width=32", "--set", "layers=1", "--set", "heads=1")
    result = run(
        *("train", store_folder, "-o", tmp_path / "run", "--preset", "tiny"),
        *wild,
        *small,
    )
    assert result.exit_code == 3, result.stderr
    assert result.stdout == ""
    message = result.stderr.splitlines()[-1]
    assert message.startswith("Error: step 2: found a loss of nan nats per token")
    assert message.endswith(f"all windows are in {tmp_path / 'run/non-finite.json'}")


# -- real processes --------------------------------------------------------------------


def test_a_process_fails_without_a_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [*TCT, "inspect-windows", tmp_path], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: {tmp_path}: no manifest.json")
    assert done.stderr.count("\n") == 1


def test_a_reader_that_has_seen_enough_is_no_error(store_folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*TCT, "inspect-windows", "--json", store_folder],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert done.stderr == ""
