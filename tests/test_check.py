"""`tct check`: exact findings at exact places."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tct.cli import main
from tct.data.check import check_workflow, find_problem
from tct.data.check.expressions import (
    ExpressionError,
    allowed,
    check_expression,
    read_template,
)
from tct.data.documents.parse import parse_document
from tct.data.rules.contexts import AVAILABILITY, EVERYWHERE, STATUS
from tct.data.rules.schema import definitions

GOOD = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: ok\n"


@pytest.mark.parametrize(
    ("more", "place", "found"),
    [
        ("    needs: b\n", (7, 12), "jobs.a.needs: needs 'b', which is no job"),
        ("    needs: a\n", (7, 12), "jobs.a.needs: needs in a circle: a → a"),
        (
            "      - {id: s, run: x}\n      - {id: s, run: x}\n",
            (8, 14),
            "jobs.a.steps[2].id: step id 's' a second time",
        ),
        ("      - {id: 1x, run: x}\n", (7, 14), "jobs.a.steps[1].id: '1x'"),
        (
            "      - run: a ${{ x }\n",
            (7, 16),
            "jobs.a.steps[1].run: an expression that never closes",
        ),
        (
            "      - run: |\n          echo\n          ${{ nothing.x }}\n",
            (9, 11),
            "jobs.a.steps[1].run: context 'nothing' in an expression",
        ),
        (
            "      - {run: x, if: always(1)}\n",
            (7, 22),
            "jobs.a.steps[1].if: always with 1 arguments",
        ),
        (
            "    if: hashFiles('a') == 'b'\n",
            (7, 9),
            "jobs.a.if: function 'hashFiles' in an expression",
        ),
        (
            "    timeout-minutes: ${{ steps.a.outputs.b }}\n",
            (7, 22),
            "jobs.a.timeout-minutes: context 'steps' in an expression",
        ),
        (
            "      - uses: a/b@${{ github.ref }}\n",
            (7, 19),
            "jobs.a.steps[1].uses: context 'github' in an expression",
        ),
        ("    env: ${{ fromJSON('{}') }}\n", (7, 10), "jobs.a.env: an expression"),
        ("      - {run: x, rum: x}\n", (7, 18), "jobs.a.steps[1]: key 'rum'"),
        ("      - {run: [x]}\n", (7, 15), "jobs.a.steps[1].run: a list"),
        ("      - {name: x}\n", (7, 9), "jobs.a.steps[1]: neither of"),
        ("      - uses: checkout\n", (7, 15), "jobs.a.steps[1].uses: 'checkout'"),
        ("      - {run: x, shell: zsh}\n", (7, 25), "jobs.a.steps[1].shell: 'zsh'"),
        ("      - {run: x, env: {A B: c}}\n", (7, 24), "jobs.a.steps[1].env: 'A B'"),
        ("run-name: ${{ insert }}\n", (7, 11), "run-name: context 'insert'"),
        ("permissions: 1\n", (7, 14), "permissions: 1"),
        ("permissions: {content: read}\n", (7, 15), "permissions: key 'content'"),
        ("  b: {}\n", (7, 6), "jobs.b: neither of runs-on, uses"),
        ("  b: {uses: ./x.yml}\n", (7, 13), "jobs.b.uses: './x.yml'"),
        ("  b: {runs-on: x, Runs-On: x}\n", (7, 19), "jobs.b: key 'Runs-On' a second"),
        ("  b: {runs-on: x, container: {}}\n", (7, 30), "jobs.b.container: no image"),
    ],
)
def test_finding(more: str, place: tuple[int, int], found: str) -> None:
    assert check_workflow(GOOD.encode()) == []
    (finding,) = check_workflow((GOOD + more).encode())
    assert finding[:2] == place
    assert finding.found.startswith(found)


@pytest.mark.parametrize(
    ("on", "found"),
    [
        ("pussh", "on: 'pussh'"),
        ("{push: {types: x}}", "on.push: key 'types'"),
        ("{pull_request: {tags-ignore: x}}", "on.pull_request: key 'tags-ignore'"),
        ("{issues: {types: [open]}}", "on.issues.types[0]: 'open'"),
        ("{schedule: [{cron: 60 * * * *}]}", "on.schedule[0].cron: '60 * * * *'"),
        (
            "{workflow_dispatch: {inputs: {a: {type: boolean, default: 'x'}}}}",
            "on.workflow_dispatch.inputs.a.default: default 'x' of an input of type",
        ),
        (
            "{workflow_dispatch: {inputs: {a: {type: choice}}}}",
            "on.workflow_dispatch.inputs.a: a choice without options",
        ),
        (
            "{workflow_call: {inputs: {a: {}}}}",
            "on.workflow_call.inputs.a: no key 'type'",
        ),
    ],
)
def test_event(on: str, found: str) -> None:
    (finding,) = check_workflow(GOOD.replace("push", on).encode())
    assert finding.found.startswith(found)


@pytest.mark.parametrize(
    "text",
    [
        GOOD + "    strategy: {fail-fast: true}\n",
        GOOD + "env: {A: }\n",
        GOOD + "description: x\n",
        GOOD + "env: ${{ fromJSON('{}') }}\n",
        GOOD + "  b: {needs: A, runs-on: x}\n",  # GitHub ignores the case of ids
        GOOD + "    strategy: {matrix: {'${{ insert }}': '${{ github }}'}}\n",
        GOOD + "      - {run: x, if: \"${{ 'true' }}\"}\n",
        GOOD + "      - {run: x, shell: '${{ ''bash'' }}'}\n",
        GOOD.replace("push", "{push: {branches: main}}"),
        GOOD.replace("push", "repository_dispatch"),
        GOOD.replace("push", "{schedule: [{cron: '*/5 1-3,9 1 JAN-MAR/2 sun'}]}"),
    ],
)
def test_what_github_accepts(text: str) -> None:
    assert check_workflow(text.encode()) == []


ANY = allowed(frozenset({"github", "hashFiles(1,255)"}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "github.event.*.name[0]['a'].b",
        "GitHub['x'] == 'it''s' && !(1 < -2.5e3 || 0xfF >= .5)",
        "contains(fromJSON('[]'), hashfiles('a', 'b',)) != null",
        "case(true, 1, 2)",
        "fromJSON('{}').true.x-y",
        "NaN == Infinity",
    ],
)
def test_expression(text: str) -> None:
    check_expression(text, ANY)


@pytest.mark.parametrize(
    "text",
    [
        "github.",
        "github..a",
        "github.event.1",
        "'a",
        '"a"',
        "1 + 2",
        "true.x",
        "'a'.b",
        "a-b",
        "github = 1",
        "(github",
        "github)",
        "github['a'",
        "github github",
        "contains('a')",
        "case(1, 2)",
        "always()",
        "github.a &",
        "1.2.3",
        "github\u00a0.a",
        "(" * 60 + "1" + ")" * 60,
        "'" + "a" * 21_000 + "'",
    ],
)
def test_no_expression(text: str) -> None:
    with pytest.raises(ExpressionError):
        check_expression(text, ANY)


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("${{ 'it''s' }}", "it's"),
        ("${{ '}}' }}", "}}"),
        ("a ${{ 'b' }}", None),
        ("${{ github }}", None),
    ],
)
def test_template(text: str, literal: str | None) -> None:
    assert read_template(text, ANY) == literal


def test_what_masks_write_is_allowed() -> None:
    """Masks know places by name; GitHub's schema allows the same there, or more."""
    types = {
        "run-name": "run-name",
        "concurrency": "workflow-concurrency",
        "env": "workflow-env",
        "workflow-output": "workflow-output-context",
        "job-if": "job-if",
        "strategy": "strategy",
        "job": "runs-on",
        "job-env": "job-env",
        "job-secrets": "scalar-needs-context-with-secrets",
        "job-defaults": "job-defaults-run",
        "job-output": "string-runner-context",
        "environment-url": "string-runner-context-no-secrets",
        "credentials": "container-registry-credentials",
        "step": "step-env",
        "step-if": "step-if",
    }
    assert types.keys() == AVAILABILITY.keys() - {"password"}  # narrower than GitHub's
    for name, available in AVAILABILITY.items():
        if name in types:
            expected = allowed(definitions()[types[name]].contexts)
            assert available.contexts == expected.contexts, name
            assert available.functions == expected.functions.keys(), name
    assert (
        allowed(definitions()["job-if"].contexts).functions.keys()
        >= EVERYWHERE | STATUS
    )


