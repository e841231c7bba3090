"""The stat cache: nothing is read twice, and nothing that changed goes unnoticed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tct.data.files import sha256_file
from tct.pipeline.prepare import stat_cache
from tct.pipeline.prepare.stat_cache import StatCache
from tct.pipeline.sources import fingerprint

LONG_AGO = 1_000_000_000


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hundred files whose clocks have long gone on, and a cache of their own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # The time of a change of the inode cannot be set, so let no time be recent.
    monkeypatch.setattr(stat_cache, "_RACY_NS", 0)
    for number in range(100):
        path = tmp_path / "tree" / f"{number:03}.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"a: {number}")
        os.utime(path, (LONG_AGO, LONG_AGO))
    return tmp_path / "tree"


def read_by(tree: Path) -> tuple[list[tuple[str, str]], list[str]]:
    """The fingerprint of a tree, and the files that were read for it."""
    read: list[str] = []

    def reading(path: Path) -> str:
        read.append(path.name)
        return sha256_file(path)

    cache = StatCache([tree])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stat_cache, "sha256_file", reading)
        found = fingerprint([tree], cache.sha256)
    cache.save()
    return found, read


def test_files_are_read_once(tree: Path) -> None:
    first, read = read_by(tree)
    assert len(read) == 100
    second, read = read_by(tree)
    assert read == []
    assert first == second == fingerprint([tree])


def _content(path: Path) -> None:
    path.write_text("b: 7")


def _replaced(path: Path) -> None:
    path.with_suffix(".new").write_text("b: 7")
    os.utime(path.with_suffix(".new"), (LONG_AGO, LONG_AGO))
    path.with_suffix(".new").replace(path)


def _time_put_back(path: Path) -> None:
    path.write_text("b: 7")
    os.utime(path, (LONG_AGO, LONG_AGO))


@pytest.mark.parametrize("change", [_content, _replaced, _time_put_back])
def test_a_file_that_changed_is_read_again(
    tree: Path, change: Callable[[Path], None]
) -> None:
    before, _ = read_by(tree)
    change(tree / "007.yml")  # to a text of the same length
    after, read = read_by(tree)
    assert read == ["007.yml"]
    assert before != after == fingerprint([tree])


def test_a_file_that_changed_just_before_it_was_read_is_read_again(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stat_cache, "_RACY_NS", 3_600_000_000_000)
    read_by(tree)
    _, read = read_by(tree)
    assert len(read) == 100


@pytest.mark.parametrize("damage", [b"", b"no Arrow file", None])
def test_a_damaged_cache_is_no_cache(tree: Path, damage: bytes | None) -> None:
    before, _ = read_by(tree)
    (file,) = (tree.parent / "cache" / "tct").iterdir()
    file.write_bytes(file.read_bytes()[:-400] if damage is None else damage)
    after, read = read_by(tree)
    assert len(read) == 100
    assert before == after


def test_a_cache_that_cannot_be_written_is_done_without(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree.parent / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tree.parent / "file"))
    assert read_by(tree) == read_by(tree)
