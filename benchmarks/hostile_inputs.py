"""How much time and memory can 1 MiB of input take before it is kept or rejected?

Each input is read and encoded as `tct prepare` does, in a process of its own that has
encoded a small workflow before.  Time is CPU time, so a busy machine matters little;
memory is how much the peak of resident memory grew.
"""

import json
import multiprocessing
import platform
import random
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from tct import __version__
from tct.data.tokenizer import Tokenizer
from tct.pipeline.prepare.encode import Encoder
from tct.pipeline.sources import Record

SIZE = 1 << 20
WORKFLOW = """\
name: CI
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
    - uses: actions/checkout@v4
"""


def fill(unit: str, begin: str = "", end: str = "") -> str:
    """`unit` repeated between two texts, 1 MiB in all."""
    room = SIZE - len(begin.encode()) - len(end.encode())
    return begin + unit * (room // len(unit.encode())) + end


def number(unit: str, begin: str = "", end: str = "") -> str:
    """The same with numbers in place of `{}`."""
    parts, size = [begin], len(begin) + len(end)
    while size < SIZE:
        parts.append(unit.replace("{}", f"{len(parts):x}"))
        size += len(parts[-1])
    return "".join(parts[:-1]) + end


def noise(alphabet: str, begin: str) -> str:
    """Random text without order."""
    characters = random.Random(0).choices(alphabet, k=SIZE // len(alphabet[0].encode()))
    return (begin + "".join(characters))[: SIZE // len(alphabet[0].encode()) - 9]


ASCII = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789$()./-_"
STEPS = "    - run: make test\n      name: test {}\n"
JSON_TEXTS = json.dumps({"a": [f"{n:x}" for n in range(90_000)]})
INPUTS: dict[str, Callable[[], str]] = {
    "a workflow of many steps": lambda: number(STEPS, WORKFLOW),
    "a script of random letters": lambda: noise(ASCII, "a: |\n  "),
    "a script of rare characters": lambda: noise("ꙮꙭꙬ", "a: |\n  "),
    "one line of one letter": lambda: fill("x", "a: "),
    "nulls in brackets": lambda: fill("~,", "a: [", "]"),
    "nulls in JSON": lambda: fill("null,", '{"a":[', "1]}"),
    "arrays in JSON": lambda: fill("[],", '{"a":[', "1]}"),
    "objects in JSON": lambda: fill('{"":{}},', '{"a":[', "1]}"),
    "90,000 texts in JSON": lambda: JSON_TEXTS,
    "JSON with an error at its end": lambda: fill('"a",', '{"a":[', "1]}}"),
    "items": lambda: fill("- a\n", "a:\n"),
    "items of nothing": lambda: fill("-\n", "a:\n"),
    "keys": lambda: number("{}:\n"),
    "keys in braces": lambda: number("{},", "{", "}"),
    "keys with a question mark": lambda: number("? {}\n"),
    "merge keys": lambda: number("- <<: *a\n", "- &a\n  b: c\n"),
    "200,000 aliases": lambda: fill("*a,", "a: &a x\nb: [", "]"),
    "aliases of long texts": lambda: fill("*a,", f"a: &a {'x' * 1000}\nb: [", "]"),
    "anchors": lambda: number("a{}: &a{} x\n"),
    "aliases of aliases": lambda: fill(
        "*b,", f"a: &b [{'&a x,' + '*a,' * 99}]\nc: [", "]"
    ),
    "tags": lambda: fill("- !!str a\n", "a:\n"),
    "%TAG directives": lambda: number("%TAG !{}! tag:x\n", end="---\na: 1\n"),
    "other directives": lambda: fill("%A\n", end="---\na: 1\n"),
    "documents": lambda: fill("---\n", "a: 1\n"),
    "one key": lambda: fill("k", '{"', '":1}'),
    "one key with a question mark": lambda: fill("k", "? ", "\n: 1\n"),
    "newlines before it": lambda: fill("\n", end="a: 1\n"),
    "newlines in a script": lambda: fill("\n", "a: |+\n  x\n", "b: 1\n"),
    "carriage returns": lambda: fill("\r", "a: 1"),
    "comments": lambda: fill("#\n", "a: 1\n"),
    "comments in brackets": lambda: fill(" #\n", "a: [", "]\n"),
    "spaces": lambda: fill(" ", "a: 1", "\nb: 2\n"),
    "tabs": lambda: fill("\t", "a: 1", "x\n"),
    "lines of tabs": lambda: fill("\t\n", "a: 1\n", "b: 2\n"),
    "lines of plain text": lambda: fill(" x\n", "a:\n"),
    "lines in quotes": lambda: fill("x\n", 'a: "', '"'),
    "spaces in quotes": lambda: fill("x  ", 'a: "\n', '"'),
    "escapes": lambda: fill(r"\x41", 'a: "', '"'),
    "surrogates": lambda: fill(r"\ud83d\ude80", 'a: "', '"'),
    "an open quote": lambda: fill('\\"', 'a: "'),
    "open quotes": lambda: fill("'", "a: '", "b"),
    "lines of a script": lambda: fill("  x\n", "a: |\n"),
    "lines of folded text": lambda: fill("  x\n\n", "a: >\n"),
    "lines of more spaces": lambda: fill("   x\n", "a: >\n  x\n"),
    "colons": lambda: fill(":", "a: "),
    "colons in brackets": lambda: fill(": ,", "[", "]"),
    "hashes": lambda: fill("a#", "a: "),
    "open brackets": lambda: fill("["),
    "open braces": lambda: fill("{a: "),
    "dashes": lambda: fill("- "),
    "question marks": lambda: fill("? "),
    "bracketed keys": lambda: fill("[a]: "),
    "controls in quotes": lambda: fill("\x9f", 'a: "', '"'),
    "controls in many quotes": lambda: fill('"\x9f",', "a: [", "]"),
    "line separators": lambda: fill("\u2028", "a: |\n  "),
    "long numbers": lambda: fill("9" * 4300 + ",", "a: [", "]"),
    "fractions": lambda: fill("0." + "1" * 4000 + ",", "a: [", "]"),
}


def measure(name: str, folder: str) -> None:
    """Encode one input, and write its cost."""
    encoder = Encoder(Tokenizer.default())
    encoder.outcome(record(WORKFLOW))
    data = record(INPUTS[name]())
    before, begun = reset_peak(), time.process_time()
    outcome = encoder.outcome(data)
    seconds, grown = time.process_time() - begun, peak() - before
    row = [outcome.reason or "kept", outcome.length, seconds, grown]
    Path(folder, "row.json").write_text(json.dumps(row))


def record(text: str) -> Record:
    """A source record of a text."""
    return Record(path="x", text=text.encode(), group=None)


def reset_peak() -> int:
    """Forget the peak of resident memory; what is resident now, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> int:
    """The peak of resident memory, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@click.command()
@click.option("--limit", default=60.0, help="Seconds for each input.")
@click.option("--only", default="", help="Inputs whose name holds this.")
@click.option("--folder", type=click.Path(), default=tempfile.gettempdir())
def main(limit: float, only: str, folder: str) -> None:
    """Print a table in Markdown."""
    print(
        f"tct {__version__}, Python {platform.python_version()}, {platform.machine()}\n"
    )
    print("| 1 MiB of | becomes | tokens | seconds | MB |\n|---|---|---|---|---|")
    context = multiprocessing.get_context("spawn")
    for name in INPUTS:
        if only not in name:
            continue
        process = context.Process(target=measure, args=(name, folder))
        process.start()
        process.join(limit)
        if process.is_alive():
            process.kill()
            process.join()
            print(f"| {name} | not done | | > {limit:.0f} | |", flush=True)
            continue
        row = json.loads(Path(folder, "row.json").read_text())
        print(
            f"| {name} | `{row[0]}` | {row[1]:,} | {row[2]:.2f} | {row[3] / 1e6:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
