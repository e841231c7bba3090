"""`data.context`: the context of a run, or one after the other.

    [[0, 512], [0.5, 1024]]     of 500 steps: 512 tokens from step 0, 1,024 from 250

`data/windows/stages.py` says what a phase changes.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from ..data.starts import first_steps
from ..data.windows import CONTEXT, STRIDE

__all__ = ["Contexts", "described", "phases_of", "read_context"]

Contexts = tuple[tuple[float, int], ...]
"""Where each context begins, as a share of the steps, and its length in tokens."""

_FORM = "an integer, or a list such as [[0, 512], [0.5, 1024]]"


def read_context(value: Any) -> int | Contexts | None:
    """Check a value of `data.context`, with its lists as tuples.

    Raises:
        ValueError: says what is expected.
    """
    if value is None:
        return None
    if type(value) is int:
        _check_length(value)
        return value
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise ValueError(_FORM)
    phases = tuple(map(_read_phase, value))
    if phases[0][0] != 0:
        raise ValueError("a first start of 0")
    starts = [start for start, _ in phases]
    if starts != sorted(set(starts)):
        raise ValueError("starts that rise")
    return phases


def _read_phase(value: Any) -> tuple[float, int]:
    if not isinstance(value, Sequence) or len(value) != 2:
        raise ValueError(_FORM)
    start, length = value
    if type(start) not in (int, float) or type(length) is not int:
        raise ValueError(_FORM)
    if not 0 <= start < 1:
        raise ValueError("starts from 0 to below 1, shares of the run's steps")
    _check_length(length)
    return float(start), length


def _check_length(length: int) -> None:
    if not 0 < length <= CONTEXT or length % STRIDE:
        raise ValueError(f"lengths that are multiples of {STRIDE} up to {CONTEXT:,}")


def phases_of(
    context: int | Contexts | None, *, most: int, steps: int
) -> list[tuple[int, int]]:
    """The first step and the length of each context.

    Args:
        context: as `read_context` returns it; None for `most`.
        most: the model's context.
        steps: of the whole run.

    Raises:
        ConfigError: a phase has no step.
    """
    if not isinstance(context, tuple):
        return [(0, context or most)]
    firsts = first_steps(
        # As it is written: the float 0.3 is a little less than three tenths.
        [Fraction(str(start)) for start, _ in context],
        steps,
        part="phase {} of data.context",
        hint="change where it begins, or run.steps",
    )
    return [(first, length) for first, (_, length) in zip(firsts, context, strict=True)]


def described(phases: Iterable[Sequence[int]]) -> str:
    """Phases in one line, such as `512 tokens, 44 windows per step; from step 9: …`.

    Args:
        phases: the first step, the context and the windows per step of each.
    """
    return "; ".join(
        (f"from step {step:,}: " if step else "")
        + f"{context:,} tokens, {windows:,} windows per step"
        for step, context, windows in phases
    )
