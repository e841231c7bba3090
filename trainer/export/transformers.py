"""A GPT as the model type `nanochat` of Hugging Face transformers.

Both compute the same function, so only names of the shape and the parameters differ.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...data.records import typed
from ...data.tokenizer import PAD
from ..config import ModelConfig

__all__ = ["DTYPES", "from_nanochat", "model_config", "nanochat_config", "to_nanochat"]

DTYPES = {"float32": torch.float32, "float16": torch.float16}
"""The types of exported weights, by their names in config.json."""

_BODY = "model."
_HEAD = "lm_head."
_FIRST_POSITION = 0  # the position token of a window that begins its document


def nanochat_config(config: ModelConfig, dtype: str = "float32") -> dict[str, Any]:
    """The config.json from which transformers builds the model.

    Args:
        config: the model's shape.
        dtype: of the exported weights, a key of DTYPES.
    """
    return {
        "architectures": ["NanoChatForCausalLM"],
        "model_type": "nanochat",
        "dtype": dtype,
        "vocab_size": config.vocab_size,
        "max_position_embeddings": config.context,
        "hidden_size": config.width,
        "intermediate_size": 4 * config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.heads,
        "hidden_act": "relu2",
        "final_logit_softcapping": config.softcap,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_base},
        # The default of F.rms_norm.
        "rms_norm_eps": torch.finfo(torch.float32).eps,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": False,
        "bos_token_id": _FIRST_POSITION,
        # A document ends when its root closes, which is not a token of its own.
        "eos_token_id": None,
        "pad_token_id": PAD,
    }


def model_config(values: Mapping[str, Any]) -> tuple[ModelConfig, torch.dtype]:
    """The reverse of `nanochat_config`: the shape, and the type of the weights.

    Raises:
        KeyError, TypeError, ConfigError: a field is missing or does not fit.
        ValueError: a value that no GPT of ours has.
    """
    shape = {
        "vocab_size": values["vocab_size"],
        "context": values["max_position_embeddings"],
        "width": values["hidden_size"],
        "layers": values["num_hidden_layers"],
        "heads": values["num_attention_heads"],
        "softcap": values["final_logit_softcapping"],
        "rope_base": values["rope_parameters"]["rope_theta"],
    }
    config = typed(ModelConfig, shape, "model")
    dtype = values["dtype"]
    if dtype not in DTYPES:
        raise ValueError(f"dtype {dtype!r} instead of one of {', '.join(DTYPES)}")
    for name, expected in nanochat_config(config, dtype).items():
        if values.get(name) != expected:
            raise ValueError(f"{name} {values.get(name)!r} instead of {expected!r}")
    return config, DTYPES[dtype]


def to_nanochat(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename a GPT's parameters as transformers does."""
    return {
        name if name.startswith(_HEAD) else _BODY + name: tensor
        for name, tensor in tensors.items()
    }


def from_nanochat(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The reverse of `to_nanochat`."""
    return {name.removeprefix(_BODY): tensor for name, tensor in tensors.items()}