PUBLISHED = Path(__file__).parents[1] / ".judges/node_modules/@actions/workflow-parser"


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="needs make judges")
def test_schema_is_the_published_one() -> None:
    rules = Path(__file__).parents[1] / "data/rules/github.json"
    ours = json.loads(rules.read_text())["definitions"]
    text = (PUBLISHED / "dist/workflow-v1.0.min.json").read_text()
    theirs = _without_descriptions(json.loads(text))["definitions"]
    different = {name for name in ours if ours[name] != theirs[name]}
    assert different == {
        "steps-item",
        "run-step",
        "regular-step",
        "repository-dispatch-string",
    }


def _without_descriptions(value: Any, *, are_names: bool = False) -> Any:
    """Leave descriptions out, but not the type of a key of that name."""
    if not isinstance(value, dict):
        return value
    return {
        key: _without_descriptions(v, are_names=key in ("properties", "definitions"))
        for key, v in value.items()
        if are_names or key != "description"
    }


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: [", (2, 1)),
        ("a: 1\nb: {c: 1, d: [{c: 1, c: 2}]}\n", (2, 22)),
        ("a: 1\nb: *c\n", (2, 4)),
        ("[1]", (1, 1)),
        ("a: 1\n\x01", (2, 1)),
    ],
)
def test_no_document(text: str, place: tuple[int, int]) -> None:
    (finding,) = check_workflow(text.encode())
    assert finding[:3] == (*place, "yaml")


