"""How well the model predicts a whole split.

Epoch 0 is read once and every token counts the same.  The figure that
compares across tokenizers is bits per canonical byte: what it would cost to send the
documents' canonical JSON with this model, per byte.
"""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

from ...data.windows.batches import Batches
from .learner import Learner
from .loader import Loader

__all__ = ["Evaluation", "evaluate"]

_MOST_NATS = math.log(sys.float_info.max)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """Figures of one split."""

    nats: float
    """Sum of the loss over all tokens."""
    tokens: int
    documents: int
    canonical_bytes: int
    """Length of the documents' canonical JSON."""

    def __post_init__(self) -> None:
        """Refuse counts that no split has."""
        if min(self.tokens, self.documents, self.canonical_bytes) < 1:
            raise ValueError(f"{self}: expected counts above 0")

    @property
    def loss(self) -> float:
        """Nats per token."""
        return self.nats / self.tokens

    @property
    def perplexity(self) -> float:
        """Equally likely choices per token, e to the loss."""
        return math.exp(self.loss) if self.loss < _MOST_NATS else math.inf

    @property
    def bits_per_byte(self) -> float:
        """Bits per byte of canonical JSON."""
        return self.nats / math.log(2) / self.canonical_bytes

    @property
    def nats_per_document(self) -> float:
        """Nats per document."""
        return self.nats / self.documents

    def figures(self) -> dict[str, Any]:
        """The derived figures by name, for metrics.jsonl."""
        return {
            "val_loss": self.loss,
            "perplexity": self.perplexity,
            "bits_per_byte": self.bits_per_byte,
            "nats_per_document": self.nats_per_document,
            "val_tokens": self.tokens,
        }


@torch.no_grad()
def evaluate(
    learner: Learner,
    batches: Batches,
    *,
    should_stop: Callable[[], bool] = lambda: False,
) -> Evaluation | None:
    """Figures of the split that `batches` reads, or None where there is none to give.

    That is: the split is empty, or `should_stop` said yes between two batches.  Several
    processes read their slice each, call it together and get the same figures.
    """
    if not len(batches.documents):
        return None
    world = learner.world
    learner.model.eval()
    # In float64: a split has millions of tokens.
    nats = torch.zeros((), dtype=torch.float64, device=world.device)
    tokens = 0
    with Loader(batches, world.device) as loader:
        for batch in islice(loader, batches.num_steps(0)):
            if world.any(should_stop()):
                return None
            tokens += batch.num_targets
            for part in batch.passes:
                nats += learner.nats(part.inputs, part.targets, part.bounds)
    num_bytes = batches.store.docs["n_bytes"].to_numpy()[batches.documents]
    return Evaluation(
        nats=world.total(nats).item(),
        tokens=tokens,
        documents=len(batches.documents),
        canonical_bytes=int(num_bytes.sum()),
    )
