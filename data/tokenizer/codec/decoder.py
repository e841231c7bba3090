"""Token ids to documents, a few at a time or all at once."""

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...documents.json_text import Json
from ...errors import DecodeError
from .prefix import Prefix
from .reader import MalformedError, Reader

__all__ = ["Decoder", "decode_stream"]

_NO_ID = (1 << 16) - 1


class Decoder:
    """Reads the ids of one document."""

    def __init__(self, reader: Reader, expansions: NDArray[np.object_]) -> None:
        """Begin a document; `Tokenizer.decoder` makes it.

        Args:
            reader: a new one.
            expansions: (65536,) symbols of every uint16; None if it is not an id.
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
            DecodeError: no document continues like this; names the first bad token by
                its position in the document.  The decoder is unusable afterwards.
        """
        numbers = np.asarray(ids)
        parts = self._expand(numbers)
        try:
            symbols = "".join(parts)
        except TypeError:  # a part is None
            bad = parts.index(None)
            self.feed(numbers[:bad])  # an earlier token may be bad, too
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
        """The symbols of each id; None if it is not an id."""
        if numbers.dtype != np.uint16:
            # Map values that do not fit into uint16 to an unused id.
            fits = (numbers >= 0) & (numbers < _NO_ID) & (numbers % 1 == 0)
            numbers = np.where(fits, numbers, _NO_ID).astype(np.uint16)
        parts: list[Any] = self._expansions[numbers].tolist()
        return parts

    def _decode_error(self, error: MalformedError, parts: list[str]) -> DecodeError:
        """Translate the position of a symbol to that of its token."""
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
        """Keys and indices of the value that is being read, from the root."""
        return self._reader.path

    @property
    def so_far(self) -> Json:
        """The document so far, as if all open containers ended here.

        None at the beginning; a key without its value is left out.  The value is live:
        it grows as the decoder is fed.
        """
        return self._reader.value

    def prefix(self, *, indent: int | None = None) -> Prefix:
        """The document so far as JSON text.

        Args:
            indent: spaces per level for readable text; None for minified.

        Raises:
            DecodeError: the unfinished text is not UTF-8.
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


def decode_stream(new: Callable[[], Decoder], ids: Iterable[int]) -> Iterator[Json]:
    """Decode documents that follow each other; see `Tokenizer.decode_stream`."""
    decoder, is_empty = new(), True
    for number in ids:
        decoder.feed([number])
        is_empty = False
        if decoder.is_complete:
            yield decoder.value()
            decoder, is_empty = new(), True
    if not is_empty:
        decoder.value()
