"""Where the parts of a run begin: at shares of its steps, or at steps."""

from collections.abc import Sequence
from fractions import Fraction

from .errors import ConfigError

__all__ = ["first_steps"]


def first_steps(
    afters: Sequence[Fraction], steps: int | None, *, part: str, hint: str
) -> list[int]:
    """The first step of each part of a run.

    Args:
        afters: where each begins: below 1 a share of the run's steps, from 1 on a step.
        steps: of the whole run; None if no part begins at a share of them.
        part: what it is, with its number: `stage {} of the mixture`.
        hint: what to do about a part without a step.

    Raises:
        ConfigError: a part has no step.
    """
    found = [_first_step(after, steps) for after in afters]
    for number in range(1, len(found)):
        before, step = found[number - 1 : number + 1]
        if step <= before or (steps is not None and step >= steps):
            raise ConfigError(
                f"{part.format(number + 1)}: begins at step {step:,}, "
                f"expected one after {before:,}"
                + ("" if steps is None else f" and before {steps:,}"),
                hint,
            )
    return found


def _first_step(after: Fraction, steps: int | None) -> int:
    if after and after < 1:
        if steps is None:
            raise ValueError("steps: found None, expected those of the run")
        return int(after * steps)
    return int(after)
