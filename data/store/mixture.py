"""Several stores of one tokenizer, read as one.

    rows     0 … a-1       a … a+b-1
    store    github        gitlab           each with its own rows 0, 1, …

The rows of a mixture are those of its stores, one store after the other, and a path
begins with the name of its store.  Nothing is copied but the small columns of
docs.arrow.  `data/windows/schedule.py` says which windows an epoch has.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ConfigError
from ..files import name_text
from ..starts import first_steps
from ..tokenizer import Tokenizer
from .shards import Shards
from .store import SPLITS, Store

__all__ = ["MixStage", "Mixture", "Weights", "mix", "stores_in"]

Weights = tuple[Fraction, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class MixStage:
    """Weights that hold for a part of a run."""

    after: Fraction
    """Where it begins: below 1 a share of the run's steps, from 1 on a step."""
    weights: Weights
    """Of each store: the passes over it in an epoch; 0 leaves it out."""


@dataclass(frozen=True, kw_only=True)
class Mixture(Store):
    """Several stores, read as one; made by `mix`."""

    stores: tuple[Store, ...]
    stages: tuple[MixStage, ...]
    spelled: tuple[str, ...]

    @property
    def arguments(self) -> tuple[str, ...]:
        """How the command line spells it."""
        return self.spelled

    @property
    def is_here(self) -> bool:
        """Whether every shard of every store is on this machine."""
        return all(store.is_here for store in self.stores)

    def expect(self, shards: Iterable[int]) -> None:
        """Say which shards will be read, in this order."""
        wanted, first = list(shards), 0
        for store in self.stores:
            end = first + len(store.shards)
            store.expect([shard - first for shard in wanted if first <= shard < end])
            first = end

    @property
    def first_rows(self) -> list[int]:
        """The first row of each store."""
        ends = np.cumsum([len(store) for store in self.stores])
        return [0, *ends[:-1].tolist()]

    @property
    def weights(self) -> list[list[str]]:
        """The stages as JSON values: where each begins, and its weights."""
        return [[str(s.after), *map(str, s.weights)] for s in self.stages]

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of all stores."""
        return self.stores[0].tokenizer

    @property
    def num_leaked(self) -> int:
        """Validation documents that another store has for training."""
        ids = np.ascontiguousarray(self.digests("sha256")).view("V32")[:, 0]
        return int(np.isin(ids[self.rows("val")], ids[self.rows("train")]).sum())

    def name_of(self, row: int) -> str:
        """The name of the store that a row belongs to."""
        number = np.searchsorted(self.first_rows, row, side="right") - 1
        return list(stores_in(self))[int(number)]

    @property
    def has_shares(self) -> bool:
        """Whether a stage begins at a share of the run's steps."""
        return any(0 < stage.after < 1 for stage in self.stages)

    def stages_of(self, steps: int | None) -> list[tuple[int, Weights]]:
        """The first step of each stage, and its weights.

        Args:
            steps: of the whole run; None if no stage begins at a share of them.

        Raises:
            ConfigError: a stage has no step.
        """
        firsts = first_steps(
            [stage.after for stage in self.stages],
            steps,
            part="stage {} of the mixture",
            hint="change its after, or the steps of the run",
        )
        weights = [stage.weights for stage in self.stages]
        return list(zip(firsts, weights, strict=True))

    def __str__(self) -> str:
        """One line for logs."""
        return f"{len(self.stores)} stores: " + "; ".join(map(str, self.stores))


def stores_in(store: Store) -> dict[str, Store]:
    """The stores of a mixture, or the store itself, by names that all differ."""
    return _named(store.stores if isinstance(store, Mixture) else [store])


def mix(
    stores: Sequence[Store],
    stages: Sequence[MixStage],
    *,
    arguments: Sequence[str] = (),
) -> Mixture:
    """Read several stores as one.

    Args:
        stores: of one tokenizer.
        stages: the first begins at step 0.
        arguments: how the command line spells the mixture.

    Raises:
        ConfigError: a store has no document to train on or another tokenizer, or is
            there twice.
    """
    _check(stores)
    digests = "\n".join(store.digest for store in stores)
    shards = np.cumsum([0, *(len(store.shards) for store in stores)])
    return Mixture(
        folder=stores[0].folder,
        manifest={
            "digest": hashlib.sha256(digests.encode()).hexdigest(),
            "tokenizer": stores[0].manifest.get("tokenizer"),
            "splits": _sums([store.manifest.get("splits", {}) for store in stores]),
        },
        docs=pa.concat_tables(
            _named_docs(store, name) for name, store in _named(stores).items()
        ),
        shards=Shards(
            [
                partial(store.shards.__getitem__, number)
                for store in stores
                for number in range(len(store.shards))
            ]
        ),
        shard=np.concatenate(
            [
                store.shard.astype(np.int64) + first
                for store, first in zip(stores, shards[:-1], strict=True)
            ]
        ),
        offset=np.concatenate([store.offset for store in stores]),
        length=np.concatenate([store.length for store in stores]),
        stores=tuple(stores),
        stages=tuple(stages),
        spelled=tuple(arguments),
    )


def _named(stores: Iterable[Store]) -> dict[str, Store]:
    found: dict[str, Store] = {}
    for store in stores:
        name = wanted = name_text(store.folder.resolve().name)
        number = 1
        while name in found:
            number += 1
            name = f"{wanted}-{number}"
        found[name] = store
    return found


def _check(stores: Sequence[Store]) -> None:
    first, seen = stores[0], dict[str, Store]()
    for store in stores:
        if not len(store.rows("train")):
            raise ConfigError(
                f"{store.folder}: found no document in the train split, expected at "
                "least one",
                "leave this store out, or prepare it from more documents",
            )
        ours, theirs = (each.manifest.get("tokenizer") for each in (store, first))
        if ours != theirs:
            raise ConfigError(
                f"{store.folder}: found tokenizer {str(ours)[:12]}, expected "
                f"{str(theirs)[:12]} as in {first.folder}",
                "prepare all stores with one tokenizer (tct prepare --tokenizer)",
            )
        if (other := seen.setdefault(store.digest, store)) is not store:
            raise ConfigError(
                f"{store.folder}: found the same store as {other.folder}",
                f"give it once, with a weight such as {other.folder}=2",
            )


def _named_docs(store: Store, name: str) -> pa.Table:
    column = store.docs.schema.get_field_index("path")
    paths = pc.binary_join_element_wise(name, store.docs["path"], "/")
    field = store.docs.schema.field(column)
    return store.docs.set_column(column, field, paths)


def _sums(splits: Sequence[Mapping[str, Mapping[str, int]]]) -> dict[str, Any]:
    """Documents, tokens and bytes of each split, over all stores."""
    return {
        split: dict(sum((Counter(each.get(split, {})) for each in splits), Counter()))
        for split in SPLITS
    }
