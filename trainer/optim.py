"""AdamW, and its state as tensors with names."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from .config import OptimConfig
from .model import GPT

__all__ = ["make_optimizer", "optimizer_tensors", "restore_optimizer"]

# What AdamW remembers of each parameter.
_STATE = ("step", "exp_avg", "exp_avg_sq")
_FUSED = ("cpu", "cuda")


def make_optimizer(model: GPT, optim: OptimConfig) -> torch.optim.AdamW:
    """AdamW over all parameters; weight decay on the matrices inside the layers.

    The embedding and the head are left to move freely: decay pulls the rows of rare
    tokens to zero, which have few gradients to push back.
    """
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        is_hidden_matrix = name.startswith("layers.") and parameter.ndim == 2
        (decayed if is_hidden_matrix else free).append(parameter)
    device = next(model.parameters()).device
    return torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": optim.weight_decay},
            {"params": free, "weight_decay": 0.0},
        ],
        lr=optim.lr,
        betas=(optim.beta1, optim.beta2),
        # One pass over memory instead of a dozen: 3 times as fast on a CPU.
        fused=device.type in _FUSED,
    )


def optimizer_tensors(model: GPT, optimizer: torch.optim.AdamW) -> dict[str, Tensor]:
    """The state of every parameter as "<parameter>.<exp_avg | exp_avg_sq | step>"."""
    return {
        f"{name}.{key}": optimizer.state[parameter][key]
        for name, parameter in model.named_parameters()
        for key in _STATE
    }


def restore_optimizer(
    model: GPT, optimizer: torch.optim.AdamW, tensors: Mapping[str, Tensor]
) -> None:
    """Put back what `optimizer_tensors` gave.

    Raises:
        KeyError: the state of a parameter is missing.
    """
    for name, parameter in model.named_parameters():
        optimizer.state[parameter] = {
            key: tensors[f"{name}.{key}"].to(parameter.device) for key in _STATE
        }
