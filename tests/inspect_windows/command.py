"""Running `tct inspect-windows` and reading what it says."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from rich.cells import cell_len

from tct.cli import main
from tct.data.store import Store

LENGTHS = [29, 700, 1024, 1025, 2500, 7000]


def run(*arguments: object) -> Result:
    command = ["inspect-windows", *(str(argument) for argument in arguments)]
    return CliRunner().invoke(main, command)


def run_well(*arguments: object) -> str:
    result = run(*arguments)
    assert (result.exit_code, result.exception) == (0, None), result.stderr
    assert "\x1b" not in result.stdout
    if "--json" not in arguments:
        for line in result.stdout.split("\n"):
            assert cell_len(line) <= 80, line
            assert not line.endswith(" ") or line[:1] in "│┆·", line
    return result.stdout


def records_of(*arguments: object) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run_well(*arguments, "--json").splitlines()]


def error_of(*arguments: object) -> str:
    """The one line that a failing command says, without `Error: `."""
    result = run(*arguments)
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    return line.removeprefix("Error: ")


def usage_error_of(*arguments: object) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: ")
    return result.stderr.partition("Error: ")[2].strip()


def longest(store: Store) -> int:
    rows = store.rows("train")
    return int(rows[store.length[rows].argmax()])


def write_run(folder: Path, store: Store, **sections: dict[str, object]) -> Path:
    folder.mkdir()
    config = {
        "config": sections,
        "data": {"tokens": 1, "windows_per_epoch": [1, 1]},
        "store": {"name": "store", "digest": store.digest},
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder
