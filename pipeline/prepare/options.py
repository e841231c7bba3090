"""What `prepare` is told, and what it returns."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..sources import Columns
from .pool import Engine, num_cores
from .selection import Rules

__all__ = ["PrepareOptions", "PrepareReport"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PrepareOptions:
    """Options of `prepare`; the last three do not change the store."""

    columns: Columns = field(default_factory=Columns)
    tokenizer: Path | str | None = None
    """A tokenizer.json; None is the one that ships with the package."""
    rules: Rules = field(default_factory=Rules)
    """Which documents are kept, and in which split."""
    force: bool = False
    """Replace a store that was made from other inputs or options."""
    workers: int = field(default_factory=num_cores)
    """Processes that tokenize."""
    engine: Engine = "processes"
    """What starts the processes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PrepareReport:
    """The store that was made or found up to date."""

    store: Path
    up_to_date: bool
    manifest: dict[str, Any]
    seconds: dict[str, float]
    """Wall time of each stage; empty if the store was up to date."""
    summary: dict[str, Any] | None
    """Content of report.json; None if the store was up to date."""
