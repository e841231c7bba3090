"""What can go wrong, as one tree.

    TctError                 everything a user can cause; the CLI prints it in one line
    ├── ConfigError          an option, a preset or a configuration key
    ├── SourceError          an input that is missing, empty or unreadable
    ├── FormatError          a folder or file that is not what it should be
    │   └── CorruptError     right kind, but its bytes are not the ones recorded
    ├── StaleStoreError      a store that was made from something else
    ├── DecodeError          token ids that no document has
    ├── LockedError          a folder that another process is writing
    ├── WorkerError          processes that were lost again and again
    ├── PromptError          a partial workflow that cannot be continued
    ├── BusyError            a server that does as much as it may
    ├── CheckpointError      a checkpoint that does not fit this run
    ├── JudgeError           a program that judges workflows and fell over
    ├── OutOfMemoryError     a pass that is too large for the device
    └── NotFiniteError       a loss or gradient that became inf or nan (exit code 3)

Bad arguments to pure functions raise ValueError or IndexError; a bug raises whatever
it raises, with its traceback.
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
    "SourceError",
    "StaleStoreError",
    "TctError",
    "WorkerError",
]


class TctError(Exception):
    """A problem the user can solve: where, what was found, what was expected.

    It quotes what it found, so its text is made `visible` once, here.
    """

    exit_code: ClassVar[int] = 1
    """Of the command that it ends."""

    def __init__(self, problem: str, hint: str) -> None:
        """Join `problem` and `hint` (what to do) into one line."""
        self.problem, self.hint = visible(problem), visible(hint)
        super().__init__(f"{self.problem}; {self.hint}")


class ConfigError(TctError):
    """An option, preset or configuration key that does not exist or does not fit."""


class SourceError(TctError):
    """An input of `tct prepare` that is missing, empty or unreadable."""


class FormatError(TctError):
    """A file that is no store, tokenizer or run of a version that this code reads."""


class CorruptError(FormatError):
    """A file whose size or sha256 differs from what its manifest records."""


class StaleStoreError(TctError):
    """A store that exists but was prepared from other inputs or options."""


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
    """Processes of `tct prepare` that were lost again and again."""


class PromptError(TctError):
    """A partial workflow that the grammar cannot continue."""


class BusyError(TctError):
    """A server that writes as many completions at once as it may."""


class CheckpointError(TctError):
    """A checkpoint that is missing, damaged or belongs to something else."""


class JudgeError(TctError):
    """A program that judges workflows and says nothing of them."""


class OutOfMemoryError(TctError):
    """A pass of a training step that is too large for its device."""


class NotFiniteError(TctError):
    """A loss or gradient that is no number; the weights are as they were before it."""

    exit_code = 3
