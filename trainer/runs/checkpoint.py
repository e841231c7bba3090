"""Checkpoints: written by training, read to resume and to generate.

    RUN/checkpoints/step-000100/
        model.safetensors    the weights, float32, by parameter name
        optim.safetensors    optimiser state, by "<parameter>.<exp_avg | …>"
        state.json           the rest, see State; sha256 of the two files

The folder is written under a temporary name, flushed to disk and renamed, so it is
complete once it has its name.  Nothing is pickled: reading a checkpoint runs no code.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor
from torch.optim import Optimizer

from ...data.errors import CheckpointError, CorruptError
from ...data.files import check_sha256, fsync_folder, remove, sha256_file
from ..config import Config
from ..model import GPT
from ..optim import optimizer_tensors, restore_optimizers
from .state import DAMAGED, STATE_NAME, State, read_state_file, write_state
from .tensors import load_gpt, load_weights, read_tensors

__all__ = [
    "Which",
    "find_checkpoints",
    "load_model",
    "newest_checkpoint",
    "pick_checkpoint",
    "read_state",
    "record_figures",
    "restore",
    "rotate",
    "save_checkpoint",
]

FOLDER = "checkpoints"
Which = Literal["best", "newest"]

_MODEL, _OPTIM = "model.safetensors", "optim.safetensors"
_PREFIX = "step-"
_STEP = re.compile(r"step-(\d{1,18})", re.ASCII)


def save_checkpoint(
    run_folder: Path, state: State, model: GPT, optimizers: Sequence[Optimizer]
) -> Path:
    """Write a checkpoint durably; returns its folder.

    Raises:
        CheckpointError: it could not be written; earlier ones are unchanged.
    """
    target = run_folder / FOLDER / f"{_PREFIX}{state.step:06d}"
    temporary = target.with_name(f".{target.name}.tmp-{os.getpid()}")
    try:
        remove(temporary)
        temporary.mkdir(parents=True)
        files = {}
        for name, tensors in (
            (_MODEL, model.state_dict()),
            (_OPTIM, optimizer_tensors(model, optimizers)),
        ):
            _write_tensors(temporary / name, tensors)
            files[name] = sha256_file(temporary / name)
        write_state(temporary, state, files)
    except (OSError, SafetensorError) as error:
        remove(temporary)
        raise CheckpointError(
            f"{target}: not saved ({error})",
            "free some space or repair the disk, then continue with --resume",
        ) from error
    # Only an incomplete folder can exist under this name: a run never repeats a step
    # that it has a complete checkpoint of.
    remove(target)
    temporary.rename(target)
    fsync_folder(target.parent)
    return target


def record_figures(checkpoint: Path, state: State) -> None:
    """Add figures computed after saving to a checkpoint."""
    write_state(checkpoint, state, read_state_file(checkpoint)[1])


def find_checkpoints(run_folder: Path) -> dict[int, Path]:
    """The complete checkpoints of a run by step, ascending."""
    found = {}
    for folder in (run_folder / FOLDER).glob(f"{_PREFIX}*"):
        step = _STEP.fullmatch(folder.name)
        whole = all((folder / name).is_file() for name in (_MODEL, _OPTIM, STATE_NAME))
        if step and whole:
            found[int(step[1])] = folder
    return dict(sorted(found.items()))


def newest_checkpoint(run_folder: Path) -> Path:
    """The complete checkpoint with the highest step.

    Raises:
        CheckpointError: there is none.
    """
    found = find_checkpoints(run_folder)
    if not found:
        raise CheckpointError(
            f"{run_folder}: found no complete checkpoint, "
            f"expected {FOLDER}/{_PREFIX}…/{STATE_NAME}",
            "give the folder of a run, or start one with tct train",
        )
    return list(found.values())[-1]


def pick_checkpoint(source: Path, which: Which = "best") -> Path:
    """Choose a checkpoint of a run.

    Args:
        source: a run, or a checkpoint, which is returned itself.
        which: the one with the lowest validation loss, or the newest.  The newest also
            if none was evaluated, or if the best one belongs to another run.

    Raises:
        CheckpointError: there is none.
    """
    if (source / STATE_NAME).is_file():
        return source
    newest = newest_checkpoint(source)
    best = read_state_file(newest)[0].best
    if which == "newest" or best is None:
        return newest
    return find_checkpoints(source).get(best.step, newest)


def rotate(run_folder: Path, *, keep_last: int, best: int | None) -> None:
    """Delete all checkpoints but the newest `keep_last` and the one of step `best`.

    Of a symbolic link, only the link is deleted: its target is not the run's.
    """
    found = find_checkpoints(run_folder)
    for step in list(found)[:-keep_last]:
        if step != best:
            # Rename first, so that a kill in between leaves no partial checkpoint.
            doomed = found[step].with_name(f".{found[step].name}.tmp-delete")
            remove(doomed)
            found[step].rename(doomed)
    for leftover in (run_folder / FOLDER).glob(f".{_PREFIX}*.tmp-*"):
        remove(leftover)


def read_state(checkpoint: Path) -> State:
    """Verify a checkpoint's checksums, then return its state.

    Raises:
        CheckpointError: a file is missing or altered, or of another version.
    """
    state, files = read_state_file(checkpoint)
    try:
        for name in (_MODEL, _OPTIM):
            check_sha256(checkpoint / name, files.get(name), STATE_NAME, DAMAGED)
    except CorruptError as error:
        raise CheckpointError(error.problem, error.hint) from error
    return state


def restore(checkpoint: Path, model: GPT, optimizers: Sequence[Optimizer]) -> None:
    """Load a checkpoint's weights and optimiser state; call `read_state` first.

    Raises:
        CheckpointError: the tensors do not fit the model.
    """
    with _naming(checkpoint / _MODEL) as path:
        load_weights(model, read_tensors(path))
    with _naming(checkpoint / _OPTIM) as path:
        restore_optimizers(model, optimizers, read_tensors(path))


def load_model(
    run_folder: Path,
    *,
    device: torch.device | str = "cpu",
    checkpoint: Path | None = None,
) -> tuple[GPT, Config, State]:
    """Load the model of a run: in eval mode, on `device`.

    Args:
        run_folder: of a run, whose newest complete checkpoint is read.
        device: for the weights.
        checkpoint: the folder of another checkpoint to read instead.

    Raises:
        CheckpointError: no checkpoint, or a damaged one.
    """
    folder = checkpoint or newest_checkpoint(run_folder)
    state = read_state(folder)
    with _naming(folder / _MODEL) as path:
        model = load_gpt(state.config.model, path)
    return model.to(device).eval(), state.config, state


def _write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def _naming(path: Path) -> Iterator[Path]:
    """Name the file in errors about its tensors."""
    try:
        yield path
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}", DAMAGED) from error
