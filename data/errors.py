"""The errors a user can cause, as one tree.

    TctError                 everything a user can cause; the CLI prints it in one line
    ├── ConfigError          an option, a preset or a configuration key
    ├── SourceError          an input, or a store elsewhere, that cannot be read
    ├── FormatError          a folder or file that is not what it should be
    │   └── CorruptError     right kind, but not the bytes that were recorded
    ├── StaleStoreError      a store that was made from something else
    ├── SchemaError          a JSON Schema that cannot be compiled
    ├── DecodeError          token ids that no document has
    ├── LockedError          a folder that another process is writing
    ├── WorkerError          worker processes that keep dying
    ├── PromptError          a partial document that cannot be continued
    ├── BusyError            a server at its limit of requests
    ├── CheckpointError      a checkpoint that does not fit this run
    ├── JudgeError           a judge process that crashed
    ├── OutOfMemoryError     a forward pass too large for the device
    └── NotFiniteError       a loss or gradient that became inf or nan (exit code 3)

Bad arguments to pure functions raise ValueError or IndexError.  Anything else is a bug
and keeps its traceback.
"""

from typing import ClassVar

from .display.visible import visible

__all__ = [
    "BusyError",
    "CheckpointError",
    "ConfigError",
    "CorruptError",
    "DecodeError",
    "FormatError",
    "JudgeError",
    "LockedError",
    "NotFiniteError",
    "OutOfMemoryError",
    "PromptError",
    "SchemaError",
    "SourceError",
    "StaleStoreError",
    "TctError",
    "WorkerError",
]


class TctError(Exception):
    """A problem the user can solve: where, what was found, what was expected.

    Messages quote input, so control characters are escaped here, once.
    """

    exit_code: ClassVar[int] = 1
    """Exit code of the command."""

    def __init__(self, problem: str, hint: str) -> None:
        """Join `problem` and `hint` (what to do) into one line."""
        self.problem, self.hint = visible(problem), visible(hint)
        super().__init__(f"{self.problem}; {self.hint}")


class ConfigError(TctError):
    """An option, preset or configuration key that does not exist or does not fit."""


class SourceError(TctError):
    """An input, or a store elsewhere, that is missing, empty or cannot be reached."""


class FormatError(TctError):
    """A file that is no store, tokenizer or run of a version that this code reads."""


class CorruptError(FormatError):
    """A file that differs in size or sha256 from its record, or cannot be read."""


class StaleStoreError(TctError):
    """A store that exists but was prepared from other inputs or options."""


class SchemaError(TctError):
    """The schema cannot be compiled; the message names the JSON pointer."""

    def __init__(
        self, problem: str, hint: str = "change that part of the schema"
    ) -> None:
        """Add the hint, which is the same for most."""
        super().__init__(problem, hint)


class DecodeError(TctError):
    """Token ids that no document encodes to.

    Attributes:
        position: index of the first offending token.
    """

    def __init__(self, problem: str, *, position: int) -> None:
        """Name the token at which decoding stopped."""
        super().__init__(
            f"token {position:,}: {problem}",
            "check that the ids were made by this tokenizer",
        )
        self.position = position


class LockedError(TctError):
    """A folder that another process is writing."""


class WorkerError(TctError):
    """Worker processes of `tct prepare` that keep dying."""


class PromptError(TctError):
    """A partial document that the grammar cannot continue."""


class BusyError(TctError):
    """A server that already writes as many completions as it may."""


class CheckpointError(TctError):
    """A checkpoint that is missing, damaged or belongs to something else."""


class JudgeError(TctError):
    """A judge process that crashed."""


class OutOfMemoryError(TctError):
    """A forward or backward pass too large for its device."""


class NotFiniteError(TctError):
    """A loss or gradient that is inf or nan; the weights are those from before it."""

    exit_code = 3
