"""Compose a corpus of invented, realistic GitHub Actions workflow files.

Run ``python examples/compose.py OUT [--count 240] [--seed 0]``. The workflows are
templates (``templates.txt``, whose head explains the notation) that are filled with
the commands of a language (``ecosystems.toml``) and then restyled, so that all files
of one repository share its quotes, its kind of lists and its way of naming steps.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
World = dict[str, Any]  # the facts that templates may name

HERE = Path(__file__).parent
LONG = ("monorepo", "compatibility")  # kinds of very long workflows
LONG_EVERY = 8  # one repository in this many has one

FIRST = "amber birch cedar copper dawn elder fern granite harbor juniper maple opal"
SECOND = "bay brook craft field forge grove hill labs light loop mill point stone works"
TOPICS = (
    "atlas beacon cache courier ferry glyph index ledger mesh orbit parser pixel queue "
    "relay router sketch sync tiles token vault weave"
)
ENDINGS = ("", "-core", "-kit", "-server", "-tools", "-cli", "-lib", "-hub", "-api")
COMPONENTS = (
    "admin api auth billing catalog cli gateway ingest mailer notifications reports "
    "scheduler sdk search web worker"
)


class Dice:
    """Seeded choices, all from ``random()``: the one stream that never changes."""

    def __init__(self, *seed: object) -> None:
        self._random = random.Random(":".join(map(str, seed))).random

    def chance(self, likelihood: float) -> bool:
        """Say yes this often."""
        return self._random() < likelihood

    def number(self, low: int, high: int) -> int:
        """Return a whole number, both ends included."""
        return low + int(self._random() * (high - low + 1))

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[self.number(0, len(items) - 1)]

    def some(self, items: Sequence[T], low: int, high: int) -> list[T]:
        """Return between low and high of the items, in their order."""
        shuffled = sorted(range(len(items)), key=lambda _: self._random())
        kept = sorted(shuffled[: self.number(low, high)])
        return [items[place] for place in kept]


# --- Templates ------------------------------------------------------------------


def read_templates() -> dict[str, tuple[list[str], str]]:
    """Return the file names and the text of each template and block."""
    found: dict[str, tuple[list[str], str]] = {}
    source = (HERE / "templates.txt").read_text(encoding="utf-8")
    for section in source.split("\n=== ")[1:]:
        heading, _, text = section.partition("\n")
        kind, _, names = heading.partition(" : ")
        found[kind] = (names.split(), text.strip("\n"))
    return found


TEMPLATES = read_templates()
ECOSYSTEMS: World = tomllib.loads(
    (HERE / "ecosystems.toml").read_text(encoding="utf-8")
)
OPTIONAL = re.compile(r" +#\? (\d+)$")
INCLUDE = re.compile(r"( *)\+ ([\w-]+)(\*?)(?: (\w+)=(.*))?")
CHOICE = re.compile(r"<(?:([\w-]+):=)?([^<>\n]+)>")


def fill(line: str, world: World, d: Dice) -> str:
    """Replace the choices and the facts in a line, the innermost first."""
    while match := CHOICE.search(line):
        name, text = match.groups()
        if "|" in text:
            text = d.pick(text.split("|"))
        else:
            value = world[text]
            text = d.pick(value) if isinstance(value, list) else value
        if name:
            world[name] = text
        line = line[: match.start()] + text + line[match.end() :]
    return line.rstrip()


def as_value(line: str) -> list[str]:
    """Turn "key: several lines" into a block scalar."""
    first, *rest = line.split("\n")
    if not rest:
        return [line]
    key, _, start = first.partition(": ")
    pad = " " * (len(key) - len(key.lstrip(" -")) + 2)
    return [f"{key}: |", *(pad + text for text in (start, *rest))]


def steps(commands: list[str]) -> str:
    """Turn "Title: command" lines into steps."""
    pairs = [command.split(": ", 1) for command in commands]
    return "\n".join(
        "\n".join([f"- name: {title}", *as_value(f"  run: {script}")])
        for title, script in pairs
    )


def expand(text: str, world: World, d: Dice) -> list[str]:
    """Return the lines of a template with all its choices made."""
    lines: list[str] = []
    dropped: int | None = None
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if dropped is not None and (not line or indent > dropped):
            continue
        dropped = None
        if match := OPTIONAL.search(line):
            if not d.chance(int(match[1]) / 100):
                dropped = indent
                continue
            line = line[: match.start()]
        line = fill(line, world, d)
        if not (include := INCLUDE.fullmatch(line)):
            lines += as_value(line)
            continue
        pad, name, several, key, value = include.groups()
        inner = {**world, key: value} if key else world
        body = world[name] if name in world else TEMPLATES[f"+{name}"][1]
        if isinstance(body, list):
            body = steps(d.some(body, 1, 3) if several else [d.pick(body)])
        lines += [(pad + part).rstrip() for part in expand(body, inner, d)]
    return lines


def drop_missing_needs(lines: list[str]) -> list[str]:
    """Drop jobs that do not exist from each list of needs."""
    start = lines.index("jobs:")
    jobs = {m[1] for line in lines[start:] if (m := re.match(r"  ([\w-]+):$", line))}
    kept: list[str] = []
    for line in lines:
        if match := re.fullmatch(r"    needs: \[(.*)\]", line):
            needs = [name for name in match[1].split(", ") if name in jobs]
            if not needs:
                continue
            line = "    needs: " + (f"[{', '.join(needs)}]" if needs[1:] else needs[0])
        kept.append(line)
    return kept


# --- Repositories and their style ------------------------------------------------


@dataclass(frozen=True)
class Repo:
    """An invented repository: its facts and its way of writing."""

    world: World
    era: int  # 0, 1, 2: old, usual or new versions of the actions
    quote: str
    block_lists: bool
    indented: bool  # steps are indented below their key
    spacing: str  # blank lines: "tight" none, "usual", "airy" also between steps
    naming: str  # which steps have names
    uses_first: bool
    block_runs: bool  # one-line scripts are block scalars too
    comments: bool

    @property
    def folder(self) -> str:
        """Name of its folder: owner and name."""
        return f"{self.world['owner']}__{self.world['repo']}"


def repository(d: Dice) -> Repo:
    """Invent a repository: its language, its facts and its style."""
    eco = ECOSYSTEMS[d.pick(("python", "node", *ECOSYSTEMS))]
    branch = d.pick(("main", "main", "main", "master", "develop"))
    more = ("", "", ", 'release/**'", ", next", ", 'v*.x'")
    world = {
        **eco,
        "owner": d.pick(FIRST.split()) + d.pick(SECOND.split()),
        "repo": d.pick(TOPICS.split()) + d.pick(ENDINGS),
        "branch": branch,
        "branches": [f"[{branch}{tail}]" for tail in more],
        "runner": d.pick(("ubuntu-latest",) * 4 + ("ubuntu-22.04", "ubuntu-24.04")),
        "checkout-title": d.pick(("Checkout", "Check out the code", "Get sources")),
        "contract": d.pick(("plain", "staged", "retry")),
    }
    return Repo(
        world=world,
        era=d.number(0, 2),
        quote=d.pick("''\""),
        block_lists=d.chance(0.45),
        indented=d.chance(0.85),
        spacing=d.pick(("airy", "airy", "airy", "usual", "usual", "usual", "tight")),
        naming=d.pick(("all", "runs", "runs", "few")),
        uses_first=d.chance(0.2),
        block_runs=d.chance(0.2),
        comments=d.chance(0.7),
    )


PLAIN: World = {
    "era": 1,
    "quote": "'",
    "block_lists": False,
    "indented": True,
    "spacing": "usual",
    "naming": "few",
    "uses_first": False,
    "block_runs": False,
    "comments": False,
}
ERAS = {
    "actions/cache": "v3 v4 v4",
    "actions/checkout": "v3 v4 v5",
    "actions/setup-go": "v4 v5 v5",
    "actions/setup-java": "v3 v4 v4",
    "actions/setup-node": "v3 v4 v4",
    "actions/setup-python": "v4 v5 v5",
    "actions/upload-artifact": "v3 v4 v4",
    "codecov/codecov-action": "v3 v4 v5",
    "docker/build-push-action": "v5 v6 v6",
}
LISTS = re.compile(
    r"( *)((?:branches|tags|paths)(?:-ignore)?|types|needs|os|ports|options): \[(.*)\]"
)
QUOTED = re.compile(r"(?<=[:\[,-] )'([^'\"\\]*)'(?=$|,|\])|(?<=\[)'([^'\"\\]*)'")
STEP = re.compile(r" {6}(- |# )")


def in_scalar(lines: list[str]) -> Iterator[tuple[str, bool]]:
    """Pair each line with whether it lies within a block scalar."""
    above: int | None = None
    for line in lines:
        indent = len(line) - len(line.lstrip(" -"))
        within = above is not None and (not line or indent > above)
        yield line, within
        if not within:
            above = indent if line.endswith((": |", ": >-")) else None


def restyle_line(line: str, repo: Repo) -> list[str]:
    """Write a line of YAML (not of a script) as the repository does."""
    if repo.block_lists and (match := LISTS.fullmatch(line)):
        pad, key, items = match.groups()
        entries = [f"{pad}  - {item}" for item in items.split(", ")]
        return [f"{pad}{key}:", *(requote(entry, repo) for entry in entries)]
    if repo.block_runs and (match := re.fullmatch(r"( *)(- )?run: ([^|].*)", line)):
        pad, dash, script = match.groups("")
        return [f"{pad}{dash}run: |", f"{pad}{' ' * len(dash)}  {script}"]
    if match := re.search(r"uses: ([\w/-]+)@v\d+$", line):
        versions = ERAS.get(match[1], "").split()
        line = re.sub(r"@v\d+$", f"@{versions[repo.era]}", line) if versions else line
    return [line if "${{" in line else requote(line, repo)]


def requote(line: str, repo: Repo) -> str:
    """Write quoted words with the repository's quotes."""
    if repo.quote == "'":
        return line
    return QUOTED.sub(lambda match: f'"{match[1] or match[2]}"', line)


