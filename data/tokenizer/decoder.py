"""Token ids to documents, as they come."""

from collections.abc import Mapping
from itertools import accumulate

import numpy as np
from numpy.typing import ArrayLike

from ..errors import DecodeError
from ..json_text import Json
from .prefix import Prefix
from .reader import MalformedError, Reader

__all__ = ["Decoder"]


class Decoder:
    """Reads the ids of one document, all at once or a few at a time."""

    def __init__(self, reader: Reader, vocabulary: Mapping[int, str]) -> None:
        """Begin a document; `Tokenizer.decoder` makes it."""
        self._reader = reader
        self._vocabulary = vocabulary
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
        numbers = np.asarray(ids).tolist()
        try:
            symbols = "".join(map(self._vocabulary.__getitem__, numbers))
        except KeyError:
            bad = next(i for i, n in enumerate(numbers) if n not in self._vocabulary)
            self.feed(numbers[:bad])  # what comes before may be worse
            raise DecodeError(
                f"found id {numbers[bad]}, which is reserved or no id",
                position=self._num_tokens,
            ) from None
        try:
            self._reader.feed(symbols)
        except MalformedError as error:
            raise self._decode_error(error, numbers) from None
        self._num_tokens += len(numbers)
        self._num_symbols += len(symbols)

    def _decode_error(self, error: MalformedError, numbers: list[int]) -> DecodeError:
        """The same problem at the token that holds the offending symbol."""
        ends = list(accumulate(len(self._vocabulary[number]) for number in numbers))
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
