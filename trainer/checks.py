"""Checks of settings, which refuse a value by its key."""

from typing import ClassVar, NoReturn, Protocol

from ..data.errors import ConfigError

__all__ = ["above", "refuse", "refuse_unknown", "within"]

_MOST = 10**12  # of any number: enough for all, and nothing overflows


class Section(Protocol):
    """A section of the configuration."""

    SECTION: ClassVar[str]
    """Its name."""


def within(section: Section, name: str, bound: float, most: float = _MOST) -> None:
    """Refuse a number below `bound` or above `most`."""
    # Both checks are written so that nan and inf are refused too.
    value = getattr(section, name)
    if not bound <= value <= most:
        expected = f"at most {most:,}" if value > most else f"at least {bound:,}"
        refuse(section, name, expected)


def above(section: Section, name: str, bound: float) -> None:
    """Refuse a number that is not above `bound`."""
    if not bound < getattr(section, name) < float("inf"):
        refuse(section, name, f"a number above {bound:,}")


def refuse(section: Section, name: str, expected: str) -> NoReturn:
    """Refuse the value of a setting.

    Raises:
        ConfigError: names the key, the value and what was expected.
    """
    key = f"{section.SECTION}.{name}"
    raise ConfigError(
        f"{key}: found {getattr(section, name)!r}, expected {expected}",
        f"give another value with --set {key}=…",
    )


def refuse_unknown(key: str, known: list[str]) -> NoReturn:
    """Refuse a section or a key that there is not.

    Raises:
        ConfigError: names the key and those that there are.
    """
    raise ConfigError(
        f"{key}: no such configuration key, expected one of {', '.join(known)}",
        "use the tct that wrote it",
    )
