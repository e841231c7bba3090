"""`tct check`: exact findings at exact places."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from tct.cli import main
from tct.data.check import check_workflow
from tct.data.tokenizer import Tokenizer

TOKENIZER = Tokenizer.default()
GOOD = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: ok\n"


@pytest.mark.parametrize(
    ("more", "place", "found"),
    [
        ("    needs: b\n", (7, 12), "needs 'b', which is no job"),
        (
            "      - {id: s, run: x}\n      - {id: s, run: x}\n",
            (8, 14),
            "step id 's' a second time",
        ),
        ("      - run: ${{ x }\n", (7, 14), "an expression that never closes"),
        ("      - {run: x, rum: x}\n", (7, 18), "jobs.*.steps[]: unknown key 'rum'"),
        (
            "      - {run: [x]}\n",
            (7, 15),
            "jobs.*.steps[].run: an array is not allowed",
        ),
        ("permissions: 1\n", (7, 14), "permissions: a number is not allowed here"),
        ("  b: {}\n", (7, 6), "jobs.*: lacks a required key"),
    ],
)
def test_finding(more: str, place: tuple[int, int], found: str) -> None:
    assert check_workflow(GOOD.encode(), TOKENIZER) == []
    (finding,) = check_workflow((GOOD + more).encode(), TOKENIZER)
    assert finding[:2] == place
    assert finding.found.startswith(found)


def test_case_of_jobs_does_not_matter() -> None:
    assert (
        check_workflow((GOOD + "  b: {needs: A, runs-on: x}\n").encode(), TOKENIZER)
        == []
    )


def test_command(tmp_path: Path) -> None:
    file = tmp_path / "a.yml"
    file.write_text(GOOD)
    assert CliRunner().invoke(main, ["check", str(tmp_path)]).exit_code == 0
    file.write_text("a: [")
    result = CliRunner().invoke(main, ["check", str(tmp_path)])
    assert result.exit_code == 1
    assert f"{file}:1:5: syntax" in result.output


def test_github_format() -> None:
    source = GOOD + "    needs: b\n"
    result = CliRunner().invoke(main, ["check", "-", "--format", "github"], source)
    expected = "needs 'b', which is no job; one of the jobs a"
    assert result.stdout == f"::error file=-,line=7,col=12::{expected}\n"
    assert result.exit_code == 1


@pytest.mark.parametrize(
    "text",
    [
        GOOD + "    strategy: {fail-fast: true}\n",
        GOOD + "env: {A: }\n",
        GOOD.replace("push", "{push: {branches: main}}"),
    ],
)
def test_what_only_the_schema_refuses_is_fine(text: str) -> None:
    assert check_workflow(text.encode(), TOKENIZER) == []
