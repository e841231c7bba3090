"""Judges of workflows, independent of the tokenizer.

    schema       jsonschema-rs with the official schema, as check-jsonschema ships it
    YAML         ruamel.yaml reads the text that `tct generate` prints, as YAML 1.2, and
                 must find the same document
    GitHub       GitHub's own parser       see programs.py
    actionlint   actionlint                see programs.py

Each lists its complaints about a document; none means that it passes.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.metadata import version
from typing import Any

from ...data.documents.json_text import canonical_bytes
from ...data.errors import ConfigError
from .documents import Document

__all__ = ["Judge", "require_extra", "schema_judge", "yaml_judge"]

Complaints = list[str]

# Keys of the schema under which keys are user-defined.
_USERS_OWN = frozenset(
    ("jobs", "inputs", "outputs", "secrets", "env", "with", "services", "matrix")
)


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


def schema_judge() -> Judge:
    """Make a judge of the official schema, without the overrides of our compiler."""
    import jsonschema_rs

    vendored = resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((vendored / "github-workflows.json").read_bytes())
    validator = jsonschema_rs.Draft7Validator(schema)

    def find(documents: Sequence[Document]) -> list[Complaints]:
        return [
            [
                f"{_path(error.instance_path)}: {error.kind.name}"
                for error in validator.iter_errors(document.value)
            ]
            for document in documents
        ]

    return Judge(
        name="schema-correct",
        version=f"jsonschema-rs {version('jsonschema-rs')}, "
        f"schema of check-jsonschema {version('check-jsonschema')}",
        find=find,
    )


def yaml_judge() -> Judge:
    """Make a judge of the YAML round trip, with an independent reader."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    def complaints(document: Document) -> Complaints:
        try:
            value = YAML(typ="safe", pure=True).load(document.yaml)
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


def _path(path: Sequence[str | int]) -> str:
    """The location of a fault, such as jobs.*.steps.*.uses."""
    parts: list[str] = []
    for part in path:
        is_own = isinstance(part, int) or (parts and parts[-1] in _USERS_OWN)
        parts.append("*" if is_own else str(part))
    return ".".join(parts) or "the document"
