"""Write a document's YAML line by line while its tokens are still being generated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from .json_text import Json
from .yaml_writer import BARE_KEYS, to_yaml

if TYPE_CHECKING:  # the tokenizer builds on this room
    from ..tokenizer.codec.decoder import Decoder

__all__ = ["GrowingYaml"]


class GrowingYaml:
    """Emits each line of a document's YAML once no later token can change it.

    A scalar is emitted when it is complete, since its style depends on all of it.  The
    emitted parts, joined, are the YAML of the whole document.
    """

    def __init__(self, decoder: Decoder, bare_keys: frozenset[str] = BARE_KEYS) -> None:
        """Start a document.

        Args:
            decoder: at the beginning of a document; only this object may feed it.
            bare_keys: keys that are not quoted; see `to_yaml`.
        """
        self._decoder, self._bare_keys = decoder, bare_keys
        self._size = 0

    def feed(self, ids: ArrayLike) -> str:
        """Decode more tokens; return the text they add, often none.

        Raises:
            DecodeError: no document has these tokens here.
        """
        self._decoder.feed(ids)
        value = self._decoder.so_far
        if not value:
            return ""
        text = to_yaml(value, bare_keys=self._bare_keys)
        if not self._decoder.is_complete:
            text = _without_end(text, is_empty=_ends_empty(value))
        added = text[self._size :]
        self._size = max(self._size, len(text))
        return added


def _without_end(text: str, *, is_empty: bool) -> str:
    """Drop the end of the text that would change if more followed."""
    if text.endswith("\n...\n"):  # marks blank lines at the end as content
        text = text.removesuffix("...\n")
    if is_empty:  # `steps: []` becomes `steps:` as soon as something is in it
        text = text[: text.rfind("\n", 0, -1) + 1]
    return text


def _ends_empty(value: Json) -> bool:
    """Whether the last thing in a value is an empty array or object."""
    while isinstance(value, dict | list) and value:
        value = value[-1] if isinstance(value, list) else next(reversed(value.values()))
    return isinstance(value, dict | list)
