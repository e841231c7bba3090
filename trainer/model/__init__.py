"""The GPT, its loss, and the cost of training it.

    gpt.py        the model             attention.py   causal attention in packed rows
    initial.py    first weights         packed.py      weights for generation on a CPU
    loss.py       loss in chunks        cost.py        operations and memory

Weights are float32; `GPT.compute_dtype` is the type of the matrix products.
"""

from .gpt import GPT, IGNORE_INDEX, compute_dtype, loss_sum
from .initial import init_weights

__all__ = [
    "GPT",
    "IGNORE_INDEX",
    "compute_dtype",
    "init_weights",
    "loss_sum",
]
