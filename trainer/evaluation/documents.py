"""The documents to judge: samples and real ones."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...data.documents.json_text import Json
from ...data.store import Store
from ...data.tokenizer import Tokenizer

if TYPE_CHECKING:  # it is loaded with torch
    from ..generation import Ending

__all__ = ["Document", "real", "written"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A document, or an incomplete sample of one."""

    ending: "Ending"
    """Real documents are "finished"."""
    value: Json
    """None if it is incomplete."""
    ids: NDArray[np.uint16]
    """(tokens,) of the value as the tokenizer encodes it, not as a model wrote it."""
    text: str
    """The value as `tct generate` prints it; empty if it is incomplete."""

    @property
    def is_whole(self) -> bool:
        """Whether there is a value to judge."""
        return self.ending in ("finished", "cut")


def written(value: Json, ending: "Ending", tokenizer: Tokenizer) -> Document:
    """Make the document of a sample."""
    if ending in ("open", "broken"):
        empty = np.empty(0, dtype=np.uint16)
        return Document(ending=ending, value=None, ids=empty, text="")
    ids = tokenizer.encode(value)
    text = tokenizer.kind.write(value)
    return Document(ending=ending, value=value, ids=ids, text=text)


def real(store: Store, row: int) -> Document:
    """Read a document of a store."""
    ids = store.tokens(row)
    value = store.tokenizer.decode(ids)
    text = store.tokenizer.kind.write(value)
    return Document(ending="finished", value=value, ids=ids, text=text)
