"""The parts that all states of a tokenizer share."""

from collections.abc import Callable, Mapping
from functools import cached_property

from ..codec import Codec
from ..grammar import Grammar
from ..segmenter import Segmenter
from ..symbols import ESCAPES, Control
from ..vocabulary import VOCAB_SIZE
from .closing import Completer
from .masks import Masks
from .pushdown import Pushdown
from .writable import writable

__all__ = ["MaskEngine"]

# A model never has to write these.
_NEVER_GENERATED = ESCAPES | {Control.BEGIN}


class MaskEngine:
    """The automaton, the masks and the completions of a tokenizer, made lazily."""

    def __init__(
        self,
        codec: Codec,
        vocabulary: Mapping[int, str],
        segmenter: Callable[[], Segmenter],
        *,
        grammar: Grammar | None = None,
    ) -> None:
        """Take the parts of a tokenizer.

        Args:
            codec: of its grammar.
            vocabulary: id to symbols.
            segmenter: makes what cuts completions into tokens; few need it.
            grammar: a narrower one, in the same symbols; None for what the codec's
                allows to write.
        """
        self.vocabulary = vocabulary
        self.segmenter = segmenter
        self.pushdown = Pushdown(grammar or writable(codec.grammar), codec.words)

    @cached_property
    def masks(self) -> Masks:
        """The ids that may follow, by stack."""
        generated = dict(self.vocabulary)
        for number, control in enumerate(Control):
            if control in _NEVER_GENERATED:
                del generated[number]
        return Masks(self.pushdown, generated, VOCAB_SIZE)

    @cached_property
    def completer(self) -> Completer:
        """The shortest completions, by stack."""
        return Completer(self.pushdown)
