"""Read tensors from files, and check them before a model gets them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, load_file
from torch import Tensor

from ...data.files import name_text
from ..config import ModelConfig
from ..model import GPT

__all__ = ["load_gpt", "load_weights", "read_tensors"]


def read_tensors(path: Path, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """Read a safetensors file of finite tensors of one type.

    Returns:
        float32 tensors.

    Raises:
        ValueError: it cannot be read, or holds anything else.
    """
    try:
        # safetensors opens no file whose name is not UTF-8.
        is_utf8 = name_text(path) == str(path)
        tensors = load_file(path) if is_utf8 else load(path.read_bytes())
    except (SafetensorError, KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"not readable ({_last_line(error)})") from error
    for name, tensor in tensors.items():
        if tensor.dtype != dtype:
            raise ValueError(f"{name!a} is {tensor.dtype}, expected {dtype}")
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{name!a} holds a number that is not finite")
    return {name: tensor.float() for name, tensor in tensors.items()}


def load_gpt(
    config: ModelConfig,
    path: Path,
    rename: Callable[[Mapping[str, Tensor]], dict[str, Tensor]] = dict,
    dtype: torch.dtype = torch.float32,
) -> GPT:
    """Build a model with the weights of a file.

    Args:
        config: its shape.
        path: the file.
        rename: maps the names in the file to ours.
        dtype: of the weights in the file; those of the model are float32.

    Raises:
        ValueError: the file cannot be read, or does not fit the shape.
    """
    # Check the size first: a wrong shape could take any amount of memory.
    if path.stat().st_size < dtype.itemsize * config.parameters:
        raise ValueError(
            f"found {path.stat().st_size:,} bytes, expected {config.parameters:,} "
            f"parameters of {dtype}"
        )
    tensors = read_tensors(path, dtype)
    model = GPT(config)
    load_weights(model, rename(tensors))
    return model


def load_weights(model: GPT, tensors: Mapping[str, Tensor]) -> None:
    """Load weights into a model.

    Raises:
        ValueError: their names or shapes are not those of the model.
    """
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        reason = _last_line(error)
        raise ValueError(
            f"its tensors are not those of its configuration ({reason})"
        ) from error


def _last_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[-1].strip() if lines else repr(error)
