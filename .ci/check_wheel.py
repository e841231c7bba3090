"""Check that the wheel holds the package, all of it, and nothing else.

usage: check_wheel.py FOLDER [CORE]    an empty CORE: built without a compiler
"""

import sys
import zipfile
from pathlib import Path

ROOMS = ("data", "pipeline", "trainer")
SUFFIXES = (".py", ".json", ".html", ".mjs")
MODEL = "tiny-invented"  # all of its files, the card included
# An extension module of the stable ABI; Windows has no suffix for that.
CORE = "_core.pyd" if sys.platform == "win32" else "_core.abi3.so"


def main(folder: str, core: str = CORE) -> int:
    """Compare the only wheel in `folder` with the working tree."""
    (wheel,) = Path(folder).glob("*.whl")
    found = {
        name for name in zipfile.ZipFile(wheel).namelist() if "dist-info" not in name
    }
    root = Path(__file__).parent.parent
    expected = {"tct/__init__.py", "tct/__main__.py", "tct/cli.py", "tct/py.typed"}
    expected |= {f"tct/data/native/{core}"} if core else set()
    for room in ROOMS:
        for path in (root / room).rglob("*"):
            if path.suffix in SUFFIXES or path.parent.name == MODEL:
                expected.add(f"tct/{path.relative_to(root).as_posix()}")
    for name in sorted(found):
        print(name)
    for name in sorted(found ^ expected):
        where = "should not be in" if name in found else "is missing from"
        print(f"error: {name} {where} {wheel.name}", file=sys.stderr)
    return int(found != expected)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
