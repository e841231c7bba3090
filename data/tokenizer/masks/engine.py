"""The parts that all states of a tokenizer share."""

from collections.abc import Mapping
from functools import cached_property

from ..codec import Codec
from ..grammar import Grammar
from ..segmenter import Segmenter
from ..symbols import ESCAPES, Control
from .closing import Completer
from .masks import Masks
from .pushdown import Pushdown

__all__ = ["MaskEngine"]

# A model never has to write these.
_NEVER_GENERATED = ESCAPES | {Control.BEGIN}


class MaskEngine:
    """The automaton, the masks and the completions of a tokenizer, made lazily."""

    def __init__(
        self,
        codec: Codec,
        vocabulary: Mapping[int, str],
        segmenter: Segmenter,
        *,
        size: int,
        grammar: Grammar | None = None,
    ) -> None:
        """Take the parts of a tokenizer.

        Args:
            codec: of its grammar.
            vocabulary: id to symbols.
            segmenter: cuts completions into tokens.
            size: length of a mask.
            grammar: a narrower one, in the same symbols; None for the codec's.
        """
        self.vocabulary = vocabulary
        self.segmenter = segmenter
        self.pushdown = Pushdown(grammar or codec.grammar, codec.words)
        self._size = size

    @cached_property
    def masks(self) -> Masks:
        """The ids that may follow, by stack."""
        generated = {
            number: symbols
            for number, symbols in self.vocabulary.items()
            if symbols not in _NEVER_GENERATED
        }
        return Masks(self.pushdown, generated, self._size)

    @cached_property
    def completer(self) -> Completer:
        """The shortest completions, by stack."""
        return Completer(self.pushdown)
