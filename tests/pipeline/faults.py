"""Prepare a store and be killed on the way; run by `test_crashes.py` as a process.

usage: faults.py MODE STORE SOURCE…

    run      prepare with PROCESSES (environment), parts of five inputs
    lose     the same, but a part's process is killed in the middle, the first time
    die      the same, but every time
    ray, lose-on-ray, die-on-ray    the same on a Ray that is started for it
    points   for every file-system event of the write path: be killed there, say what
             stands in the store's place, prepare again, say what does then
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tct.data.display.progress import SilentProgress
from tct.data.files import sha256_file
from tct.data.tokenizer import Tokenizer
from tct.pipeline.prepare import PrepareOptions, parts, prepare
from tct.pipeline.prepare.pool import Engine

# By its name, since the package offers the function as an attribute of this name.
module = sys.modules[prepare.__module__]

EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "ctypes.dlopen"}


def run(
    store: Path,
    sources: list[Path],
    workers: int = 1,
    engine: Engine = "processes",
) -> None:
    vars(module)["PART_INPUTS"] = 5  # so that a few files make several parts
    options = PrepareOptions(force=True, workers=workers, engine=engine)
    prepare(sources, store, options, SilentProgress())


def kill_at(point: int, folder: Path) -> None:
    """Have this process killed just before the n-th event below a folder."""
    count = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        if event in EVENTS and (
            event == "ctypes.dlopen"
            or (
                isinstance(arguments[0], str | Path)
                and _writes(event, arguments, folder)
            )
        ):
            count += 1
            if count == point:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def _writes(event: str, arguments: tuple[object, ...], folder: Path) -> bool:
    reads = event == "open" and str(arguments[1]) in ("r", "rb", "None")
    return str(arguments[0]).startswith(str(folder)) and not reads


def in_child(work: Callable[[], None]) -> int:
    """Do something in a forked process; the signal that ended it, or 0."""
    pid = os.fork()
    if not pid:
        try:
            work()
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status)
    assert os.WEXITSTATUS(status) == 0
    return 0


def state(store: Path) -> dict[str, str]:
    """sha256 of every file of a store but the manifest, whose digest is its own."""
    if not store.exists():
        return {}
    found = {path.name: sha256_file(path) for path in store.iterdir()}
    if "manifest.json" in found:
        manifest = json.loads((store / "manifest.json").read_bytes())
        found["manifest.json"] = manifest["digest"]
    return found


def points(store: Path, sources: list[Path]) -> None:
    every = int(os.environ.get("EVERY", "1"))
    old = Path(os.environ["OLD"]) if "OLD" in os.environ else None
    Tokenizer.default()  # once for all children
    point = 1
    while True:
        shutil.rmtree(store.parent, ignore_errors=True)
        store.parent.mkdir()
        if old is not None:
            shutil.copytree(old, store)

        def die(point: int = point) -> None:
            kill_at(point, store.parent)
            run(store, sources)

        if not in_child(die):
            return
        killed = state(store)
        in_child(lambda: run(store, sources))
        left = sorted(path.name for path in store.parent.iterdir())
        result = {"killed": killed, "after": state(store), "left": left}
        print(json.dumps({"point": point, **result}), flush=True)
        point += every


def losing_make_part(folder: str, number: int) -> parts.PartRecord:
    marker = Path(folder).with_name(f"lost-{number}")
    if number in (1, 4) and not marker.exists():
        marker.touch()
        dying_make_part(folder, number)
    return parts.make_part(folder, number)


def dying_make_part(folder: str, number: int) -> parts.PartRecord:
    path = parts.part_file(Path(folder), number, "arrow")
    path.with_name(f".{path.name}.tmp-1").write_bytes(b"half a part")
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


if __name__ == "__main__":
    mode, target, given = sys.argv[1], Path(sys.argv[2]), [*map(Path, sys.argv[3:])]
    if mode == "points":
        points(target, given)
    else:
        if mode.startswith("lose"):
            vars(module)["make_part"] = losing_make_part
        if mode.startswith("die"):
            vars(module)["make_part"] = dying_make_part
        engine: Engine = "ray" if mode.endswith("ray") else "processes"
        run(target, given, int(os.environ.get("PROCESSES", "1")), engine)
