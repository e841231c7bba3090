"""The public names: typed, lazy, and usable with plain strings."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import tct

# Their modules compute with torch.
WITH_TORCH = {"Generator", "Sampling", "evaluate", "export", "load_model", "train"}


def declared() -> dict[str, str]:
    """Public name to module, as type checkers read it."""
    tree = ast.parse(Path(tct.__file__).read_text())
    block = next(block for block in tree.body if isinstance(block, ast.If))
    return {
        alias.name: f"tct.{node.module}"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def loaded_by(program: str) -> set[str]:
    command = [sys.executable, "-c", f"import sys, tct; {program}; print(*sys.modules)"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_what_is_imported_is_what_type_checkers_see() -> None:
    assert sorted(declared()) == sorted(tct.__all__)
    for name, module in declared().items():
        assert getattr(tct, name) is getattr(import_module(module), name)


def test_public_names_are_listed_and_no_others_exist() -> None:
    assert set(tct.__all__) <= set(dir(tct))
    with pytest.raises(AttributeError, match=r"'tct' has no attribute 'Tokeniser'"):
        _ = tct.Tokeniser  # type: ignore[attr-defined]


def test_the_import_loads_nothing_else() -> None:
    loaded = {name for name in loaded_by("pass") if name.startswith("tct")}
    assert loaded - {"tct"} == set()
    assert loaded_by("pass").isdisjoint({"numpy", "pyarrow", "torch", "click", "rich"})


def test_only_what_computes_with_torch_loads_it() -> None:
    light = sorted(set(tct.__all__) - WITH_TORCH)
    program = "; ".join(f"tct.{name}" for name in light)
    assert loaded_by(program).isdisjoint({"torch", "click", "rich"})


def test_a_preset_is_changed_by_arguments_as_by_a_list() -> None:
    listed = tct.preset("tiny", ["optim.lr=0.5", "steps=7", "compile=none"])
    assert listed == tct.preset("tiny", lr=0.5, steps=7, compile=None)
    assert tct.preset("tiny", ["steps=7"], steps=8).run.steps == 8
    with pytest.raises(tct.TctError, match="did you mean"):
        tct.preset("tiny", stepz=7)
    with pytest.raises(tct.TctError, match="windows"):
        tct.preset("tiny", windows="other")


def test_a_schema_that_cannot_be_compiled_is_a_problem_that_a_user_can_solve() -> None:
    for schema in ({"type": "zz"}, {"$dynamicRef": "#"}, {"$ref": "#/a"}, ["a"]):
        with pytest.raises(tct.TctError, match="change that part of the schema"):
            tct.compile_schema(schema)  # type: ignore[arg-type]


def test_sources_may_be_any_iterable_but_none(workflows: Path, tmp_path: Path) -> None:
    one = tct.prepare(workflows, tmp_path / "one").manifest["digest"]
    assert tct.prepare(iter([workflows]), tmp_path / "two").manifest["digest"] == one
    with pytest.raises(ValueError, match="expected at least one"):
        tct.prepare([], tmp_path / "three")
    with pytest.raises(ValueError, match="'test', expected train or val"):
        tct.Store.open(tmp_path / "one").rows("test")  # type: ignore[arg-type]


def test_paths_may_be_strings(workflows: Path, tmp_path: Path) -> None:
    made = tct.prepare(str(workflows), str(tmp_path / "one"))
    listed = tct.prepare([workflows], tmp_path / "many", tct.PrepareOptions())
    assert made.manifest["digest"] == listed.manifest["digest"]
    path = str(tmp_path / "tokenizer.json")
    tct.Tokenizer.default().save(path)
    options = tct.PrepareOptions(tokenizer=path)
    assert tct.prepare(workflows, str(tmp_path / "one"), options).up_to_date