def rename_steps(lines: list[str], repo: Repo) -> Iterator[str]:
    """Drop the names of steps that the repository leaves without one."""
    rest = iter(zip(lines, [*lines[1:], ""], strict=True))
    for line, following in rest:
        named = re.fullmatch(r"( *)- name: .*", line)
        action = re.fullmatch(r" *uses: .*", following)
        command = re.fullmatch(r" *run: [^|].*", following)
        drops = {"all": None, "runs": action, "few": action or command}[repo.naming]
        if named and drops:
            next(rest)
            yield f"{named[1]}- {following.lstrip()}"
        elif named and action and repo.uses_first:
            next(rest)
            yield f"{named[1]}- {following.lstrip()}"
            yield line.replace("- ", "  ", 1)
        else:
            yield line


def restyle(lines: list[str], repo: Repo) -> Iterator[str]:
    """Write a finished workflow in the manner of its repository."""
    styled: list[tuple[str, bool]] = []
    for line, within in in_scalar(list(rename_steps(lines, repo))):
        if within:
            styled.append((line, True))
        elif repo.comments or not line.lstrip().startswith("#"):
            styled += ((part, False) for part in restyle_line(line, repo))
    previous, inside = "", False
    for line, within in styled:
        if line and not line.startswith("     "):
            inside = line == "    steps:"
        opens = re.match(r"\w", line) or (
            repo.spacing == "airy" and inside and not within and STEP.match(line)
        )
        first = previous == "    steps:" or previous.lstrip().startswith("#")
        if opens and previous and not first and repo.spacing != "tight":
            yield ""
        if line or within or (previous and repo.spacing != "tight"):
            flush = inside and not repo.indented and line.startswith(" " * 6)
            yield line[2:] if flush else line
        previous = line


