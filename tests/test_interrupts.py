"""Ctrl-C, from the first moment that code of ours runs."""

import subprocess
import sys
import textwrap

import pytest

# Sends SIGINT when the named module is imported, in the midst of its import.
_PROGRAM = """
import os, signal, sys, runpy
from importlib.abc import MetaPathFinder

class Interrupts(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
        return None

sys.meta_path.insert(0, Interrupts())
sys.argv = ["tct", *{arguments!r}]
runpy.run_module("tct", run_name="__main__")
"""


def interrupted(module: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    program = textwrap.dedent(_PROGRAM.format(module=module, arguments=arguments))
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(
    "module", ["tct.cli", "click", "tct.data.errors", "tct.pipeline.commands.prepare"]
)
def test_ctrl_c_is_quiet_while_modules_are_imported(module: str) -> None:
    done = interrupted(module, "--version")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("numpy", ["store", "info", "nowhere"]),
        ("pyarrow", ["store", "info", "nowhere"]),
        ("torch", ["generate", "nowhere"]),
        ("torch.nn", ["generate", "nowhere"]),
        ("tct.trainer.runs.checkpoint", ["generate", "nowhere"]),
    ],
)
def test_ctrl_c_is_quiet_while_a_command_imports_what_it_needs(
    module: str, arguments: list[str]
) -> None:
    done = interrupted(module, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_command_that_is_not_interrupted_ends_as_ever() -> None:
    done = interrupted("no.such.module", "store", "info", "nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: nowhere: no manifest.json")
