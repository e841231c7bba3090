"""A workflow's YAML that only grows while its tokens come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from .json_text import Json
from .yaml_writer import to_yaml

if TYPE_CHECKING:  # the tokenizer builds on this room
    from ..tokenizer.codec.decoder import Decoder

__all__ = ["GrowingYaml"]


class GrowingYaml:
    """The lines of a document's YAML, each as soon as nothing can change it.

    A scalar comes when it is whole, for how it is written depends on all of it.  The
    parts put together are the YAML of the whole document.
    """

    def __init__(self, decoder: Decoder) -> None:
        """Begin.

        Args:
            decoder: at the beginning of a document; it is fed by this object alone.
        """
        self._decoder = decoder
        self._size = 0

    def feed(self, ids: ArrayLike) -> str:
        """What some more tokens add, often nothing.

        Raises:
            DecodeError: no document goes on like this.
        """
        self._decoder.feed(ids)
        value = self._decoder.so_far
        if not value:
            return ""
        text = to_yaml(value)
        if not self._decoder.is_complete:
            text = _without_end(text, is_empty=_ends_empty(value))
        added = text[self._size :]
        self._size = max(self._size, len(text))
        return added


def _without_end(text: str, *, is_empty: bool) -> str:
    """Drop what will be different when something follows."""
    if text.endswith("\n...\n"):  # says that the blank lines before it count
        text = text.removesuffix("...\n")
    if is_empty:  # `steps: []` becomes `steps:` as soon as something is in it
        text = text[: text.rfind("\n", 0, -1) + 1]
    return text


def _ends_empty(value: Json) -> bool:
    """Whether the last thing in a value is an empty array or object."""
    while isinstance(value, dict | list) and value:
        value = value[-1] if isinstance(value, list) else next(reversed(value.values()))
    return isinstance(value, dict | list)
