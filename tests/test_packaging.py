"""The package is `tct` and nothing else, and says the same version everywhere."""

import ast
import subprocess
import sys
import sysconfig
import tomllib
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


@pytest.mark.parametrize("room", ["data", "pipeline", "trainer"])
def test_a_room_imports_from_the_data_room_alone(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                above = path.relative_to(ROOT).parts[: -node.level]
                target = [*above, *(node.module or "").split(".")]
                assert target[0] in (room, "data", ""), f"{path}:{node.lineno}"


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
    assert done.stdout == f"tct, version {tct.__version__}\n"
