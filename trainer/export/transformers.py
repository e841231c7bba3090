"""A GPT as Hugging Face transformers knows it: model type `nanochat`, no custom code.

The two compute the same, so nothing is converted: the shape has other names, and so
has every parameter.
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
    """The content of config.json that transformers builds the model from."""
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
        # What F.rms_norm adds where it is given nothing.
        "rms_norm_eps": torch.finfo(torch.float32).eps,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": False,
        "bos_token_id": _FIRST_POSITION,
        # A document ends with the close of its root, which is no token of its own.
        "eos_token_id": None,
        "pad_token_id": PAD,
    }


def model_config(values: Mapping[str, Any]) -> ModelConfig:
    """The shape that `nanochat_config` described.

    Raises:
        KeyError, TypeError, ConfigError: a field is missing or does not fit.
        ValueError: values that no GPT of ours has.
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
    """A GPT's parameters by the names that transformers gives them."""
    return {
        name if name.startswith(_HEAD) else _BODY + name: tensor
        for name, tensor in tensors.items()
    }


def from_nanochat(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The reverse of `to_nanochat`."""
    return {name.removeprefix(_BODY): tensor for name, tensor in tensors.items()}
