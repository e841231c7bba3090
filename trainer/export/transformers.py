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

__all__ = ["from_nanochat", "model_config", "nanochat_config", "to_nanochat"]

_BODY = "model."
_HEAD = "lm_head."
_FIRST_POSITION = 0  # the position token of a window that begins its document


def nanochat_config(config: ModelConfig) -> dict[str, Any]:
    """The config.json from which transformers builds the model."""
    return {
        "architectures": ["NanoChatForCausalLM"],
        "model_type": "nanochat",
        "dtype": "float32",
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


def model_config(values: Mapping[str, Any]) -> ModelConfig:
    """The reverse of `nanochat_config`.

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
    for name, expected in nanochat_config(config).items():
        if values.get(name) != expected:
            raise ValueError(f"{name} {values.get(name)!r} instead of {expected!r}")
    return config


def to_nanochat(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename a GPT's parameters as transformers does."""
    return {
        name if name.startswith(_HEAD) else _BODY + name: tensor
        for name, tensor in tensors.items()
    }


def from_nanochat(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The reverse of `to_nanochat`."""
    return {name.removeprefix(_BODY): tensor for name, tensor in tensors.items()}
