"""Git repositories: bare ones and clones, HEAD and history, and what is not there."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from tct.cli import main
from tct.data.errors import SourceError
from tct.data.store import Store
from tct.pipeline.sources import (
    Columns,
    Record,
    Source,
    fingerprint,
    historic_sources,
    read_records,
)

CI, RELEASE = ".github/workflows/ci.yml", ".github/workflows/release.yaml"


def git(folder: Path, *arguments: str) -> str:
    """Run git on a repository, with fixed names and times."""
    people = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "a"), ("EMAIL", "a@b"), ("DATE", "1700000000 +0"))
    }
    command = ["git", "-C", str(folder), *arguments]
    nowhere = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    env = os.environ | people | nowhere
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, **files: str | None) -> str:
    """Commit files of the folder of workflows; None removes one."""
    for stem, text in files.items():
        path = folder / (
            RELEASE if stem == "release" else f".github/workflows/{stem}.yml"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "x")
    return git(folder, "rev-parse", "HEAD")


def new(folder: Path) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    return folder


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Three commits: two versions of ci.yml, one of release.yaml, other files."""
    folder = new(tmp_path / "farm" / "acme__app")
    (folder / "other.yml").write_text("a: 1")
    commit(folder, ci="name: 0", gone="name: gone")
    commit(folder, release="name: r")
    commit(folder, ci="name: 1", gone=None)
    return folder


def bare(clone: Path, path: Path) -> Path:
    git(clone, "clone", "-q", "--bare", str(clone), str(path))
    git(path, "remote", "remove", "origin")
    return path


def read(*sources: Source, history: bool = False) -> list[Record]:
    found = historic_sources(sources) if history else sources
    return list(read_records(found, Columns()))


def test_a_bare_repository_gives_the_workflows_at_head(
    clone: Path, tmp_path: Path
) -> None:
    path = bare(clone, tmp_path / "acme__app.git")
    records = read(path)
    assert [(one.path, one.text) for one in records] == [
        (f"acme__app.git#{CI}", b"name: 1"),
        (f"acme__app.git#{RELEASE}", b"name: r"),
    ]
    assert {one.group for one in records} == {"acme/app"}


def test_a_clone_gives_what_is_committed_not_its_checkout(clone: Path) -> None:
    (clone / CI).write_text("name: not committed")
    for source in (clone, clone / ".git"):
        found = [(one.path, one.text) for one in read(source)]
        assert found == [
            (f"acme__app#{CI}", b"name: 1"),
            (f"acme__app#{RELEASE}", b"name: r"),
        ]
    (inside, _) = read(clone / ".github/workflows")
    assert inside.text == b"name: not committed"


def test_a_corpus_under_version_control_is_a_folder(tmp_path: Path) -> None:
    folder = new(tmp_path / "corpus")
    (folder / "a.yml").write_text("name: a")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "x")
    assert [one.path for one in read(folder)] == ["a.yml"]


def test_a_clone_without_a_checkout_is_a_repository(clone: Path) -> None:
    for path in clone.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert [one.path for one in read(clone)] == [
        f"acme__app#{CI}",
        f"acme__app#{RELEASE}",
    ]


def test_a_folder_of_clones_is_read_by_path(clone: Path) -> None:
    farm = clone.parent
    bare(clone, farm / "github.com" / "b" / "lib.git")
    new(farm / "empty")
    (farm / "plain").mkdir()
    (farm / "plain" / "a.yml").write_text("name: plain")
    assert [(one.path, one.group) for one in read(farm)] == [
        (f"acme__app#{CI}", "acme/app"),
        (f"acme__app#{RELEASE}", "acme/app"),
        (f"github.com/b/lib.git#{CI}", "github.com/b/lib"),
        (f"github.com/b/lib.git#{RELEASE}", "github.com/b/lib"),
        ("plain/a.yml", None),
    ]


@pytest.mark.parametrize(
    "origin",
    ["https://github.com/Acme/lib.git", "git@github.com:Acme/lib", "ssh://h/Acme/lib/"],
)
def test_the_origin_names_the_repository(clone: Path, origin: str) -> None:
    git(clone, "remote", "add", "origin", origin)
    assert {one.group for one in read(clone)} == {"Acme/lib"}


