"""A trained model that writes workflows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...data.errors import ConfigError, PromptError
from ...data.tokenizer import VOCAB_SIZE, Prompt, Tokenizer
from ...data.windows import STRIDE
from ..export.load import load_trained
from ..model import GPT
from ..training.device import pick_device
from .forward import Reader
from .samplers import ConstrainedWriter, FreeWriter, Sample, Writer
from .sampling import Sampling

__all__ = ["BATCH_SIZE", "Generator"]

BATCH_SIZE = 32
"""Documents that are written side by side unless something else is asked for."""


@dataclass(frozen=True, slots=True)
class Generator:
    """A model in eval mode and the tokenizer that it was trained with."""

    model: GPT
    tokenizer: Tokenizer
    step: int | None = None
    """Of the run whose weights these are, after how many steps; None if unknown."""

    @staticmethod
    def load(folder: Path | str, *, device: str = "auto") -> "Generator":
        """A model of a run, of which the best checkpoint is read, or of an export.

        Args:
            folder: what `tct train` or `tct export` wrote, or a checkpoint.
            device: "auto", "cpu", "cuda" or "cuda:1".

        Raises:
            CheckpointError: no checkpoint, or one of another tokenizer than the run's.
            FormatError: an export that is not as it was written.
        """
        return Generator(*load_trained(Path(folder), device=pick_device(device)))

    def samples(
        self,
        count: int,
        sampling: Sampling | None = None,
        *,
        prompt: Prompt | None = None,
        constrained: bool = True,
        batch_size: int = BATCH_SIZE,
        first: int = 0,
    ) -> Iterator[Sample]:
        """Some documents, in the order of their numbers, as they are finished.

        Sample n depends on the model, the prompt, the sampling and n: not on the batch
        size, and not on which other samples are written.

        Args:
            count: how many.
            sampling: how tokens are drawn; None for the defaults.
            prompt: what each begins with; None for nothing.
            constrained: whether the grammar's masks say what may follow.
            batch_size: how many are written side by side.
            first: number of the first.

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
        """The writer of one sample, each time that it has gone on.

        Arguments and errors as for `samples`, which gives the same one.
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
        """What makes the writer of each sample."""
        prompt = prompt or self.tokenizer.open(None)
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
        """Samples as they end; a row of the batch that is free takes the next."""
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
