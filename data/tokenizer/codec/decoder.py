"""Token ids to documents, as they come."""

from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...documents.json_text import Json
from ...errors import DecodeError
from .prefix import Prefix
from .reader import MalformedError, Reader

__all__ = ["Decoder"]

_NO_ID = (1 << 16) - 1


class Decoder:
    """Reads the ids of one document, all at once or a few at a time."""

    def __init__(self, reader: Reader, expansions: NDArray[np.object_]) -> None:
        """Begin a document; `Tokenizer.decoder` makes it.

        Args:
            reader: at its beginning.
            expansions: (65536,) the symbols of every uint16, None for what is no id.
        """
        self._reader = reader
        self._expansions = expansions
        self._num_tokens = 0
        self._num_symbols = 0

    def feed(self, ids: ArrayLike) -> None:
        """Read on.

        Args:
            ids: token ids, 1-D.

        Raises:
            DecodeError: no document goes on like this; it names the first bad token by
                its position in the document.  The decoder is of no use afterwards.
        """
        numbers = np.asarray(ids)
        parts = self._expand(numbers)
        try:
            symbols = "".join(parts)
        except TypeError:  # a part is None
            bad = parts.index(None)
            self.feed(numbers[:bad])  # what comes before may be worse
            raise DecodeError(
                f"found id {numbers[bad]}, which is reserved or no id",
                position=self._num_tokens,
            ) from None
        try:
            self._reader.feed(symbols)
        except MalformedError as error:
            raise self._decode_error(error, parts) from None
        self._num_tokens += len(parts)
        self._num_symbols += len(symbols)

    def _expand(self, numbers: NDArray[Any]) -> list[Any]:
        """The symbols of each id, None for what is no id."""
        if numbers.dtype != np.uint16:
            # Whatever uint16 cannot hold becomes an id that is none.
            fits = (numbers >= 0) & (numbers < _NO_ID) & (numbers % 1 == 0)
            numbers = np.where(fits, numbers, _NO_ID).astype(np.uint16)
        parts: list[Any] = self._expansions[numbers].tolist()
        return parts

    def _decode_error(self, error: MalformedError, parts: list[str]) -> DecodeError:
        """The same problem at the token that holds the offending symbol."""
        ends = list(accumulate(map(len, parts)))
        place = max(0, error.position - self._num_symbols)
        index = int(np.searchsorted(ends, place, side="right"))
        return DecodeError(str(error), position=self._num_tokens + index)

    @property
    def is_complete(self) -> bool:
        """Whether the document is closed."""
        return self._reader.is_complete

    @property
    def path(self) -> tuple[str | int, ...]:
        """Keys and indices of what is read now, from the root."""
        return self._reader.path

    @property
    def so_far(self) -> Json:
        """What is whole of the document, with what is open as if it ended here.

        None before anything is; a key without its value is left out.  It is a view: it
        grows as the decoder is fed.
        """
        return self._reader.value

    def prefix(self, *, indent: int | None = None) -> Prefix:
        """How far the document is, as JSON text.

        Args:
            indent: spaces per level for readable text; None for minified.

        Raises:
            DecodeError: the text that is being read is not UTF-8.
        """
        try:
            return self._reader.prefix(indent=indent)
        except MalformedError as error:
            position = max(0, self._num_tokens - 1)
            raise DecodeError(str(error), position=position) from None

    def value(self) -> Json:
        """The document.

        Raises:
            DecodeError: it is not closed.
        """
        if not self.is_complete:
            position = self._num_tokens
            raise DecodeError("the document is not closed", position=position)
        return self._reader.value
