"""The documents to judge: samples and real workflows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...data.documents.json_text import Json
from ...data.documents.yaml_writer import to_yaml
from ...data.store import Store
from ...data.tokenizer import Tokenizer

if TYPE_CHECKING:  # it is loaded with torch
    from ..generation import Ending

__all__ = ["Document", "real", "written"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A workflow, or an incomplete sample of one."""

    ending: "Ending"
    """Real workflows are "finished"."""
    value: Json
    """None if it is incomplete."""
    ids: NDArray[np.uint16]
    """(tokens,) of the value as the tokenizer encodes it, not as a model wrote it."""
    yaml: str
    """The value as `tct generate` prints it; empty if it is incomplete."""

    @property
    def is_whole(self) -> bool:
        """Whether there is a value to judge."""
        return self.ending in ("finished", "cut")


def written(value: Json, ending: "Ending", tokenizer: Tokenizer) -> Document:
    """Make the document of a sample."""
    if ending in ("open", "broken"):
        empty = np.empty(0, dtype=np.uint16)
        return Document(ending=ending, value=None, ids=empty, yaml="")
    ids = tokenizer.encode(value)
    return Document(ending=ending, value=value, ids=ids, yaml=to_yaml(value))


def real(store: Store, row: int) -> Document:
    """Read a document of a store."""
    ids = store.tokens(row)
    value = store.tokenizer.decode(ids)
    return Document(ending="finished", value=value, ids=ids, yaml=to_yaml(value))
