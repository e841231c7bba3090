"""Load a model and its tokenizer from a run, a checkpoint or an export.

An export is a folder written by `tct export`:

    DIR/
        model.safetensors   the weights by transformers' names, float32 or float16
        config.json         the model's shape, as transformers reads it
        tokenizer.json      from workflows to ids and back
        README.md           the model card, free to edit
        tct.json            the source of the model; sha256 of the first three files

Loading verifies checksums, then reads JSON and safetensors: no code from the folder
runs.
"""

from pathlib import Path
from typing import TypedDict

import torch

from ...data.errors import CheckpointError, ConfigError, CorruptError, FormatError
from ...data.files import check_sha256, read_json
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
) -> tuple[GPT, Tokenizer, int]:
    """Load a model in eval mode, its tokenizer, and the steps it was trained for.

    Args:
        folder: a run, of which the best checkpoint is read; a checkpoint; or an export.
        device: for the weights.

    Raises:
        CheckpointError: no checkpoint, a damaged one, or one of another tokenizer.
        FormatError, CorruptError: an export of another version, or a damaged one.
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
    """Load an export: the model in eval mode, and its tokenizer.

    Raises:
        FormatError: no export, or one of another version.
        CorruptError: a file is missing or altered.
    """
    read_export(folder)
    (config, dtype), path = _shape(folder / "config.json"), folder / "model.safetensors"
    try:
        model = load_gpt(config, path, from_nanochat, dtype)
    except ValueError as error:
        raise CorruptError(f"{path}: {error}", _REMAKE) from error
    return model.to(device).eval(), Tokenizer.load(folder / "tokenizer.json")


class _Manifest(TypedDict):
    step: int
    files: dict[str, str]


def read_export(folder: Path) -> _Manifest:
    """Verify the checksums of an export, then return its tct.json.

    Raises:
        FormatError: no export, or one of another version.
        CorruptError: a file is missing or altered.
    """
    path = folder / MANIFEST_NAME
    if not path.is_file():
        raise FormatError(
            f"{folder}: found no {MANIFEST_NAME}, so this is not a complete export",
            "run tct export RUN -o DIR first",
        )
    remake = "export the run again"
    found = read_record(path, name="export", version=EXPORT_VERSION, remake=remake)
    try:
        manifest = typed(_Manifest, found, "export")
    except (ValueError, ConfigError) as error:
        raise FormatError(f"{path}: {error}", _REMAKE) from error
    for name in EXPORTED_FILES:
        recorded = manifest["files"].get(name)
        check_sha256(folder / name, recorded, MANIFEST_NAME, _REMAKE)
    return manifest


def tokenizer_of(checkpoint: Path, state: State) -> Tokenizer:
    """Load the tokenizer of a checkpoint from its run.

    Raises:
        CheckpointError: it is missing, or not the one it was trained with.
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


def _shape(path: Path) -> tuple[ModelConfig, torch.dtype]:
    try:
        return model_config(read_json(path))
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise FormatError(
            f"{path}: does not describe a tct model ({error})", _REMAKE
        ) from error
