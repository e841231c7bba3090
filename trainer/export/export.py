"""Export a checkpoint to a folder that others can load; see load.py for its files.

The folder is built under a temporary name and renamed.  Into an existing folder, files
are moved one by one, tct.json last: without it the folder is not an export.
"""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save

from ... import __version__
from ...data.errors import ConfigError
from ...data.files import fsync_folder, name_text, sha256_file, write_atomic, write_json
from ...data.records import write_record
from ...data.tokenizer import Tokenizer
from ..config import to_dict
from ..model import GPT
from ..runs.checkpoint import FOLDER, Which, load_model, pick_checkpoint
from ..runs.history import read_run
from ..runs.state import STATE_NAME, State
from .load import CARD_NAME, EXPORT_VERSION, EXPORTED_FILES, MANIFEST_NAME, tokenizer_of
from .model_card import CardFacts, model_card, read_evaluation
from .transformers import DTYPES, nanochat_config, to_nanochat

__all__ = ["Exported", "export"]

_LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
_OTHERS = {FOLDER: "a run", STATE_NAME: "a checkpoint", "manifest.json": "a store"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """The outcome of `export`."""

    folder: Path
    checkpoint: Path
    """The exported one."""
    parameters: int
    size: int
    """Bytes of all files."""
    state: State
    """Of the checkpoint."""
    is_evaluated: bool
    """Whether the card includes the figures of `tct eval`."""


def export(
    source: Path | str,
    target: Path | str,
    *,
    which: Which = "best",
    license_id: str = "other",
    half: bool = False,
    force: bool = False,
) -> Exported:
    """Write a model, its tokenizer and its card into a folder.

    Args:
        source: a run, or one of its checkpoints.
        target: a new or empty folder.
        which: of a run's checkpoints; see `pick_checkpoint`.
        license_id: of the weights, an identifier of the Hugging Face Hub.
        half: write float16 instead of float32, half the size.
        force: allow a folder that is not empty; its other files stay.

    Raises:
        CheckpointError: no checkpoint, a damaged one, or one without its tokenizer.
        ConfigError: `target` is in use, or `license_id` is malformed.
        FormatError: the run's config.json cannot be read.
    """
    source, target = Path(source), Path(target)
    _check_license(license_id)
    _check_place(target, force=force)
    checkpoint = pick_checkpoint(source, which)
    model, _, state = load_model(source, checkpoint=checkpoint)
    tokenizer = tokenizer_of(checkpoint, state)
    run = checkpoint.absolute().parents[1]
    place = Path(os.path.abspath(target))
    facts = CardFacts(
        name=name_text(place.name),
        license=license_id,
        parameters=model.config.parameters,
        state=state,
        store=read_run(run)["store"],
        kind=tokenizer.kind,
        evaluation=read_evaluation(run, step=state.step),
    )
    return Exported(
        folder=target,
        checkpoint=checkpoint,
        parameters=facts.parameters,
        size=_publish(place, model, tokenizer, facts, half=half),
        state=state,
        is_evaluated=facts.evaluation is not None,
    )


def _check_license(license_id: str) -> None:
    if not _LICENSE.fullmatch(license_id):
        raise ConfigError(
            f"license: found {license_id!r}, expected an identifier such as apache-2.0",
            "give one of the Hugging Face Hub, or leave --license out",
        )


def _check_place(target: Path, *, force: bool) -> None:
    if target.exists() and not target.is_dir():
        raise ConfigError(
            f"{target}: is a file, expected a folder", "give another path with -o"
        )
    names = sorted(path.name for path in target.iterdir()) if target.exists() else []
    for name in names:
        if name in _OTHERS:
            raise ConfigError(
                f"{target}: is {_OTHERS[name]}, whose files have the same names",
                "give another folder with -o",
            )
    if names and not force:
        raise ConfigError(
            f"{target}: already holds {names[0]!r}, expected a new or empty folder",
            "give another folder with -o, or write into this one with --force, "
            "which leaves its other files alone",
        )


def _publish(
    place: Path, model: GPT, tokenizer: Tokenizer, facts: CardFacts, *, half: bool
) -> int:
    """Build the folder beside its place and move it there; returns its bytes."""
    built = place.with_name(f".{place.name}.tmp-{os.getpid()}")
    try:
        _write(built, model, tokenizer, facts, "float16" if half else "float32")
        size = sum(path.stat().st_size for path in built.iterdir())
        _move(built, place)
    finally:
        shutil.rmtree(built, ignore_errors=True)
    return size


def _write(
    folder: Path, model: GPT, tokenizer: Tokenizer, facts: CardFacts, dtype: str
) -> None:
    """Fill a folder durably, the manifest last."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # transformers requires the metadata.
    tensors = to_nanochat(model.to(DTYPES[dtype]).state_dict())
    weights = save(tensors, metadata={"format": "pt"})
    write_atomic(folder / "model.safetensors", lambda file: file.write(weights))
    write_json(folder / "config.json", nanochat_config(model.config, dtype))
    tokenizer.save(folder / "tokenizer.json")
    card = model_card(facts).encode()
    write_atomic(folder / CARD_NAME, lambda file: file.write(card))
    path = folder / MANIFEST_NAME
    manifest = _manifest(folder, tokenizer, facts)
    write_record(path, manifest, name="export", version=EXPORT_VERSION)


def _manifest(
    folder: Path, tokenizer: Tokenizer, facts: CardFacts
) -> Mapping[str, Any]:
    state, validation = facts.state, facts.state.validation
    return {
        "tct": __version__,
        "step": state.step,
        "tokens": state.tokens,
        "parameters": facts.parameters,
        "validation": validation and {**asdict(validation), **validation.figures()},
        "config": to_dict(state.config),
        "store": facts.store,
        "tokenizer_digest": tokenizer.digest,
        "files": {name: sha256_file(folder / name) for name in EXPORTED_FILES},
    }


def _move(built: Path, target: Path) -> None:
    """Move the files into place; a crash leaves all of them or no export."""
    if target.exists():
        (target / MANIFEST_NAME).unlink(missing_ok=True)
        for name in (*EXPORTED_FILES, CARD_NAME, MANIFEST_NAME):
            (built / name).replace(target / name)
        fsync_folder(target)
    else:
        built.rename(target)
    fsync_folder(target.parent)