def test_first_problem() -> None:
    assert find_problem(parse_document(GOOD.encode())) is None
    bad = parse_document((GOOD + "    needs: b\n").encode())
    found = "jobs.a.needs: needs 'b', which is no job; expected one of the jobs a"
    assert find_problem(bad) == found


@pytest.mark.parametrize(
    "text",
    [
        "on: push\njobs: {"
        + ",".join(f"a{n}: {{needs: a{n + 1}}}" for n in range(40_000))
        + "}",
        "{" + ",".join(f"a{n}: 1" for n in range(90_000)) + "}",
        "on: push\njobs: {a: {needs: [" + "b," * 99_000 + "]}}",
        "a: 1\na: 2\nb: " + "[" * 300_000,
        "run-name: " + "${{ a }}" * 100_000,
        "run-name: ${{ " + "'" * 500_000,
        "run-name: ${{ " + "(" * 20_000 + "}}",
        "a: &a [1,2]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]\n",
    ],
)
def test_what_is_hostile_is_checked_in_little_time(text: str) -> None:
    begun = time.process_time()
    assert 1 <= len(check_workflow(text.encode())) <= 100
    assert time.process_time() - begun < 20  # a second or two; quadratic takes minutes


def test_command(tmp_path: Path) -> None:
    file = tmp_path / "a.yml"
    file.write_text(GOOD)
    assert CliRunner().invoke(main, ["check", str(tmp_path)]).exit_code == 0
    file.write_text("a: [")
    result = CliRunner().invoke(main, ["check", str(tmp_path)])
    assert result.exit_code == 1
    assert re.search(r"a\.yml:2:1: syntax", result.output)


def test_sarif_format(tmp_path: Path) -> None:
    file = tmp_path / "ä b.yml"
    file.write_text(GOOD + "    needs: b\n")
    result = CliRunner().invoke(main, ["check", str(file), "--format", "sarif"])
    log = json.loads(result.stdout)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    (found,) = run["results"]
    assert found["ruleId"] in {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    place = found["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 7, "startColumn": 12}
    assert place["artifactLocation"]["uri"].endswith("/%C3%A4%20b.yml")
    assert found["message"]["text"].startswith("jobs.a.needs: needs 'b'")


def test_github_format() -> None:
    source = GOOD + "    needs: b\n"
    result = CliRunner().invoke(main, ["check", "-", "--format", "github"], source)
    expected = "jobs.a.needs: needs 'b', which is no job; expected one of the jobs a"
    assert result.stdout == f"::error file=-,line=7,col=12::{expected}\n"
    assert result.exit_code == 1
