"""A model for others.

    export.py         a run to a folder        load.py         the folder back
    transformers.py   as Hugging Face names    model_card.py, card_evaluation.py

Nothing in an export is executed when it is loaded.
"""

from .export import Exported, export

__all__ = [
    "Exported",
    "export",
]
