"""Samples of a run, one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ...data.errors import CheckpointError, DecodeError
from ...data.json_text import Json
from ...data.tokenizer import Tokenizer
from ..checkpoint import load_model
from ..device import compute_dtype, pick_device
from ..generate import Sampling, write_freely, write_sample
from ..model import GPT
from .documents import Ending

__all__ = ["Generator", "Sample", "Sampling"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One workflow, or what became of it."""

    number: int
    tokens: tuple[int, ...]
    value: Json
    """None if it is not whole."""
    ending: Ending


@dataclass(frozen=True, kw_only=True, slots=True)
class Generator:
    """A model that writes."""

    model: GPT
    tokenizer: Tokenizer

    @classmethod
    def load(cls, run_folder: Path, *, device: str = "auto") -> Self:
        """The model of a run's newest checkpoint.

        Raises:
            CheckpointError: no checkpoint, or one of another tokenizer than the run's.
        """
        place = pick_device(device)
        model, _, state = load_model(run_folder, device=place)
        model.compute_dtype = compute_dtype(place)
        tokenizer = Tokenizer.load(run_folder / "tokenizer.json")
        if tokenizer.digest != state.tokenizer_digest:
            raise CheckpointError(
                f"{run_folder / 'tokenizer.json'}: found tokenizer "
                f"{tokenizer.digest[:12]}…, the checkpoint was trained with "
                f"{state.tokenizer_digest[:12]}…",
                "restore the run's own tokenizer.json",
            )
        return cls(model=model, tokenizer=tokenizer)

    def samples(
        self, count: int, sampling: Sampling, *, constrained: bool = True
    ) -> Iterator[Sample]:
        """Samples in the order of their numbers, from 0."""
        write = self._constrained if constrained else self._free
        return (write(number, sampling) for number in range(count))

    def _constrained(self, number: int, sampling: Sampling) -> Sample:
        context = self.model.config.context
        budget, start = sampling.max_tokens or context, self.tokenizer.start()
        sample = write_sample(
            self.model, [], start, number, budget=budget, sampling=sampling
        )
        return Sample(
            number=number,
            tokens=sample.tokens,
            value=sample.value,
            ending="cut" if sample.is_cut else "finished",
        )

    def _free(self, number: int, sampling: Sampling) -> Sample:
        tokens = tuple(
            write_freely(self.model, self.tokenizer, number, sampling=sampling)
        )
        decoder, value = self.tokenizer.decoder(), None
        ending: Ending = "open"
        try:
            decoder.feed(tokens)
            if decoder.is_complete:
                ending, value = "finished", decoder.value()
        except DecodeError:
            ending = "broken"
        return Sample(number=number, tokens=tokens, value=value, ending=ending)
