"""How weights follow the gradient: AdamW, Muon, the learning rate."""

from .optimizers import make_optimizers, optimizer_tensors, restore_optimizers

__all__ = [
    "make_optimizers",
    "optimizer_tensors",
    "restore_optimizers",
]
