"""Type-Constrained Tokenization at run time.

    tokenizer.py     Tokenizer: values ⇄ ids, masks, files
    codec/           values ⇄ symbols
    segmenter.py     symbols ─▶ fewest tokens
    masks/           which ids may follow, and the shortest end
    strict/          the same under GitHub's rules
    grammar.py, nodes.py  the compiled schema   dfa.py     texts that it allows
    symbols.py       the alphabet of tokens     checks.py  reading a tokenizer.json
    trace.py, prompt.py   follow and begin a document
    findings/        what encoded documents tell

`pipeline.compiler` makes a grammar, `pipeline.vocabulary` learns the merges.
"""

from ..kinds import Rules
from .masks.state import State
from .prompt import Prompt
from .strict.state import StrictState
from .tokenizer import TOKENIZER_FORMAT, TOKENIZER_VERSION, Tokenizer
from .trace import TracedToken
from .vocabulary import MODEL_VOCAB, PAD, VOCAB_SIZE

__all__ = [
    "MODEL_VOCAB",
    "PAD",
    "TOKENIZER_FORMAT",
    "TOKENIZER_VERSION",
    "VOCAB_SIZE",
    "Prompt",
    "Rules",
    "State",
    "StrictState",
    "Tokenizer",
    "TracedToken",
]
