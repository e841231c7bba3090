"""`tct check` and GitHub's parser agree on random expressions and keys."""

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tct.data.check import check_workflow

ROOT = Path(__file__).parents[1]
JUDGES = ROOT / ".judges"
SCRIPT = ROOT / "trainer" / "evaluation" / "node" / "judge.mjs"
pytestmark = pytest.mark.skipif(
    not (JUDGES / "installed").is_file() or shutil.which("node") is None,
    reason="needs make judges",
)


def words(text: str) -> list[str]:
    return text.split()


OPERANDS = words("""
    github github.a github.event.*.b needs.x['y'] 'x' 'it''s' 1 -2.5e3 .5 0xF 0xg
    true True null NaN matrix.*.a steps.a secrets.A vars inputs.a runner.os job.status
    env.A jobs.a foo github.true github.1 a-b "x" 1.2.3 'open insert strategy['b'].c
""")
FUNCTIONS = words("""
    contains startsWith join format case toJSON fromjson always success failure
    cancelled hashFiles HASHFILES nope
""")
OPERATORS = [" == ", "!=", "&&", " || ", "<=", ">", " ", " = ", " + ", "&"]
VALUES: list[Any] = [
    None,
    True,
    3,
    1.5,
    "",
    "x",
    "${{ github.a }}",
    "${{ 'read' }}",
    [],
    ["x"],
    [None],
    {},
    {"a": "x"},
    {"a": None},
    {"group": "x"},
    {"name": "x"},
    {"image": "x"},
]
KEYS = words("""
    name run-name env defaults permissions concurrency runs-on needs if strategy
    timeout-minutes continue-on-error container services environment outputs uses with
    secrets steps snapshot id run working-directory on description
""")


def expression(rng: random.Random, depth: int = 0) -> str:
    kind = rng.random()
    if depth > 3 or kind < 0.35:
        return rng.choice(OPERANDS)
    if kind < 0.5:
        return f"({expression(rng, depth + 1)})"
    if kind < 0.6:
        return "!" + expression(rng, depth + 1)
    if kind < 0.8:
        left, right = expression(rng, depth + 1), expression(rng, depth + 1)
        return left + rng.choice(OPERATORS) + right
    inner = ", ".join(expression(rng, depth + 1) for _ in range(rng.randrange(4)))
    end = rng.choice([")", ")", ",)", ").a", ")[0]", ").*", ""])
    return f"{rng.choice(FUNCTIONS)}({inner}{end}"


def workflow() -> dict[str, Any]:
    job = {"runs-on": "x", "steps": [{"run": "x"}]}
    return {
        "on": "push",
        "jobs": {"a": job, "b": {"uses": "./.github/workflows/a.yml"}},
    }


def with_expression(rng: random.Random) -> str:
    value = workflow()
    job = value["jobs"]["a"]
    bare = expression(rng)
    places = [
        (value, "run-name", f"${{{{ {bare} }}}}"),
        (job, "name", f"a ${{{{{bare}}}}} b"),
        (job, "if", bare),
        (job["steps"][0], "if", f"${{{{ {bare} }}}}"),
        (job["steps"][0], "if", bare),
        (job["steps"][0], "run", f"${{{{ 1 }}}} ${{{{ {bare} }}}}"),
        (job, "env", {"A": f"${{{{ {bare} }}}}"}),
    ]
    place, key, text = rng.choice(places)
    place[key] = text
    return json.dumps(value)


def with_key(rng: random.Random) -> str:
    value = workflow()
    jobs = value["jobs"]
    place = rng.choice([value, jobs["a"], jobs["b"], jobs["a"]["steps"][0]])
    place[rng.choice(KEYS)] = rng.choice(VALUES)
    return json.dumps(value)


@pytest.mark.parametrize("make", [with_expression, with_key])
def test_what_github_refuses_is_found_and_no_more(make: Any) -> None:
    rng = random.Random(0)
    texts = [make(rng) for _ in range(500)]
    done = subprocess.run(
        ["node", str(SCRIPT), str(JUDGES), "github"],
        input="".join(json.dumps(text) + "\n" for text in texts),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    theirs = [json.loads(line) for line in done.stdout.splitlines()]
    assert 50 < sum(map(bool, theirs)) < 450
    different = []
    for text, complaints in zip(texts, theirs, strict=True):
        found = [one.message for one in check_workflow(text.encode())]
        # The parser leaves the forms of uses to the server.
        found = [one for one in found if "owner/repo" not in one]
        if bool(found) != bool(complaints):
            different.append((text, found, complaints))
    assert different == []
