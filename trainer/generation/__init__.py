"""Write documents with a trained model.

    prompt ─► samplers.py    one writer per document: draw tokens, until it ends
                │  ▲
         tokens │  │ logits
                ▼  │
              forward.py     one forward pass for all documents of the batch
                │
              kv_cache.py    keys and values of each document's window

Only the writers know the grammar, only the reader knows the model.  A sample is a
function of (model, prompt, sampling, number) alone.
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
