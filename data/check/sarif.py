"""Findings as SARIF 2.1.0, which code scanning reads.

Source: the OASIS standard "Static Analysis Results Interchange Format", 27 March 2020.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from .check import Finding
from .problems import RULES

__all__ = ["to_sarif"]


def to_sarif(findings: Iterable[tuple[str, Finding]], version: str) -> dict[str, Any]:
    """A log of one run.

    Args:
        findings: each with the path of its file, separated by slashes.
        version: of tct.
    """
    rules = [{"id": k, "shortDescription": {"text": v}} for k, v in RULES.items()]
    driver = {"name": "tct check", "version": version, "rules": rules}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(path, finding) for path, finding in findings],
            }
        ],
    }


def _result(path: str, finding: Finding) -> dict[str, Any]:
    region = {"startLine": finding.line, "startColumn": finding.column}
    place = {"artifactLocation": {"uri": quote(path)}, "region": region}
    return {
        "ruleId": finding.rule,
        "level": "error",
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": place}],
    }
