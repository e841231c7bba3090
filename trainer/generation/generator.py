"""Write documents with a trained model."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from ...data.errors import ConfigError, PromptError
from ...data.tokenizer import VOCAB_SIZE, Prompt, Rules, Tokenizer
from ...data.windows import STRIDE
from ..model import GPT
from ..training.device import pick_device
from .forward import Reader
from .samplers import ConstrainedWriter, FreeWriter, Sample, Writer
from .sampling import Sampling

__all__ = ["Generator"]


@dataclass(frozen=True, slots=True)
class Generator:
    """A model in eval mode and the tokenizer that it was trained with."""

    model: GPT
    tokenizer: Tokenizer
    step: int | None = None
    """Optimiser steps that the model was trained for; None if unknown."""
    rules: Rules | None = None
    """What samples without a prompt must keep to, None for the default of the kind; a
    prompt has its own."""

    @staticmethod
    def load(
        folder: Path | str,
        *,
        device: str = "auto",
        dtype: str = "float32",
        rules: Rules | None = None,
    ) -> "Generator":
        """Load a model and its tokenizer.

        Args:
            folder: a run, of which the best checkpoint is read, a checkpoint, or an
                export.
            device: "auto", "cpu", "cuda" or "cuda:1".
            dtype: of the matrix products, "float32" or "bfloat16".
            rules: what samples must keep to; None is the default of their kind.

        Raises:
            CheckpointError: no checkpoint, or one of another tokenizer than the run's.
            FormatError: an export that is not as it was written.
            ConfigError: the kind has no such rules.
        """
        # Not at the top: training samples without what loads and writes exports.
        from ..export.load import load_trained

        trained = load_trained(Path(folder), device=pick_device(device))
        rules = trained[1].kind.pick_rules(rules)
        trained[0].pack(getattr(torch, dtype))
        return Generator(*trained, rules=rules)

    def samples(
        self,
        count: int,
        sampling: Sampling | None = None,
        *,
        prompt: Prompt | None = None,
        constrained: bool = True,
        batch_size: int = 32,
        first: int = 0,
    ) -> Iterator[Sample]:
        """Write samples; yields them in order, as they are finished.

        Sample n depends only on the model, the prompt, the sampling and n: not on the
        batch size, nor on the other samples.

        Args:
            count: number of samples.
            sampling: how tokens are drawn; None for the defaults.
            prompt: how each sample begins; None for nothing.
            constrained: whether to draw under the grammar's masks.
            batch_size: samples written at once.
            first: number of the first sample.

        Raises:
            ConfigError: a budget that position tokens cannot count.
            PromptError: the prompt cannot be closed within the budget.
        """
        new = self._writers(sampling or Sampling(), prompt, constrained)
        ended: dict[int, Sample] = {}
        following = first
        for sample in self._write(new, range(first, first + count), batch_size):
            ended[sample.number] = sample
            while following in ended:
                yield ended.pop(following)
                following += 1

    def stream(
        self,
        number: int,
        sampling: Sampling,
        *,
        prompt: Prompt | None = None,
        constrained: bool = True,
    ) -> Iterator[Writer]:
        """Write one sample; yields its writer after every step.

        Arguments and errors are those of `samples`, which gives the same sample.
        """
        writer = self._writers(sampling, prompt, constrained)(number)
        yield writer
        if writer.is_done:
            return
        reader = Reader(self.model, 1)
        logits = reader.begin(writer.tokens)
        reader.restart(0)
        while True:
            writer.take(logits)
            yield writer
            if writer.is_done:
                return
            logits = reader.read({0: writer.tokens})[0]

    def _writers(
        self, sampling: Sampling, prompt: Prompt | None, constrained: bool
    ) -> Callable[[int], Writer]:
        """A function from a sample's number to its writer."""
        prompt = prompt or self.tokenizer.open(None, rules=self.rules)
        budget = sampling.max_tokens or self.model.config.context
        most = VOCAB_SIZE * STRIDE
        if budget > most:
            raise ConfigError(
                f"max-tokens: found {budget:,}, expected at most {most:,}, "
                "as far as position tokens count",
                "change the option",
            )
        room = budget - len(prompt.ids)
        if not prompt.state.fits(room) or room < 0:
            raise PromptError(
                f"the prompt takes {len(prompt.ids):,} tokens, and the shortest end of "
                f"it {len(prompt.state.shortest_completion()):,}, "
                f"found a budget of {budget:,}",
                "shorten the prompt or raise --max-tokens",
            )
        writer = ConstrainedWriter if constrained else FreeWriter
        return lambda number: writer(
            self.tokenizer, prompt, number, sampling=sampling, budget=budget
        )

    def _write(
        self, new: Callable[[int], Writer], numbers: range, batch_size: int
    ) -> Iterator[Sample]:
        """Yield samples as they end; a free row of the batch takes the next one."""
        rows = min(batch_size, len(numbers))
        reader = Reader(self.model, rows)
        start = new(numbers.start)
        opening = None if start.is_done else reader.begin(start.tokens)
        waiting, idle = numbers, list(range(rows))
        writing: dict[int, Writer] = {}
        while waiting or writing:
            while waiting and idle:
                writer, waiting = new(waiting[0]), waiting[1:]
                if opening is not None:
                    writer.take(opening)
                if writer.is_done:
                    yield writer.sample()
                    continue
                row = idle.pop()
                reader.restart(row)
                writing[row] = writer
            logits = reader.read({row: w.tokens for row, w in writing.items()})
            for row, row_logits in zip(list(writing), logits, strict=True):
                writing[row].take(row_logits)
                if writing[row].is_done:
                    yield writing.pop(row).sample()
                    idle.append(row)
