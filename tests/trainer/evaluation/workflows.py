"""Documents made by hand, for tests that judge them."""

from typing import Any

import numpy as np

from tct.data.documents.json_text import Json
from tct.data.tokenizer import Tokenizer
from tct.trainer.evaluation.documents import Document, written
from tct.trainer.generation import Ending

__all__ = ["UNFINISHED", "document", "workflow"]

UNFINISHED = Document(ending="open", value=None, ids=np.empty(0, np.uint16), text="")


def workflow(**job: Any) -> dict[str, Json]:
    """One on the schema, unless the changes of its job spoil it."""
    return {
        "on": "push",
        "jobs": {"build": {"runs-on": "ubuntu-latest", "steps": [{"run": "a"}], **job}},
    }


def document(value: Json, ending: Ending = "finished") -> Document:
    """As if a model had written it."""
    return written(value, ending, Tokenizer.default())
