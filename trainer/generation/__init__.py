"""A trained model writes workflows.

    prompt ─► writers    one document each: what is drawn, what is forced, when it ends
                │  ▲
         tokens │  │ logits
                ▼  │
              reader     one pass of the model for all documents of the batch
                │
              cache      keys and values of each document's window

Everything about the grammar is the tokenizer's; everything about the model is the
reader's.  A sample is a function of (model, prompt, sampling, number) alone.
"""

from .generator import Generator
from .prompts import shortcut
from .samplers import Ending, Sample
from .sampling import Sampling

__all__ = [
    "Ending",
    "Generator",
    "Sample",
    "Sampling",
    "shortcut",
]
