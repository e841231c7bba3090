"""What a run goes on from: a checkpoint of its own, one of another run, or nothing.

A run never goes on under checkpoints that are newer than its own, nor with settings
that change what was learnt so far.  In another folder it branches off, and may then
learn on at other rates and for more steps, but the same model from the same data.
"""

from dataclasses import dataclass
from pathlib import Path

from ...data.errors import CheckpointError, ConfigError, FormatError
from ...data.files import name_text
from ...data.store import Store
from ..config import Config, differences
from .checkpoint import find_checkpoints, newest_checkpoint
from .history import CONFIG_NAME, read_run
from .state import STATE_NAME, State, read_state_file

__all__ = [
    "Origin",
    "check_config",
    "check_place",
    "check_store",
    "find_origin",
    "run_of",
]

# What may be another in the rest of a run: it changes nothing that is learnt.
_FREE = (
    "run.eval_every",
    "run.save_every",
    "run.log_every",
    "run.keep_last",
    "run.layout",
    "run.micro_batch",
    "run.compile",
    "run.sample_every",
    "run.samples",
    "run.patience",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """What a run goes on from."""

    config: Config
    """What was trained with so far."""
    checkpoint: Path | None
    """None if the run was begun, but ended before its first checkpoint."""


def find_origin(run_folder: Path, resume: bool | Path) -> Origin | None:
    """What `--resume` means; None where a run begins.

    Args:
        run_folder: of the run that goes on.
        resume: True for its newest checkpoint; or the folder of a checkpoint, which may
            be another run's, or of a run, whose newest one is meant.

    Raises:
        CheckpointError: there is nothing to go on from.
    """
    if resume is False:
        return None
    folder = run_folder if resume is True else resume
    if not find_checkpoints(folder):
        if folder == run_folder and (folder / CONFIG_NAME).is_file():
            return Origin(config=_read_config(folder), checkpoint=None)
        if (folder / STATE_NAME).is_file():
            return Origin(config=read_state_file(folder)[0].config, checkpoint=folder)
    checkpoint = newest_checkpoint(folder)
    return Origin(config=read_state_file(checkpoint)[0].config, checkpoint=checkpoint)


def run_of(checkpoint: Path) -> Path:
    """The folder of the run that wrote a checkpoint."""
    return checkpoint.resolve().parent.parent


def check_place(folder: Path, origin: Origin | None) -> None:
    """Refuse to write over a run that is not the one that goes on.

    Raises:
        ConfigError: `folder` holds another run, or newer checkpoints of this one, or
            has a name that is not UTF-8.
    """
    if name_text(folder) != str(folder):
        raise ConfigError(
            f"{name_text(folder)}: this name is not UTF-8, and safetensors needs one",
            "give another folder with -o",
        )
    found = find_checkpoints(folder)
    if not found:
        return
    if origin is None:
        raise ConfigError(
            f"{folder}: already holds checkpoints, expected a folder without a run",
            "go on with --resume, or give another folder",
        )
    newest = list(found.values())[-1]
    if origin.checkpoint is None or origin.checkpoint.resolve() != newest.resolve():
        raise ConfigError(
            f"{folder}: its newest checkpoint is {newest.name}, and what goes on is "
            f"{origin.checkpoint}",
            "give another folder with -o to branch off there",
        )


def check_config(config: Config, origin: Origin, folder: Path) -> None:
    """Refuse settings that the run so far was not trained with.

    Raises:
        ConfigError: a setting that is another one and may not be.
    """
    checkpoint = origin.checkpoint
    branches = checkpoint is not None and run_of(checkpoint) != folder.resolve()
    for key, ours, theirs in differences(config, origin.config):
        if key in _FREE or (branches and key.startswith(("optim.", "run."))):
            continue
        raise ConfigError(
            f"{key}: found {ours!r}, but what is resumed was trained with {theirs!r}",
            f"leave {key} out to resume it, or "
            + (
                "start another run"
                if key.startswith(("model.", "data."))
                else "branch off: --resume-from CHECKPOINT with another folder for -o"
            ),
        )


def check_store(state: State, store: Store, checkpoint: Path) -> None:
    """Refuse another store than the one that a checkpoint was trained on.

    Raises:
        CheckpointError: its tokenizer or its content is another one.
    """
    for what, recorded, found in (
        ("tokenizer", state.tokenizer_digest, store.tokenizer.digest),
        ("store", str(state.loader.get("store")), store.digest),
    ):
        if found != recorded:
            raise CheckpointError(
                f"{checkpoint}: belongs to another {what}, sha256 {recorded[:12]}…, "
                f"found {found[:12]}…",
                "give the store that the run was started with, or start another run",
            )


def _read_config(folder: Path) -> Config:
    try:
        return read_run(folder)["config"]
    except FormatError as error:
        hint = "start the run again without --resume"
        raise CheckpointError(error.problem, hint) from error
