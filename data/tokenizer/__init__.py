"""Type-Constrained Tokenization at run time.

    tokenizer.py     Tokenizer: values ⇄ ids, files; the rest serves it
    state.py         where a document stands, and which tokens may follow

    grammar.py       what may stand where (automaton.py: in keys, strings, numbers)
    symbols.py       the alphabet of base symbols that tokens are made of
    codec.py         value ⇄ symbols
      writer.py      value ─▶ symbols in chunks     references.py  texts that come again
      reader.py      symbols ─▶ value               prefix.py      half a value as text
      places.py      what both look up
    segment.py       chunk ─▶ fewest tokens
    decoder.py       ids ─▶ value, a few at a time
    machine.py       the grammar as a pushdown automaton
      masks.py       which tokens may come next     cursors.py  places in the vocabulary
      completion.py  the shortest end of a document

`pipeline.compiler` makes a grammar, `pipeline.train_tokenizer` a vocabulary.
"""

from .prompt import Prompt
from .tokenizer import (
    MODEL_VOCAB,
    PAD,
    TOKENIZER_FORMAT,
    TOKENIZER_VERSION,
    VOCAB_SIZE,
    State,
    Tokenizer,
)
from .trace import TracedToken

__all__ = [
    "MODEL_VOCAB",
    "PAD",
    "TOKENIZER_FORMAT",
    "TOKENIZER_VERSION",
    "VOCAB_SIZE",
    "Prompt",
    "State",
    "Tokenizer",
    "TracedToken",
]
