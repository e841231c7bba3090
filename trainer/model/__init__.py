"""The GPT, its attention and loss, and what it costs.

    gpt.py        the model           attention.py   packed rows
    loss.py       in chunks           flops.py, memory.py

Weights are float32, whatever products are computed in.
"""

from .gpt import GPT, IGNORE_INDEX, count_parameters, init_weights, loss_sum

__all__ = [
    "GPT",
    "IGNORE_INDEX",
    "count_parameters",
    "init_weights",
    "loss_sum",
]
