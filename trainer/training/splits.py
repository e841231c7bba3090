"""The batches of a run's splits."""

from collections.abc import Mapping, Sequence

from ...data.errors import ConfigError
from ...data.store import Mixture, Split, Store, stores_in
from ...data.windows import Policy
from ...data.windows.batches import Batches
from ...data.windows.stages import Phase
from ..config import Config
from ..contexts import described
from .device import pick_compile, pick_layout
from .distributed import World

__all__ = [
    "check_time_limit",
    "run_notes",
    "training_batches",
    "validation_batches",
    "validation_parts",
]


def check_time_limit(store: Store, config: Config) -> None:
    """Check that a run may be limited by its time, which changes its steps.

    Raises:
        ConfigError: a part of it begins at a share of the steps, and would move.
    """
    parts = {
        "data.context has several phases": len(config.phases) > 1,
        "a stage of the mixture begins at a share of the steps": (
            isinstance(store, Mixture) and store.has_shares
        ),
    }
    for found, is_there in parts.items():
        if is_there:
            raise ConfigError(
                f"run.seconds: {found}, expected none in a run that is given a time: "
                "its steps change with its speed",
                "give run.steps instead of a time (--max-minutes)",
            )


def training_batches(store: Store, config: Config, world: World) -> Batches:
    """The training batches of one process.

    Raises:
        ConfigError: see `check_time_limit`, or a part of the run has no step.
    """
    if config.run.seconds is not None:
        check_time_limit(store, config)
    policy, phases = config.data.windows, config.phases
    return _batches(store, "train", config, world, policy=policy, phases=phases)


def validation_batches(store: Store, config: Config, world: World) -> Batches:
    """The validation batches of one process: each token once, under any policy.

    They have the model's context in all phases of a run, so that losses compare.
    """
    return _batches(store, "val", config, world, policy="sequential")


def validation_parts(store: Store, config: Config, world: World) -> dict[str, Batches]:
    """The validation batches of each store that has any, by its name."""
    parts = {
        name: validation_batches(each, config, world)
        for name, each in stores_in(store).items()
    }
    return {name: part for name, part in parts.items() if len(part.documents)}


def run_notes(training: Batches, parts: Mapping[str, Batches]) -> list[str]:
    """What to know before one reads the figures of a run.

    Args:
        training: its training batches.
        parts: the validation batches of each store.
    """
    notes, store = [], training.store
    if training.changes_context:
        notes.append(f"context: {described(training.phases)}")
    if not parts:
        notes.append("the validation split is empty: nothing is evaluated")
    if isinstance(store, Mixture) and store.num_leaked:
        notes.append(
            f"validation documents in another training split: {store.num_leaked:,}"
        )
    return notes


def _batches(
    store: Store,
    split: Split,
    config: Config,
    world: World,
    *,
    policy: Policy,
    phases: Sequence[Phase] = (),
) -> Batches:
    device = world.device
    layout, micro_batch = pick_layout(device, config.run.layout, config.run.micro_batch)
    return Batches(
        store,
        split,
        batch_size=config.data.batch_size,
        seed=config.data.seed,
        policy=policy,
        layout=layout,
        rows=micro_batch,
        # A program is compiled for each shape, and a GPU keeps memory for each.
        static=device.type != "cpu" or pick_compile(device, config.run.compile),
        context=config.model.context,
        rank=world.rank,
        world_size=world.size,
        steps=config.run.steps,
        phases=phases,
    )
