"""Write samples in four ways: under masks or freely, at temperature 1 or sharpened."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

from ...data.kinds import Kind
from ...data.tokenizer import Rules, Tokenizer
from ..generation import Generator, Sampling
from .columns import DocumentSet
from .documents import written

__all__ = ["Settings", "write_sets"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The number of samples and how they are drawn."""

    samples: int = 32
    """Per seed, in each of the four ways."""
    seeds: int = 3
    """Number of seeds: 0, 1, 2, …"""
    temperature: float = 0.7
    """Of the sharpened samples; the others have 1."""
    top_p: float = 0.9
    """Of the sharpened samples; the others are unfiltered."""

    rules: Rules | None = None
    """What samples under masks must keep to; None is the default of their kind."""

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn with, before anything is written."""
        self.sampling(0, sharp=True)

    def of(self, kind: Kind) -> "Settings":
        """The same settings, with rules that a kind has.

        Raises:
            ConfigError: it has no such rules.
        """
        return replace(self, rules=kind.pick_rules(self.rules))

    def sampling(self, seed: int, *, sharp: bool) -> Sampling:
        """How samples are drawn."""
        if not sharp:
            return Sampling(seed=seed)
        return Sampling(seed=seed, temperature=self.temperature, top_p=self.top_p)


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
    for constrained, sharp in product((True, False), (False, True)):
        drawn = settings.sampling(0, sharp=sharp)
        name = f"{'constrained' if constrained else 'free'} T={drawn.temperature:g}"
        name += "" if drawn.top_p is None else f" p={drawn.top_p:g}"
        by_seed = []
        for seed in range(settings.seeds):
            sampling = settings.sampling(seed, sharp=sharp)
            begun = time.perf_counter()
            samples = generator.samples(
                settings.samples, sampling, constrained=constrained
            )
            by_seed.append([written(s.value, s.ending, tokenizer) for s in samples])
            seconds = time.perf_counter() - begun
            note(f"wrote {name} seed {seed}: {settings.samples:,} in {seconds:.0f} s")
        sets.append(DocumentSet(name=name, by_seed=by_seed))
    return sets
