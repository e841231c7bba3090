"""Sample workflows during training, to read and to count.

Each sample is written twice: under the grammar's masks, and freely, which shows how
much of the grammar the model itself has learnt.  A free sample may never end, or break
off at a token that no document continues.

    RUN/samples/step-000100.jsonl
    {"number": 0, "is_free": false, "is_finished": true, "is_valid": true, "text": …}
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ...data.errors import DecodeError
from ...data.files import write_atomic
from ...data.tokenizer import Tokenizer
from ..generation import Generator, Sample, Sampling
from ..model import GPT
from ..runs.state import SampleRates

__all__ = ["Written", "rates", "save_samples", "write_samples"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """One sample."""

    number: int
    """From 0; the free sample of the same number uses the same random numbers."""
    is_free: bool
    """Whether it was written without masks."""
    is_finished: bool
    """Whether the model closed it."""
    is_valid: bool
    """Whether it is a whole document without an escape, and so on the schema."""
    text: str
    """Its JSON, possibly incomplete."""


def write_samples(
    model: GPT,
    tokenizer: Tokenizer,
    number: int,
    *,
    seed: int,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Written] | None:
    """Let the model write `number` workflows under masks and as many freely.

    The temperature is 1, so that samples follow the model's own distribution.  The same
    weights and seed give the same samples.

    Args:
        model: to sample from.
        tokenizer: of the store that the model trains on.
        number: samples of each kind.
        seed: of the random numbers.
        should_stop: asked after each sample.

    Returns:
        None if `should_stop` returned True.
    """
    was_training = model.training
    model.eval()
    generator, written = Generator(model, tokenizer), []
    try:
        for is_free in (False, True):
            samples = generator.samples(
                number, Sampling(seed=seed), constrained=not is_free
            )
            for sample in samples:
                if should_stop():
                    return None
                written.append(_written(tokenizer, sample, is_free=is_free))
    finally:
        model.train(was_training)
    return written


def rates(written: list[Written]) -> SampleRates:
    """Shares of finished and of valid samples, by kind."""

    def share(name: str, *, is_free: bool) -> float:
        flags: list[bool] = [
            getattr(one, name) for one in written if one.is_free == is_free
        ]
        return sum(flags) / len(flags)

    return SampleRates(
        constrained_finished=share("is_finished", is_free=False),
        constrained_valid=share("is_valid", is_free=False),
        free_finished=share("is_finished", is_free=True),
        free_valid=share("is_valid", is_free=True),
    )


def save_samples(run_folder: Path, written: list[Written], *, step: int) -> Path:
    """Write RUN/samples/step-….jsonl, one sample per line; returns the file."""
    path = run_folder / "samples" / f"step-{step:06d}.jsonl"
    lines = [json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in written]
    write_atomic(path, lambda file: file.write("".join(lines).encode()))
    return path


def _written(tokenizer: Tokenizer, sample: Sample, *, is_free: bool) -> Written:
    # Encode again, to check the masks independently.
    is_valid = sample.is_whole and tokenizer.is_on_schema(
        tokenizer.encode(sample.value)
    )
    return Written(
        number=sample.number,
        is_free=is_free,
        is_finished=sample.ending == "finished",
        is_valid=is_valid,
        text=_text(tokenizer, sample.tokens),
    )


def _text(tokenizer: Tokenizer, tokens: Sequence[int]) -> str:
    """The JSON of the longest prefix that some document begins with."""
    try:
        return tokenizer.decode_prefix(tokens).text
    except DecodeError as error:
        return _text(tokenizer, tokens[: error.position])
