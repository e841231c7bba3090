"""Type-Constrained Tokenization at run time.

tokenizer.py   Tokenizer: values ⇄ ids, files, states; the rest serves it

grammar.py     what may stand where (automaton.py: in keys, strings and numbers)
symbols.py     the alphabet of base symbols that tokens are made of
codec.py       value ─▶ symbols in chunks      references.py  texts that come again
segment.py     chunk ─▶ fewest tokens
decoder.py     ids ─▶ reader.py  symbols ─▶ value (places.py, prefix.py)
states.py      the grammar as a pushdown automaton
masks.py     which tokens may follow (cursors.py: places in the vocabulary)
completion.py  the shortest end of a document
"""

from .tokenizer import (
    MODEL_VOCAB,
    PAD,
    TOKENIZER_FORMAT,
    TOKENIZER_VERSION,
    VOCAB_SIZE,
    State,
    Tokenizer,
)

__all__ = [
    "MODEL_VOCAB",
    "PAD",
    "TOKENIZER_FORMAT",
    "TOKENIZER_VERSION",
    "VOCAB_SIZE",
    "State",
    "Tokenizer",
]
