"""Workflows that a model writes while it learns, to look at and to count.

Each is written twice: under the grammar's masks, and freely, which shows what the model
itself has learnt of the grammar.  A free one may end nowhere, or at a token with which
no document goes on.

    RUN/samples/step-000100.jsonl
    {"number": 0, "is_free": false, "is_finished": true, "is_valid": true, "text": …}
"""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ..data.errors import DecodeError
from ..data.files import write_atomic
from ..data.tokenizer import Tokenizer
from .generate import Sampling, write_freely, write_sample
from .model import GPT
from .state import SampleRates

__all__ = ["Written", "rates", "save_samples", "write_samples"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """One workflow."""

    number: int
    """From 0; the free one of the same number drew with the same luck."""
    is_free: bool
    """Whether it was written without masks."""
    is_finished: bool
    """Whether the model closed it."""
    is_valid: bool
    """Whether it is a whole document without an escape, so one on the schema."""
    text: str
    """Its JSON, as far as it goes."""


def write_samples(
    model: GPT,
    tokenizer: Tokenizer,
    number: int,
    *,
    seed: int,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Written] | None:
    """Let the model write `number` workflows under masks and as many freely.

    Temperature is 1, so that they are the model's own.  The same weights write the same
    ones.

    Args:
        model: whose grammar is the tokenizer's.
        tokenizer: of the store that it learns from.
        number: how many of each kind.
        seed: key of what is drawn.
        should_stop: asked before each; if it says yes, there are none.
    """
    was_training = model.training
    model.eval()
    written = []
    try:
        for is_free in (False, True):
            for i in range(number):
                if should_stop():
                    return None
                write = _write_freely if is_free else _write_constrained
                written.append(write(model, tokenizer, i, Sampling(seed=seed)))
    finally:
        model.train(was_training)
    return written


def rates(written: list[Written]) -> SampleRates:
    """Shares of what `write_samples` gave."""

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
    """Write them beside the run's other files, one per line; returns the file."""
    path = run_folder / "samples" / f"step-{step:06d}.jsonl"
    lines = [json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in written]
    write_atomic(path, lambda file: file.write("".join(lines).encode()))
    return path


def _write_constrained(
    model: GPT, tokenizer: Tokenizer, number: int, sampling: Sampling
) -> Written:
    context = model.config.context
    start = tokenizer.start()
    sample = write_sample(model, [], start, number, budget=context, sampling=sampling)
    # Encoded anew: the masks are not asked whether they did their work.
    is_valid = tokenizer.is_on_schema(tokenizer.encode(sample.value))
    return Written(
        number=number,
        is_free=False,
        is_finished=not sample.is_cut,
        is_valid=is_valid,
        text=_text(tokenizer, sample.tokens),
    )


def _write_freely(
    model: GPT, tokenizer: Tokenizer, number: int, sampling: Sampling
) -> Written:
    tokens = write_freely(model, tokenizer, number, sampling=sampling)
    is_finished = is_valid = False
    with suppress(DecodeError):
        value = tokenizer.decode(tokens)
        is_finished = True
        is_valid = tokenizer.is_on_schema(tokenizer.encode(value))
    return Written(
        number=number,
        is_free=True,
        is_finished=is_finished,
        is_valid=is_valid,
        text=_text(tokenizer, tokens),
    )


def _text(tokenizer: Tokenizer, tokens: Sequence[int]) -> str:
    """The JSON of some tokens, as far as they are those of a document."""
    try:
        return tokenizer.decode_prefix(tokens).text
    except DecodeError as error:
        return _text(tokenizer, tokens[: error.position])
