"""What zizmor says of workflows: weak points of their security.

Most real workflows have some, so this describes documents and judges none.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .documents import Document
from .judges import Complaints, Judge

__all__ = ["zizmor"]

_OPTIONS = ("--offline", "--no-config", "--no-exit-codes", "--no-progress", "--quiet")


def zizmor() -> Judge:
    """Which audits find something in a document."""
    program = shutil.which("zizmor", path=Path(sys.executable).parent)
    try:
        known = f"zizmor {version('zizmor')}" if program else None
    except PackageNotFoundError:
        known = None

    def find(documents: Sequence[Document]) -> list[Complaints]:
        command = [program or "zizmor", *_OPTIONS, "--format=json-v1", "-"]
        # A process each: one document that it cannot read ends a process for all.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(lambda one: _audit(command, one), documents))

    return Judge(name="zizmor", version=known, find=find)


def _audit(command: list[str], document: Document) -> Complaints:
    done = subprocess.run(
        command,
        input=document.yaml,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    try:
        findings = json.loads(done.stdout)
    except ValueError:
        return ["cannot be read"]
    return sorted({finding["ident"] for finding in findings})
