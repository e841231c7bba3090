"""Judges of documents, independent of the tokenizer.

    schema       jsonschema-rs with the schema as its author wrote it
    YAML         ruamel.yaml reads the text that `tct generate` prints, as YAML 1.2, and
                 must find the same document
    JSON         the same for documents that are written as JSON, with json
    GitHub       GitHub's own parser, for workflows   see programs.py
    actionlint   actionlint, for workflows            see programs.py

Each lists its complaints about a document; none means that it passes.
"""

import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from ...data.documents.json_text import canonical_bytes
from ...data.errors import ConfigError, JudgeError
from ...data.kinds import WORKFLOW, Kind
from .documents import Document

__all__ = ["Judge", "require_extra", "schema_judge", "yaml_judge"]

Complaints = list[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Judge:
    """One judge."""

    name: str
    version: str | None
    """None if it is not installed; then it is not asked."""
    find: Callable[[Sequence[Document]], list[Complaints]]
    """Lists the complaints about each of some whole documents."""


def require_extra() -> None:
    """Check that the packages of the extra `eval` are installed.

    Raises:
        ConfigError: one is missing.
    """
    try:
        import jsonschema_rs  # noqa: F401
        import ruamel.yaml  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"tct eval: {error.name} is not installed",
            "install the extra with pip install 'tct-workflows[eval]'",
        ) from error


def schema_judge(kind: Kind = WORKFLOW) -> Judge:
    """Make a judge of the schema of a kind, by the draft that the schema names.

    Formats are annotations, as they are to the masks.  Nothing is fetched.

    Raises:
        JudgeError: jsonschema-rs cannot read the schema.
    """
    import jsonschema_rs

    try:
        validator = jsonschema_rs.validator_for(
            kind.schema(), validate_formats=False, retriever=_refuse
        )
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        problem = " ".join(str(error).split())
        raise JudgeError(
            f"schema {kind.name}: jsonschema-rs cannot read it ({problem})",
            "correct the schema, and train the tokenizer again",
        ) from error

    def find(documents: Sequence[Document]) -> list[Complaints]:
        return [
            [
                f"{_path(error.instance_path, kind)}: {error.kind.name}"
                for error in validator.iter_errors(document.value)
            ]
            for document in documents
        ]

    return Judge(
        name="schema-correct",
        version=f"jsonschema-rs {version('jsonschema-rs')}, {kind.origin}",
        find=find,
    )


def _refuse(uri: str) -> Any:
    raise ValueError(f"{uri} leaves the schema")


def json_judge() -> Judge:
    """Make a judge of the round trip of documents that are written as JSON."""

    def complaints(document: Document) -> Complaints:
        is_same = _text(json.loads(document.text)) == _text(document.value)
        return [] if is_same else ["reads as another document"]

    return Judge(
        name="JSON round trip",
        version=f"json of Python {platform.python_version()}",
        find=lambda documents: [complaints(document) for document in documents],
    )


def yaml_judge() -> Judge:
    """Make a judge of the YAML round trip, with an independent reader."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    def complaints(document: Document) -> Complaints:
        try:
            value = YAML(typ="safe", pure=True).load(document.text)
        except (YAMLError, ValueError) as error:
            return [f"not read: {type(error).__name__}"]
        is_same = _text(value) == _text(document.value)
        return [] if is_same else ["reads as another document"]

    return Judge(
        name="YAML round trip",
        version=f"ruamel.yaml {version('ruamel.yaml')}",
        find=lambda documents: [complaints(document) for document in documents],
    )


def _text(value: Any) -> bytes | None:
    """The canonical JSON of a value; None for what is no JSON, such as a date."""
    try:
        return canonical_bytes(value)
    except (TypeError, ValueError):
        return None


def _path(path: Sequence[str | int], kind: Kind) -> str:
    """The location of a fault, such as jobs.*.steps.*.uses."""
    parts: list[str] = []
    for part in path:
        is_own = isinstance(part, int) or (parts and parts[-1] in kind.own_keys)
        parts.append("*" if is_own else str(part))
    return ".".join(parts) or "the document"
