"""Attacks on one file of a folder, whose other files are as they were.

`rot` changes it behind the back of whatever vouches for it: each reader refuses the
folder, or gives what it gave before.  `forge` lets every hash fit again: each reader
refuses it or reads it, and nothing else.
"""

import json
import random
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tct.data.errors import TctError
from tct.tests.boundaries.harness import (
    attack_apart,
    mutate,
    mutate_json,
    overwrite,
)

__all__ = ["Readers", "forge", "results", "rot"]

Readers = Mapping[str, Callable[[Path], object]]


def results(folder: Path, readers: Readers) -> dict[str, object]:
    """What each reader gives; the error of one that refuses the folder."""
    found: dict[str, object] = {}
    for name, read in readers.items():
        try:
            found[name] = read(folder)
        except TctError as error:
            assert "\n" not in str(error).strip(), name
            found[name] = error
    return found


def rot(
    valid: Path, name: str, readers: Readers, number: int, *, scratch: Path
) -> Counter[str]:
    """Change a file; count how it ended.

    Args:
        valid: the folder as it was written.
        name: of the file in it.
        readers: of that file.
        number: of mutations.
        scratch: a folder that is not there yet.
    """
    folder = Path(shutil.copytree(valid, scratch))
    right = results(folder, readers)
    assert not any(isinstance(result, TctError) for result in right.values())

    def read(data: bytes) -> None:
        (folder / name).write_bytes(data)
        found = results(folder, readers)
        for reader, result in found.items():
            assert isinstance(result, TctError) or result == right[reader], reader
        _raise_first(found)

    original = [(valid / name).read_bytes()]
    return attack_apart(f"rot-{Path(name).name}", original, read, number)


def forge(
    valid: Path,
    name: str,
    readers: Readers,
    number: int,
    *,
    scratch: Path,
    repair: Callable[[Path], object],
) -> Counter[str]:
    """Change a file and let `repair` make all hashes fit; count how it ended.

    Arguments as for `rot`; of JSON values change, of other files mostly bytes in their
    places, since what is of another length is found too soon.
    """
    folder = Path(shutil.copytree(valid, scratch))
    files = {path: path.read_bytes() for path in folder.rglob("*.json")}

    def read(data: bytes) -> None:
        for path, content in files.items():
            path.write_bytes(content)
        (folder / name).write_bytes(data)
        repair(folder)
        _raise_first(results(folder, readers))

    return attack_apart(
        f"forged-{Path(name).name}",
        [(valid / name).read_bytes()],
        read,
        number,
        change=mutate_json if is_json(valid / name) else _mutate_bytes,
    )


def _mutate_bytes(data: bytes, others: Sequence[bytes], choose: random.Random) -> bytes:
    change = mutate if choose.random() < 0.25 else overwrite
    return change(data, others, choose)


def is_json(path: Path) -> bool:
    """Whether a file is one JSON value."""
    try:
        return isinstance(json.loads(path.read_bytes()), dict)
    except ValueError:
        return False


def _raise_first(found: Mapping[str, object]) -> None:
    for result in found.values():
        if isinstance(result, TctError):
            raise result
