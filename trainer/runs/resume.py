"""Find where a run continues, and check that it may.

A run continues from its own newest checkpoint, with the settings it was trained with so
far.  In another folder it branches off from any checkpoint: there the `optim` and `run`
settings may change, but not the model, the data or their order.
"""

from dataclasses import dataclass
from pathlib import Path

from ...data.errors import CheckpointError, ConfigError, FormatError
from ...data.files import name_text
from ...data.store import Store, stores_in
from ..config import Config, differences
from .checkpoint import find_checkpoints, newest_checkpoint
from .history import CONFIG_NAME, read_run
from .state import STATE_NAME, State, read_state_file

__all__ = [
    "ResumePoint",
    "check_config",
    "check_place",
    "check_store",
    "find_resume_point",
    "run_of",
]

# Settings that may change when a run is resumed: they do not affect the weights.
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
class ResumePoint:
    """The point from which a run continues."""

    config: Config
    """Of the run so far."""
    checkpoint: Path | None
    """None if the run ended before its first checkpoint."""


def find_resume_point(
    run_folder: Path, resume: bool | Path | ResumePoint
) -> ResumePoint | None:
    """Find the checkpoint that a run continues from.

    Args:
        run_folder: of the run to continue.
        resume: False to begin anew; True for the newest checkpoint of `run_folder`; or
            the folder of a checkpoint, of any run, or of a run, whose newest one is
            taken.  A point found before is returned as it is.

    Returns:
        None if the run begins anew.

    Raises:
        CheckpointError: there is nothing to resume.
    """
    if resume is False:
        return None
    if isinstance(resume, ResumePoint):
        return resume
    folder = run_folder if resume is True else resume
    if not find_checkpoints(folder):
        if folder == run_folder and (folder / CONFIG_NAME).is_file():
            return ResumePoint(config=_read_config(folder), checkpoint=None)
        if (folder / STATE_NAME).is_file():
            return ResumePoint(
                config=read_state_file(folder)[0].config, checkpoint=folder
            )
    checkpoint = newest_checkpoint(folder)
    return ResumePoint(
        config=read_state_file(checkpoint)[0].config, checkpoint=checkpoint
    )


def run_of(checkpoint: Path) -> Path:
    """The folder of the run that wrote a checkpoint."""
    return checkpoint.resolve().parent.parent


def check_place(folder: Path, point: ResumePoint | None) -> None:
    """Refuse to overwrite a store or another run.

    Raises:
        ConfigError: `folder` holds a store, another run or newer checkpoints of this
            one, or its name is not UTF-8.
    """
    if name_text(folder) != str(folder):
        raise ConfigError(
            f"{name_text(folder)}: this name is not UTF-8, and safetensors needs one",
            "give another folder with -o",
        )
    if (folder / "manifest.json").is_file():  # its tokenizer.json would be replaced
        raise ConfigError(
            f"{folder}: found a store, expected a new folder or that of a run",
            "give another folder with -o",
        )
    found = find_checkpoints(folder)
    if not found:
        return
    if point is None:
        raise ConfigError(
            f"{folder}: already holds checkpoints, expected a folder without a run",
            "continue with --resume, or give another folder",
        )
    newest = list(found.values())[-1]
    if point.checkpoint is None or point.checkpoint.resolve() != newest.resolve():
        raise ConfigError(
            f"{folder}: its newest checkpoint is {newest.name}, the one to resume is "
            f"{point.checkpoint}",
            "give another folder with -o to branch off there",
        )


def check_config(config: Config, point: ResumePoint, folder: Path) -> None:
    """Refuse settings that contradict the run so far.

    Raises:
        ConfigError: a setting differs that may not.
    """
    checkpoint = point.checkpoint
    branches = checkpoint is not None and run_of(checkpoint) != folder.resolve()
    for key, ours, theirs in differences(config, point.config):
        if key in _FREE or (branches and key.startswith(("optim.", "run."))):
            continue
        raise ConfigError(
            f"{key}: found {ours!r}, the run to resume was trained with {theirs!r}",
            f"leave {key} out to resume it, or "
            + (
                "start another run"
                if key.startswith(("model.", "data."))
                else "branch off: --resume-from CHECKPOINT with another folder for -o"
            ),
        )


def check_store(
    state: State, store: Store, checkpoint: Path, *, is_one_enough: bool = False
) -> None:
    """Refuse stores other than those that a checkpoint was trained on.

    Args:
        state: of the checkpoint.
        store: a store, or a mixture of several.
        checkpoint: its folder.
        is_one_enough: take one store of those of a mixture, too.

    Raises:
        CheckpointError: a tokenizer, the number of stores or their content differs.
    """
    digests = [str(each) for each in state.loader.get("stores", [])]
    if is_one_enough and store.digest in digests:
        return
    given = stores_in(store)
    if len(given) != (expected := max(1, len(digests))):
        raise CheckpointError(
            f"{checkpoint}: was trained on {expected} stores, found {len(given)}",
            "give the stores that the run was started with, or start another run",
        )
    pairs = [("tokenizer", state.tokenizer_digest, store.tokenizer.digest)]
    if digests:
        pairs += [
            (f"store in the place of {name}", recorded, each.digest)
            for recorded, (name, each) in zip(digests, given.items(), strict=True)
        ]
    pairs.append(("store", str(state.loader.get("store")), store.digest))
    for what, recorded, found in pairs:
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
