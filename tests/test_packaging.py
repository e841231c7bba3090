"""The package is `tct` and nothing else, and says the same version everywhere."""

import ast
import re
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import tct
from tct.data import store

ROOT = Path(__file__).parents[1]


def test_no_module_is_loaded_under_a_second_name() -> None:
    assert store.__name__ == "tct.data.store"
    assert sys.modules.keys().isdisjoint({"data", "pipeline", "trainer", "cli"})
    rooms = [ROOT / name for name in ("data", "pipeline", "trainer")]
    for name, module in list(sys.modules.items()):
        path = Path(getattr(module, "__file__", None) or "/")
        if path == ROOT / "cli.py" or any(room in path.parents for room in rooms):
            assert name.startswith("tct."), path


def test_the_tests_test_this_checkout() -> None:
    assert Path(store.__file__).parents[2].samefile(ROOT)


def test_the_data_room_needs_neither_torch_nor_click() -> None:
    program = (
        "import pkgutil, sys, importlib, tct.data\n"
        "for module in pkgutil.walk_packages(tct.data.__path__, 'tct.data.'):\n"
        "    importlib.import_module(module.name)\n"
        "print(*sys.modules)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "tct.data.store" in loaded
    assert loaded.isdisjoint({"torch", "click", "tct.pipeline", "tct.trainer"})


# -- which way imports go --------------------------------------------------------------

ARROWS = {"data": {"data"}, "pipeline": {"data"}, "trainer": {"data"}}
OUTSIDE_DATA = {"click", "torch", "tct"}  # `tct` would be a way around the arrows


def imports_of(path: Path, *, only_at_once: bool = False) -> Iterator[str]:
    """The modules of `tct` that a file imports, dotted, and tops of all others.

    Args:
        path: of a module.
        only_at_once: leave out what functions import, and what only types need.
    """
    tree = ast.parse(path.read_text())
    nodes = list(tree.body) if only_at_once else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            above = path.relative_to(ROOT).parts[: -node.level]
            target = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                whole = ".".join(filter(None, (target, alias.name)))
                yield whole if module_path(whole) else target


def module_path(name: str) -> Path | None:
    place = ROOT.joinpath(*name.split("."))
    files = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in files if path.is_file()), None)


@pytest.mark.parametrize("room", ARROWS)
def test_imports_go_along_the_arrows(room: str) -> None:
    tops = {"data", "pipeline", "trainer", "cli", "__main__", "tests"}
    for path in (ROOT / room).rglob("*.py"):
        found = {name.partition(".")[0] for name in imports_of(path)}
        against = found & (tops | {"tct"}) - ARROWS[room] - {room}
        assert not against, f"{path}: imports {against}"
        if room == "data":
            assert found.isdisjoint(OUTSIDE_DATA), path


def test_nothing_in_the_data_room_imports_in_a_circle() -> None:
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for path in (ROOT / "data").rglob("*.py")
    }
    between_modules = {
        name: set(imports_of(path, only_at_once=True)) & modules.keys() - {name}
        for name, path in modules.items()
    }
    rooms = {path.parent.name for path in (ROOT / "data").glob("*/__init__.py")}
    assert {"documents", "tokenizer", "store", "windows", "display"} <= rooms
    between_rooms: dict[str, set[str]] = {room: set() for room in rooms}
    for name, found in between_modules.items():
        room, *others = (f"{each}.".split(".")[1] for each in (name, *found))
        if room in rooms:
            between_rooms[room].update(rooms.intersection(others) - {room})
    assert between_rooms["windows"] >= {"store", "tokenizer"}
    for graph in (between_modules, between_rooms):
        TopologicalSorter(graph).prepare()  # a CycleError names the circle


# -- size ------------------------------------------------------------------------------

MODULE_LINES, FUNCTION_LINES, ROOM_MODULES = 300, 50, 12


@pytest.mark.parametrize("top", sorted(ARROWS))
def test_rooms_modules_and_functions_are_small(top: str) -> None:
    for room in [
        ROOT / top,
        *(path.parent for path in ROOT.glob(f"{top}/**/__init__.py")),
    ]:
        modules = [path for path in room.glob("*.py") if path.name != "__init__.py"]
        assert len(modules) <= ROOM_MODULES, room
        for path in modules:
            text = path.read_text()
            assert len(text.splitlines()) <= MODULE_LINES, path
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    lines = (node.end_lineno or 0) - node.lineno + 1
                    assert lines <= FUNCTION_LINES, f"{path}: {node.name}"


def test_the_architecture_page_lists_every_room() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    rows = re.findall(r"^\| `([a-z_/]+)/` \|", text, re.M)
    listed = {ROOT / room for room in rows}
    rooms = {path.parent for top in ARROWS for path in (ROOT / top).rglob("*.py")}
    assert listed <= rooms
    for room in rooms:  # or the room that it is a corner of
        assert listed & {room, room.parent} - {ROOT / top for top in ARROWS} or (
            room.parent == ROOT and room in listed
        ), room


def test_the_way_of_a_document_goes_through_functions_that_exist() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    steps = re.findall(r"\| `([a-z_/.]+)` \| `([A-Za-z_.]+)` \|$", text, re.M)
    assert len(steps) > 30
    for place, name in steps:
        path = ROOT / place
        paths = [path] if path.is_file() else list(path.rglob("*.py"))
        defined = {
            node.name
            for found in paths
            for node in ast.walk(ast.parse(found.read_text()))
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
        }
        assert defined.issuperset(name.split(".")), f"{place}: {name}"


def test_a_command_loads_no_torch_before_it_needs_it() -> None:
    # So `tct --help` answers at once, and processes that tokenize start at once.
    program = "import sys, tct.cli, tct.pipeline.prepare.parts; print(*sys.modules)"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "tct.trainer.commands.generate" in loaded
    assert loaded.isdisjoint({"torch", "pandas", "matplotlib", "rich", "fastapi"})


def test_the_version_is_that_of_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == tct.__version__


def test_the_package_is_typed() -> None:
    assert (ROOT / "py.typed").read_bytes() == b""


def test_the_console_script_says_its_version() -> None:
    script = Path(sysconfig.get_path("scripts"), "tct")
    done = subprocess.run([script, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"tct {tct.__version__} (")
