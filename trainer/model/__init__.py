"""TODO."""

from .gpt import (
    GPT,
    IGNORE_INDEX,
    count_parameters,
    init_weights,
    loss_sum,
)

__all__ = [
    "GPT",
    "IGNORE_INDEX",
    "count_parameters",
    "init_weights",
    "loss_sum",
]
