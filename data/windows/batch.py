"""The windows of a step as arrays: inputs, last tokens, and the targets they give."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..tokenizer import PAD
from .layouts import Arrangement
from .plan import Windows

__all__ = ["Batch"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """The windows of one optimiser step, or of one rank's slice of it.

    A window [a, b) at position p of `inputs` is its position token a // s, then its
    content t_a … t_(b-2).  Its last token t_(b-1) is no input, only a target, and
    is in `last`.  So the target of each position is the input after it; that of a
    window's last position is in `last`, and a PAD position has none.
    """

    epoch: int
    step: int
    """Number of the step in its epoch, from 0."""
    offset: int | None
    """Where the epoch first cuts long documents; None if each has its own."""
    windows: Windows
    """`document` is a row of docs.arrow."""
    num_targets: int
    """Content tokens of the whole step, over all ranks."""
    arrangement: Arrangement
    """Where each window lies in `inputs`."""
    inputs: NDArray[np.uint16]
    """(positions,) ids of all passes, back to back; PAD (8192) where no window is."""
    last: NDArray[np.uint16]
    """(windows,) the last token of each window."""

    @property
    def ends(self) -> NDArray[np.int64]:
        """(windows,) the last position of each window."""
        at = np.array(self.arrangement.at, dtype=np.int64)  # may be empty
        return at + self.windows.length - 1

    def targets(self) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
        """The target of each position, and whether there is one; (positions,) each."""
        targets = np.full_like(self.inputs, PAD)
        targets[:-1] = self.inputs[1:]
        targets[self.ends] = self.last
        return targets, self.inputs != PAD
