"""Write the two reference pages that follow from the code.

    python .ci/reference.py          write docs/cli.md and docs/configuration.md
    python .ci/reference.py --check  exit with 1 if either is out of date

docs/cli.md holds the help of every command, docs/configuration.md the fields of the
configuration's dataclasses with their defaults and docstrings.
"""

import ast
import inspect
import sys
import typing
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click

from tct.cli import main as tct
from tct.trainer import config
from tct.trainer.config import SECTIONS, Config, to_dict
from tct.trainer.presets import PRESETS

DOCS = Path(__file__).parents[1] / "docs"
WIDTH = 80
NOTICE = "<!-- Written by `make reference`; edit the code, not this page. -->\n"

CLI = """\
# Command line

Every command prints its data to stdout, and progress and messages to stderr.

| exit code | meaning |
|---|---|
| 0 | done; also when training was stopped by Ctrl-C and has saved |
| 1 | a problem that you can solve, stated in one line |
| 2 | wrong usage |
| 3 | training diverged |
| 130 | ended by Ctrl-C |
"""

CONFIGURATION = """\
# Configuration

Set a key with `tct train --set section.key=value`, or in a TOML file for `--config`,
where a section is a table:

```toml
[optim]
lr = 1e-3
schedule = "wsd"
```

A preset comes first, the file next, `--set` and the other options last.
`RUN/config.json` records the result.
Defaults are those of the preset `workflow-27m`.
"""


def commands(
    command: click.Command, parent: click.Context | None, name: str
) -> Iterator[tuple[str, str]]:
    """Yield the path of each command and its help, depth first."""
    settings = {**command.context_settings, "terminal_width": WIDTH}
    context = click.Context(command, parent, name, **settings)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from commands(child, context, name)


def cli_page() -> str:
    """Return docs/cli.md."""
    parts = [NOTICE, CLI]
    for path, text in commands(tct, None, "tct"):
        parts.append(f"## `{path}`\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def field_docs(kind: type) -> dict[str, str]:
    """Return the docstring below each field of a dataclass."""
    (node,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(node, ast.ClassDef)
    found = {}
    for field, below in zip(node.body, node.body[1:], strict=False):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = " ".join(text.split())
    return found


def type_name(hint: object) -> str:
    """Return a type as a reader of the table wants it."""
    names = []
    for part in parts_of(hint):
        if typing.get_origin(part) is typing.Literal:
            names += [f"`{value}`" for value in typing.get_args(part)]
        elif part is not type(None):
            names.append({"tuple": "list"}.get(part.__name__, part.__name__))
    return ", ".join(names)


def parts_of(hint: object) -> list[typing.Any]:
    """Return the members of a union, or the type itself."""
    if typing.get_origin(hint) in (None, tuple, typing.Literal):
        return [hint]
    return list(typing.get_args(hint))


def configuration_page() -> str:
    """Return docs/configuration.md."""
    parts = [NOTICE, CONFIGURATION]
    for section, kind in SECTIONS.items():
        hints = typing.get_type_hints(kind, vars(config))
        docs = field_docs(kind)
        rows = [
            f"| `{section}.{field.name}` | {type_name(hints[field.name])} "
            f"| {default(field.default)} | {docs.get(field.name, '')} |"
            for field in fields(kind)
        ]
        head = "| key | type | default | meaning |\n|---|---|---|---|"
        intro = (kind.__doc__ or "").strip()
        parts.append(f"## {section}\n\n{intro}\n\n{head}\n" + "\n".join(rows) + "\n")
    return "\n".join([*parts, presets()])


def default(value: object) -> str:
    """Return a default as it is written in TOML."""
    return "" if value is None else f"`{value}`"


def presets() -> str:
    """Return a table of the presets: parameters, and what differs from the defaults."""
    plain = to_dict(Config())
    rows = []
    for name, preset in PRESETS.items():
        changed = [
            f"`{section}.{key}={value}`"
            for section, values in to_dict(preset).items()
            for key, value in values.items()
            if value != plain[section][key]
        ]
        differences = ", ".join(changed) or "none"
        rows.append(f"| `{name}` | {preset.model.parameters:,} | {differences} |")
    head = "| preset | parameters | differs from the defaults |\n|---|---|---|"
    return f"## Presets\n\n{head}\n" + "\n".join(rows) + "\n"


def run(arguments: list[str]) -> int:
    """Write the pages, or compare them with what would be written."""
    pages = {"cli.md": cli_page(), "configuration.md": configuration_page()}
    if arguments != ["--check"]:
        for name, text in pages.items():
            (DOCS / name).write_text(text, encoding="utf-8")
        return 0
    stale = [
        name
        for name, text in pages.items()
        if not (DOCS / name).exists() or (DOCS / name).read_text("utf-8") != text
    ]
    for name in stale:
        print(f"docs/{name} is out of date; run `make reference`", file=sys.stderr)
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
