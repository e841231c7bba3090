"""Write samples in four ways: under masks or freely, at temperature 1 or sharpened."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

from ...data.tokenizer import Tokenizer
from ..generation import Generator, Sampling
from .columns import DocumentSet
from .documents import written

__all__ = ["Settings", "write_sets"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The number of samples and how they are drawn."""

    samples: int
    """Per seed, in each of the four ways."""
    seeds: int
    """Number of seeds: 0, 1, 2, …"""
    temperature: float
    """Of the sharpened samples; the others have 1."""
    top_p: float
    """Of the sharpened samples; the others are unfiltered."""


def write_sets(
    generator: Generator,
    tokenizer: Tokenizer,
    settings: Settings,
    *,
    note: Callable[[str], None],
) -> list[DocumentSet]:
    """Write one set of samples in each way.

    Args:
        generator: of the run.
        tokenizer: of its store.
        settings: of the samples.
        note: called with a line after each seed.
    """
    sets = []
    sharp = settings.temperature, settings.top_p
    for constrained, (temperature, top_p) in product(
        (True, False), ((1.0, None), sharp)
    ):
        name = f"{'constrained' if constrained else 'free'} T={temperature:g}"
        name += "" if top_p is None else f" p={top_p:g}"
        by_seed = []
        for seed in range(settings.seeds):
            sampling = Sampling(seed=seed, temperature=temperature, top_p=top_p)
            begun = time.perf_counter()
            samples = generator.samples(
                settings.samples, sampling, constrained=constrained
            )
            by_seed.append([written(s.value, s.ending, tokenizer) for s in samples])
            seconds = time.perf_counter() - begun
            note(f"wrote {name} seed {seed}: {settings.samples:,} in {seconds:.0f} s")
        sets.append(DocumentSet(name=name, by_seed=by_seed))
    return sets
