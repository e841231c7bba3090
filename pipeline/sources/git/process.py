"""Run git on a repository, so that neither it nor the user's settings change a result.

Only plumbing is run: unlike `git log`, it starts no program that a repository's
configuration names.  No protocol is allowed, so a partial clone fetches nothing.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ....data.errors import SourceError
from ..input_file import InputFile

__all__ = ["is_repository", "output", "reading_blobs"]

_PARTS = frozenset({"HEAD", "objects", "refs"})
_SETTINGS = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}


def is_repository(names: Iterable[str]) -> bool:
    """Whether a folder with entries of these names is a `.git` or a bare repository."""
    return _PARTS.issubset(names)


def output(
    repository: InputFile, *arguments: str, stdin: bytes = b"", maybe: bool = False
) -> bytes | None:
    """What a git command writes.

    Args:
        repository: a bare repository or a `.git` folder.
        arguments: the command and its options.
        stdin: what it reads.
        maybe: return None if the command finds nothing, which git says by exiting with
            1; otherwise that is an error.

    Raises:
        SourceError: there is no git, or it fails.
    """
    done = subprocess.run(
        _command(repository, *arguments),
        input=stdin,
        capture_output=True,
        env=_environment(),
        check=False,
    )
    if maybe and done.returncode == 1:
        return None
    if done.returncode:
        raise _failed(repository, done.stderr)
    return done.stdout


@contextmanager
def reading_blobs(repository: InputFile) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """The stdin and stdout of a `git cat-file --batch`."""
    process = subprocess.Popen(
        _command(repository, "cat-file", "--batch"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdin, process.stdout
        finally:
            process.kill()


def _command(repository: InputFile, *arguments: str) -> list[str]:
    git = shutil.which("git")
    if git is None:
        raise SourceError(
            f"{repository.where}: found a git repository, but no program `git`",
            "install git, or give a folder inside a checkout, such as "
            ".github/workflows",
        )
    folder = Path(repository.path).absolute()
    # The only program that plumbing runs: it watches a checkout for `git diff-tree`.
    return [git, f"--git-dir={folder}", "-c", "core.fsmonitor=false", *arguments]


def _environment() -> dict[str, str]:
    others = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    return others | _SETTINGS


def _failed(repository: InputFile, stderr: bytes) -> SourceError:
    problem = " ".join(stderr.decode("utf-8", "replace").split())
    return SourceError(
        f"{repository.where}: not a readable git repository ({problem})",
        "check it with git fsck, or clone it again",
    )
