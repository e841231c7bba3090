"""Validation: how well the model predicts a whole split, each token counted once."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice

import torch

from ...data.store import Mixture, Store
from ...data.windows.batches import Batches
from ..runs.state import Validation
from .learner import Learner
from .loader import Loader

__all__ = ["remarks", "validate", "validate_each"]


def remarks(store: Store) -> Iterator[str]:
    """Say what is odd about the validation documents of a store or a mixture."""
    if not len(store.rows("val")):
        yield "the validation split is empty: nothing is evaluated"
    if isinstance(store, Mixture) and (num := store.num_leaked):
        yield f"validation documents in another training split: {num:,}"


def validate_each(
    learner: Learner,
    parts: Mapping[str, Batches],
    *,
    should_stop: Callable[[], bool] = lambda: False,
) -> Validation | None:
    """Evaluate the model on each store of a mixture, and on all together.

    Returns:
        None if every split is empty, or `should_stop` returned True in between.
    """
    found = {}
    for name, batches in parts.items():
        if not len(batches.documents):
            continue
        part = validate(learner, batches, should_stop=should_stop)
        if part is None:
            return None
        found[name] = part
    if len(parts) == 1:
        return next(iter(found.values()), None)
    return Validation.of_all(found) if found else None


@torch.no_grad()
def validate(
    learner: Learner,
    batches: Batches,
    *,
    should_stop: Callable[[], bool] = lambda: False,
) -> Validation | None:
    """Evaluate the model on epoch 0 of a split.

    All processes call it together, read one slice each, and get the same figures.

    Returns:
        None if the split is empty, or `should_stop` returned True between two batches.
    """
    if not len(batches.documents):
        return None
    world = learner.world
    learner.model.eval()
    # In float64: a split has millions of tokens.
    loss_sum = torch.zeros((), dtype=torch.float64, device=world.device)
    tokens = 0
    with Loader(batches, world.device) as loader:
        for batch in islice(loader, batches.num_steps(0)):
            if world.any(should_stop()):
                return None
            tokens += batch.num_targets
            for part in batch.micro_batches:
                loss_sum += learner.loss_sum(part.inputs, part.targets, part.bounds)
    num_bytes = batches.store.docs["n_bytes"].to_numpy()[batches.documents]
    return Validation(
        nats=world.total(loss_sum).item(),
        tokens=tokens,
        documents=len(batches.documents),
        canonical_bytes=int(num_bytes.sum()),
    )
