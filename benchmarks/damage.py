"""Damage workflows, one fault each, as people's mistakes would.

A kind of damage takes a document and a random generator, and returns the text of a
damaged one, or None if it does not apply.  Kinds that change the text keep its layout;
the others write the changed value anew.
"""

import copy
import random
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from tct.data.documents.parse import parse_document
from tct.data.documents.yaml_writer import to_yaml

__all__ = ["DAMAGES", "damaged"]

Value: TypeAlias = dict[str, Any]
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}")


def damaged(texts: list[str], count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Pairs of a kind and a damaged text, all kinds alike in number."""
    rng = random.Random(seed)
    kinds = list(DAMAGES)
    made = 0
    while made < count:
        kind = kinds[made % len(kinds)]
        text = None
        while text is None:
            text = DAMAGES[kind](rng.choice(texts), rng)
        yield kind, text
        made += 1


# -- of the text -----------------------------------------------------------------------


def _without_line(text: str, rng: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    del lines[rng.randrange(len(lines))]
    return "".join(lines)


def _repeated_line(text: str, rng: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    return "".join([*lines[: at + 1], lines[at], *lines[at + 1 :]])


def _moved_line(text: str, rng: random.Random) -> str | None:
    """One space more or less before a line."""
    lines = text.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    if not lines[at].startswith(" "):
        return None
    lines[at] = lines[at][1:] if rng.random() < 0.5 else " " + lines[at]
    return "".join(lines)


def _cut(text: str, rng: random.Random) -> str:
    return text[: rng.randrange(1, len(text))]


def _in_expression(edit: Callable[[str, random.Random], str]) -> "Damage":
    def damage(text: str, rng: random.Random) -> str | None:
        found = list(_EXPRESSION.finditer(text))
        if not found:
            return None
        one = rng.choice(found)
        return text[: one.start()] + edit(one[0], rng) + text[one.end() :]

    return damage


def _misspelt(word: str, rng: random.Random) -> str:
    """Two letters swapped."""
    pairs = [i for i in range(len(word) - 1) if word[i] != word[i + 1]]
    at = rng.choice(pairs) if pairs else 0
    return word[:at] + word[at + 1 : at + 2] + word[at : at + 1] + word[at + 2 :]


def _misspelt_context(text: str, rng: random.Random) -> str:
    return re.sub(
        "[a-z]+", lambda found: _misspelt(found[0], rng), text, count=1, flags=re.I
    )


# -- of the value ----------------------------------------------------------------------


def _in_value(edit: Callable[[Value, random.Random], bool]) -> "Damage":
    def damage(text: str, rng: random.Random) -> str | None:
        value = copy.deepcopy(parse_document(text.encode()))
        return to_yaml(value) if edit(value, rng) else None

    return damage


def _job(value: Value, rng: random.Random) -> Value:
    return rng.choice([job for job in value["jobs"].values() if isinstance(job, dict)])


def _step(value: Value, rng: random.Random, key: str = "") -> Value:
    """A step with a key; an empty one if there is none."""
    steps = [
        step
        for job in value["jobs"].values()
        for step in job.get("steps", [])
        if isinstance(step, dict) and (not key or key in step)
    ]
    return rng.choice(steps) if steps else {}


def _somewhere(value: Value, rng: random.Random) -> Value:
    """A mapping whose keys GitHub defines."""
    return rng.choice([value, _job(value, rng), _step(value, rng)])


def _misspelt_key(value: Value, rng: random.Random) -> bool:
    target = _somewhere(value, rng)
    if not target:
        return False
    key = rng.choice(list(target))
    items = [(_misspelt(k, rng) if k == key else k, v) for k, v in target.items()]
    target.clear()
    target.update(items)
    return True


def _without_key(value: Value, rng: random.Random) -> bool:
    """A required key is missing."""
    target = rng.choice([value, _job(value, rng), _step(value, rng)])
    keys = [k for k in ("on", "jobs", "runs-on", "run", "uses") if k in target]
    if not keys:
        return False
    del target[rng.choice(keys)]
    return True


def _wrong_type(value: Value, rng: random.Random) -> bool:
    target = _somewhere(value, rng)
    if not target:
        return False
    key = rng.choice(list(target))
    target[key] = {"value": "x"} if not isinstance(target[key], dict) else "x"
    return True


def _set(value: Value, place: Value, key: str, new: Any) -> bool:
    if not place:
        return False
    place[key] = new
    return True


def _cycle(value: Value, rng: random.Random) -> bool:
    names = list(value["jobs"])
    value["jobs"][names[0]]["needs"] = names[-1]
    value["jobs"][names[-1]]["needs"] = names[0]
    return True


def _repeated_id(value: Value, rng: random.Random) -> bool:
    steps = _job(value, rng).get("steps", [])
    for step in steps[:2]:
        step["id"] = "same"
    return len(steps) > 1


def _without_ref(value: Value, rng: random.Random) -> bool:
    step = _step(value, rng, "uses")
    name, at, _ = str(step.get("uses", "")).partition("@")
    return bool(at) and _set(value, step, "uses", name)


def _event(value: Value, rng: random.Random) -> bool:
    word = rng.choice(["pushes", "pull-request", "manual", "tags", "pull_requests"])
    return _set(value, value, "on", {word: None})


def _filter(value: Value, rng: random.Random) -> bool:
    key = rng.choice(["branch", "tags", "path", "types"])
    wrong = {key: ["opend"] if key == "types" else ["main"]}
    return _set(value, value, "on", {"pull_request": wrong})


def _default(value: Value, rng: random.Random) -> bool:
    wrong = rng.choice([("boolean", "yes"), ("string", True), ("choice", "a")])
    inputs = {"a": {"type": wrong[0], "default": wrong[1]}}
    return _set(value, value, "on", {"workflow_dispatch": {"inputs": inputs}})


def _crontab(value: Value, rng: random.Random) -> bool:
    crons = [
        "* * * *",
        "60 * * * *",
        "0 24 * * *",
        "0 0 * * 8",
        "@daily",
        "0 0 5-1 * *",
    ]
    return _set(value, value, "on", {"schedule": [{"cron": rng.choice(crons)}]})


def _one_of(key: str, wrong: list[Any], *, step: bool = False) -> "Damage":
    """A key of a job, or of a step that runs something, gets a wrong value."""

    def edit(value: Value, rng: random.Random) -> bool:
        place = _step(value, rng, "run") if step else _job(value, rng)
        return _set(value, place, key, rng.choice(wrong))

    return _in_value(edit)


Damage: TypeAlias = Callable[[str, random.Random], str | None]

DAMAGES: dict[str, Damage] = {
    "a line left out": _without_line,
    "a line twice": _repeated_line,
    "a line moved by a space": _moved_line,
    "the rest cut off": _cut,
    "an expression not closed": _in_expression(lambda text, _: text[:-2]),
    "a context misspelt": _in_expression(_misspelt_context),
    "an operator left out": _in_expression(lambda text, _: text[:-2] + " 'a' }}"),
    "a key misspelt": _in_value(_misspelt_key),
    "a required key left out": _in_value(_without_key),
    "a value of another type": _in_value(_wrong_type),
    "an unknown event": _in_value(_event),
    "a filter that the event lacks": _in_value(_filter),
    "a default of another type": _in_value(_default),
    "a wrong cron": _in_value(_crontab),
    "an unknown job in needs": _one_of("needs", ["nothing", ["nothing"]]),
    "jobs in a circle": _in_value(_cycle),
    "an id twice": _in_value(_repeated_id),
    "an invalid id": _one_of("id", ["1st", "a b", "a.b", "__a", ""], step=True),
    "uses without a ref": _in_value(_without_ref),
    "an unknown shell": _one_of("shell", ["zsh", "node", "bash.exe"], step=True),
    "an unknown permission": _one_of(
        "permissions", [{"content": "read"}, {"contents": "all"}, "read"]
    ),
    "a context out of place": _one_of(
        "if", ["${{ secrets.A == 'a' }}", "runner.os == 'Linux'", "matrix.a", "env.A"]
    ),
    "a wrong call": _one_of(
        "if",
        ["contains('a')", "always(1)", "hashFile('a')", "startWith('a', 'b')"],
        step=True,
    ),
    "a name of a variable": _one_of("env", [{"A B": "c"}, {"A=B": "c"}], step=True),
    "an expression for a mapping": _one_of("env", ["${{ github.event }}"]),
}
