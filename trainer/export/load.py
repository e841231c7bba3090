"""A trained model and its tokenizer, from wherever they stand.

That is a run, one of its checkpoints, or a folder that `tct export` wrote:

    DIR/
        model.safetensors   the weights, float32, by the names of transformers
        config.json         the model's shape, as transformers reads it
        tokenizer.json      from workflows to ids and back
        README.md           the model card, for people; yours to edit
        tct.json            what it was made from; sha256 of the first three

Loading reads JSON and safetensors, so it runs no code from the folder, and only files
that are what they were when they were written.
"""

from pathlib import Path
from typing import TypedDict

import torch

from ...data.errors import CheckpointError, ConfigError, CorruptError, FormatError
from ...data.files import read_json, sha256_file
from ...data.records import read_record, typed
from ...data.tokenizer import Tokenizer
from ..config import ModelConfig
from ..model import GPT
from ..runs.checkpoint import load_model as load_checkpoint
from ..runs.checkpoint import pick_checkpoint
from ..runs.state import State
from ..runs.tensors import load_gpt
from .transformers import from_nanochat, model_config

__all__ = [
    "CARD_NAME",
    "EXPORTED_FILES",
    "EXPORT_VERSION",
    "MANIFEST_NAME",
    "load_exported",
    "load_model",
    "load_trained",
    "read_export",
    "tokenizer_of",
]

EXPORT_VERSION = 2
MANIFEST_NAME = "tct.json"
EXPORTED_FILES = ("model.safetensors", "config.json", "tokenizer.json")
CARD_NAME = "README.md"

_REMAKE = "restore it, or export the run again"


def load_trained(
    folder: Path, *, device: torch.device | str = "cpu"
) -> tuple[GPT, Tokenizer, int | None]:
    """A model ready to generate, in eval mode on `device`, and its tokenizer.

    The third is for how many steps it was trained, None where an export does not say.

    Args:
        folder: a run, of which the best checkpoint is read; a checkpoint; or an export.
        device: where the weights go.

    Raises:
        CheckpointError: no checkpoint, a damaged one, or one of another tokenizer.
        FormatError, CorruptError: an export that is not as it was written.
    """
    if (folder / MANIFEST_NAME).is_file():
        exported = load_exported(folder, device=device)
        return *exported, read_export(folder)["step"]
    checkpoint = pick_checkpoint(folder)
    model, _, state = load_checkpoint(folder, device=device, checkpoint=checkpoint)
    return model, tokenizer_of(checkpoint, state), state.step


def load_model(folder: Path | str, *, device: torch.device | str = "cpu") -> GPT:
    """The model of a run, a checkpoint or an export, in eval mode on `device`.

    Arguments and errors as for `load_trained`, which gives its tokenizer too.
    """
    return load_trained(Path(folder), device=device)[0]


def load_exported(
    folder: Path, *, device: torch.device | str = "cpu"
) -> tuple[GPT, Tokenizer]:
    """What `tct export` wrote into a folder: the model in eval mode, its tokenizer.

    Raises:
        FormatError: no export, or one of another version.
        CorruptError: a file is missing or altered.
    """
    read_export(folder)
    config, path = _shape(folder / "config.json"), folder / "model.safetensors"
    try:
        model = load_gpt(config, path, from_nanochat)
    except ValueError as error:
        raise CorruptError(f"{path}: {error}", _REMAKE) from error
    return model.to(device).eval(), Tokenizer.load(folder / "tokenizer.json")


class _Manifest(TypedDict):
    step: int
    files: dict[str, str]


def read_export(folder: Path) -> _Manifest:
    """The content of an export's tct.json, once its files are as they were written.

    Raises:
        FormatError: no export, or one of another version.
        CorruptError: a file is missing or altered.
    """
    path = folder / MANIFEST_NAME
    if not path.is_file():
        raise FormatError(
            f"{folder}: found no {MANIFEST_NAME}, so this is no complete export",
            "run tct export RUN -o DIR first",
        )
    remake = "export the run again"
    found = read_record(path, name="export", version=EXPORT_VERSION, remake=remake)
    try:
        manifest = typed(_Manifest, found, "export")
    except (ValueError, ConfigError) as error:
        raise FormatError(f"{path}: {error}", _REMAKE) from error
    for name in EXPORTED_FILES:
        _check_file(folder / name, str(manifest["files"].get(name)))
    return manifest


def tokenizer_of(checkpoint: Path, state: State) -> Tokenizer:
    """The tokenizer that a checkpoint was trained with, from the run that it is in.

    Raises:
        CheckpointError: the run has none, or another one.
    """
    path = checkpoint.absolute().parents[1] / "tokenizer.json"
    if not path.is_file():
        raise CheckpointError(
            f"{path}: missing, and {checkpoint.name} needs its tokenizer",
            "give a checkpoint within the folder of its run",
        )
    tokenizer = Tokenizer.load(path)
    if tokenizer.digest != state.tokenizer_digest:
        raise CheckpointError(
            f"{path}: found tokenizer {tokenizer.digest[:12]}…, "
            f"the checkpoint was trained with {state.tokenizer_digest[:12]}…",
            "restore the run's own tokenizer.json",
        )
    return tokenizer


def _check_file(path: Path, recorded: str) -> None:
    if not path.is_file():
        raise CorruptError(f"{path}: missing, expected a file", _REMAKE)
    if (found := sha256_file(path)) != recorded:
        raise CorruptError(
            f"{path}: found sha256 {found[:12]}…, "
            f"{MANIFEST_NAME} records {recorded[:12]}…",
            _REMAKE,
        )


def _shape(path: Path) -> ModelConfig:
    try:
        return model_config(read_json(path))
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise FormatError(
            f"{path}: describes no model of tct ({error})", _REMAKE
        ) from error