# --- Files ----------------------------------------------------------------------


def bare(version: str) -> str:
    """Return a version without its quotes."""
    return version.strip("'")


SYSTEMS = (
    ("ubuntu-latest", "windows-latest", "macos-latest"),
    ("ubuntu-latest", "windows-latest"),
    ("ubuntu-22.04", "ubuntu-24.04", "macos-14"),
)


def file_facts(world: World, d: Dice) -> World:
    """Return the versions of the language and the times that a workflow is for."""
    chosen = d.some(world["version"], 2, 4)
    newest = chosen[-1]
    systems = d.pick(SYSTEMS)
    time = f"{d.pick((0, 0, 15, 17, 30, 42))} {d.number(0, 23)} * *"
    return {
        "id-lint": d.pick(("lint", "lint", "style", "checks")),
        "id-test": d.pick(("test", "test", "tests", "unit", "check")),
        "id-build": d.pick(("build", "build", "package", "dist")),
        "daily": f"{time} *",
        "weekly": f"{time} {d.pick(('0', '1', '6', 'sun', 'mon'))}",
        "versions": f"[{', '.join(chosen)}]",
        "oldest": chosen[0],
        "systems": f"[{', '.join(systems)}]",
        "last-system": systems[-1],
        "newest": newest,
        "newest-text": f"'{bare(newest)}'",
        "newest-literal": newest if newest.isdigit() else f"'{bare(newest)}'",
    }


