"""Optimisers and the learning-rate schedule.

optimizers.py   AdamW for all, or Muon in the layers     muon.py
lr_schedule.py  linear warm-up, then one of four decay schedules
"""

from .optimizers import make_optimizers, optimizer_tensors, restore_optimizers

__all__ = [
    "make_optimizers",
    "optimizer_tensors",
    "restore_optimizers",
]