def test_history_gives_every_version_in_the_order_of_commits(clone: Path) -> None:
    first, second, third = git(clone, "rev-list", "--reverse", "HEAD").split()
    records = read(clone, history=True)
    gone = ".github/workflows/gone.yml"
    assert [(one.path, one.text) for one in records] == [
        (f"acme__app#{CI}@{first}", b"name: 0"),
        (f"acme__app#{gone}@{first}", b"name: gone"),
        (f"acme__app#{RELEASE}@{second}", b"name: r"),
        (f"acme__app#{CI}@{third}", b"name: 1"),
    ]
    assert [one.file for one in records] == [CI, gone, RELEASE, CI]
    assert [one.time for one in records] == sorted(one.time for one in records)


def test_a_version_that_only_a_merge_made_is_one_and_none_comes_twice(
    clone: Path,
) -> None:
    git(clone, "checkout", "-qb", "side")
    commit(clone, side="name: side")
    git(clone, "checkout", "-q", "main")
    commit(clone, ci="name: 2")
    git(clone, "merge", "-q", "--no-commit", "--no-ff", "side")
    merged = commit(clone, ci="name: merged")
    texts = [one.text for one in read(clone, history=True)]
    assert len(texts) == len(set(texts)) == 7
    assert texts[-1] == b"name: merged"
    assert read(clone, history=True)[-1].path == f"acme__app#{CI}@{merged}"


def test_a_version_that_comes_back_is_the_newest_again(clone: Path) -> None:
    commit(clone, ci="name: 0")
    texts = [one.text for one in read(clone, history=True) if one.file == CI]
    assert texts == [b"name: 0", b"name: 1", b"name: 0"]


def test_links_large_and_missing_versions_are_rejects(clone: Path) -> None:
    os.symlink("ci.yml", clone / ".github/workflows/link.yml")
    head = commit(clone, big="#" * (3 << 20), lost="name: lost")
    blob = git(clone, "rev-parse", f"{head}:.github/workflows/lost.yml")
    (clone / ".git/objects" / blob[:2] / blob[2:]).unlink()
    found = {one.path.rpartition("/")[2]: one for one in read(clone)}
    problems = {name: one.problem and one.problem.reason for name, one in found.items()}
    assert problems == {
        "big.yml": "too_large",
        "ci.yml": None,
        "link.yml": "unsafe_member",
        "lost.yml": "bad_record",
        "release.yaml": None,
    }
    assert found["ci.yml"].text == b"name: 1"
    assert found["release.yaml"].text == b"name: r"


def test_a_commit_changes_the_fingerprint_and_a_checkout_does_not(clone: Path) -> None:
    before = fingerprint([clone])
    (clone / CI).write_text("name: 2")
    assert fingerprint([clone]) == before
    assert fingerprint(historic_sources([clone])) != before
    commit(clone, ci="name: 2")
    assert fingerprint([clone]) != before


def test_without_git_a_repository_is_refused(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SourceError, match=r"but no program `git`; install git"):
        read(clone)


def test_a_damaged_repository_is_named(clone: Path) -> None:
    shutil.rmtree(clone / ".git/objects")
    (clone / ".git/objects").mkdir()
    with pytest.raises(SourceError, match=r"acme__app/\.git: not a readable git"):
        read(clone)


def test_history_without_a_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("a: 1")
    with pytest.raises(SourceError, match="--history: found no git repository"):
        read(tmp_path, history=True)


def test_a_repository_runs_no_program_and_its_environment_does_not_count(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap, sprung = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch {sprung}\n")
    trap.chmod(0o755)
    for name in ("core.fsmonitor", "core.pager", "diff.external", "gpg.program"):
        git(clone, "config", name, str(trap))
    git(clone, "config", "log.showSignature", "true")
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    assert len(read(clone)) == 2
    assert len(read(clone, history=True)) == 4
    assert not sprung.exists()


def test_prepare_keeps_the_newest_version_of_a_history(
    clone: Path, tmp_path: Path
) -> None:
    commit(clone, ci="on: push\njobs: {a: {runs-on: x, steps: [{run: new}]}}")
    store = tmp_path / "store"
    options = ["--history", "--max-per-path", "1", "--workers", "1"]
    arguments = ["prepare", str(clone.parent), "-o", str(store), *options]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    paths = Store.open(store).docs["path"].to_pylist()
    head = git(clone, "rev-parse", "HEAD")
    assert f"acme__app#{CI}@{head}" in paths
    assert len(paths) == 3