def component_facts(world: World, d: Dice, low: int, high: int) -> World:
    """Return one job for each of several components, in a mix of languages."""
    parts = d.some(COMPONENTS.split(), low, high)
    jobs: list[str] = []
    for part in parts:
        eco = ECOSYSTEMS[d.pick(("node", "python", "go", *ECOSYSTEMS))]
        inner = {**world, **eco, "part": part}
        jobs += ["", *expand(TEMPLATES["+component"][1], inner, d)]
    filters = [f"{p}:\n  - 'packages/{p}/**'\n  - 'shared/**'" for p in parts]
    outputs = [f"{p}: ${{{{ steps.filter.outputs.{p} }}}}" for p in parts]
    return {
        "parts": f"[{', '.join(parts)}]",
        "filters": "\n".join(filters),
        "outputs": "\n".join(outputs),
        "components": "\n".join(jobs[1:]),
    }


def compatibility_facts(world: World, d: Dice) -> World:
    """Return a long list of combinations, all of them written out."""
    stores = ["sqlite", "postgres-14", "postgres-16", "mysql-8", "mariadb-11"]
    entries: list[str] = []
    for version in world["version"]:
        for system in ("ubuntu-22.04", "ubuntu-24.04", "windows-2022", "macos-14"):
            for store in d.some(stores, 3, 5):
                entries += [
                    f"- name: {system} / {bare(version)} / {store}",
                    f"  os: {system}",
                    f"  version: {version}",
                    f"  store: {store}",
                    f"  allow-failure: {str(d.chance(0.15)).lower()}",
                ]
    return {"entries": "\n".join(entries)}


def plan(d: Dice, number: int) -> list[str]:
    """Choose the kinds of workflows of a repository."""
    apart = {"ci", "caller", *LONG}
    chosen = d.some([k for k in TEMPLATES if k[0] != "+" and k not in apart], 1, 5)
    if "reusable" in chosen:
        chosen.append("caller")
    long = [d.pick(LONG)] if number % LONG_EVERY == 3 else []
    return ["ci", *long, *chosen]


def compose(kind: str, repo: Repo, d: Dice) -> list[str]:
    """Return the lines of a workflow, not yet in the style of its repository."""
    world = {**repo.world, **file_facts(repo.world, d)}
    if kind == "compatibility":
        world |= compatibility_facts(world, d)
    elif kind in ("monorepo", "packages"):
        world |= component_facts(world, d, *((10, 13) if kind in LONG else (3, 6)))
    return drop_missing_needs(expand(TEMPLATES[kind][1], world, d))


def corpus(seed: int) -> Iterator[tuple[str, str]]:
    """Yield paths and texts without end; the nth depends on the seed and n alone."""
    folders: set[str] = set()
    known: set[str] = set()  # without styles, so that no two differ in style alone
    for number in count():
        repo = repository(Dice(seed, number))
        if repo.folder in folders:
            continue
        folders.add(repo.folder)
        for kind in plan(Dice(seed, number, "plan"), number):
            d = Dice(seed, number, kind)
            name = d.pick(TEMPLATES[kind][0])
            lines = compose(kind, repo, d)
            plain = "\n".join(restyle(lines, replace(repo, **PLAIN)))
            if plain not in known:
                known.add(plain)
                text = "\n".join(restyle(lines, repo)).strip("\n") + "\n"
                yield f"{repo.folder}/{name}.yml", text


def main(arguments: list[str] | None = None) -> int:
    """Compose a corpus and return the exit status."""
    parser = argparse.ArgumentParser(description="Compose example workflows.")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--count", type=int, default=240)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    out: Path = options.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        print(f"error: {out} exists and is not an empty directory", file=sys.stderr)
        return 1
    files = list(islice(corpus(options.seed), max(options.count, 0)))
    for path, text in files:
        target = out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")
    repositories = len({path.split("/")[0] for path, _ in files})
    print(f"wrote {len(files)} workflows of {repositories} repositories to {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
