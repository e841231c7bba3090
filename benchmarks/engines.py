"""Mask engines: the tokenizer's own masks, xgrammar, llguidance.

All get the workflow schema.  If an engine refuses it, that is reported, and it gets the
smallest change that makes it compile.  Each engine starts a cursor for a document:

    cursor.fill()                 the mask of the next token
    cursor.apply(logits)          -inf where the mask forbids, in place
    cursor.advance(token)         False if the token is not allowed
    cursor.is_complete
"""

import json
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from schema import SCHEMA, in_schema_order, newlines_escaped
from torch import Tensor

from tct.data.documents.json_text import Json, canonical_bytes
from tct.data.tokenizer import VOCAB_SIZE, Tokenizer

END = VOCAB_SIZE
"""The id that ends a document, for the engines that need one."""


class Cursor(Protocol):
    """A position in a document that is being written."""

    @property
    def is_complete(self) -> bool:
        """Whether the document may end here."""

    def fill(self) -> None:
        """Make the mask of the next token."""

    def apply(self, logits: Tensor) -> None:
        """Set float32 (8192,) logits to -inf where the mask forbids."""

    def advance(self, token: int) -> bool:
        """Advance by a token; False if it is not allowed."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A way to make masks, and the form in which it takes documents."""

    name: str
    start: Callable[[], Cursor]
    encode: Callable[[Json], Sequence[int]]
    ready: float
    """Seconds to compile the schema."""
    in_order: bool = False
    """Whether a document's keys are sorted as the schema lists them."""

    def ids(self, value: Json) -> Sequence[int]:
        """The tokens of a document in the form that the engine is given."""
        return self.encode(in_schema_order(value, [SCHEMA]) if self.in_order else value)


# -- the tokenizer itself --------------------------------------------------------------


class TctCursor:
    """A state of the grammar, which has its mask."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Begin a document."""
        self.state = tokenizer.start()

    @property
    def is_complete(self) -> bool:
        """Whether the root is closed."""
        return self.state.is_complete

    def fill(self) -> None:
        """Make the mask of the next token."""
        self.state.allowed()

    def apply(self, logits: Tensor) -> None:
        """Set logits to -inf where the mask forbids."""
        logits.numpy()[~self.state.allowed()] = -np.inf

    def advance(self, token: int) -> bool:
        """Advance by a token; False if it is not allowed."""
        if not self.state.allowed()[token]:
            return False
        self.state = self.state.advance(token)
        return True


def tct_engines(tokenizer: Tokenizer, warm: Iterable[Json]) -> list[Engine]:
    """One with caches filled by other documents, one made anew for each document."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        tokenizer.save(path)
        begun = time.perf_counter()
        filled = Tokenizer.load(path)
        filled.start().allowed()
        ready = time.perf_counter() - begun

    def start_anew() -> Cursor:
        fresh = Tokenizer(
            filled.grammar,
            characters=filled.characters,
            merges=filled.merges,
            schema_sha256=filled.schema_sha256,
        )
        return TctCursor(fresh)

    def engine(name: str, start: Callable[[], Cursor]) -> Engine:
        return Engine(
            name=name,
            start=start,
            encode=lambda value: filled.encode(value).tolist(),
            ready=ready,
        )

    known = engine("TCT", lambda: TctCursor(filled))
    for value in warm:
        cursor = known.start()
        all(cursor.advance(token) for token in known.ids(value))
    return [known, engine("TCT, made anew for each document", start_anew)]


# -- xgrammar --------------------------------------------------------------------------


class XgrammarCursor:
    """A matcher of xgrammar."""

    def __init__(self, grammar: Any) -> None:
        """Begin a document."""
        import xgrammar

        self.matcher = xgrammar.GrammarMatcher(grammar)
        self.bits = xgrammar.allocate_token_bitmask(1, END + 1)
        self.apply_bits = xgrammar.apply_token_bitmask_inplace

    @property
    def is_complete(self) -> bool:
        """Whether the end is allowed; a bitmask says so."""
        self.matcher.fill_next_token_bitmask(self.bits)
        return has_bit(self.bits, END)

    def fill(self) -> None:
        """Make the mask of the next token."""
        self.matcher.fill_next_token_bitmask(self.bits)

    def apply(self, logits: Tensor) -> None:
        """Set logits to -inf where the mask forbids."""
        self.apply_bits(logits, self.bits[0], vocab_size=VOCAB_SIZE)

    def advance(self, token: int) -> bool:
        """Advance by a token; False if it is not allowed."""
        return bool(self.matcher.accept_token(token))


def xgrammar_engines(model: Any, report: Callable[..., None]) -> list[Engine]:
    """Fixed order of keys and any order, both on the schema with escaped newlines.

    Args:
        model: a byte-level BPE tokenizer of Hugging Face.
        report: receives how the schema was given, and the outcome.
    """
    import xgrammar

    info = xgrammar.TokenizerInfo(
        [model.id_to_token(number) for number in range(END)] + ["<end>"],
        xgrammar.VocabType.BYTE_LEVEL,
        stop_token_ids=[END],
    )
    compiler = xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)
    try:
        compiler.compile_json_schema(json.dumps(SCHEMA))
        report("xgrammar", "as it is", "compiled")
    except RuntimeError as error:
        message = re.sub(r"^\[.*?\] \S+ ", "", str(error).strip())
        report("xgrammar", "as it is", f"refused: {message}")
    patched = "`strict_mode=False`, two patterns with newlines escaped"
    report("xgrammar", patched, "compiled")

    def engine(order: str, *, in_order: bool, any_order: bool) -> Engine:
        begun = time.perf_counter()
        grammar = compiler.compile_json_schema(
            json.dumps(newlines_escaped(SCHEMA)), strict_mode=False, any_order=any_order
        )
        return Engine(
            name=f"xgrammar, {order} order",
            start=lambda: XgrammarCursor(grammar),
            encode=lambda value: model.encode(canonical_bytes(value).decode()).ids,
            ready=time.perf_counter() - begun,
            in_order=in_order,
        )

    return [
        engine("fixed", in_order=False, any_order=False),
        engine("fixed", in_order=True, any_order=False),
        engine("any", in_order=False, any_order=True),
    ]


# -- llguidance ------------------------------------------------------------------------


class LlguidanceCursor:
    """A matcher of llguidance."""

    def __init__(self, compiled: Any) -> None:
        """Begin a document."""
        import llguidance.torch

        self.matcher = compiled.deep_copy()
        self.bits = llguidance.torch.allocate_token_bitmask(1, END + 1)
        self.fill_bits = llguidance.torch.fill_next_token_bitmask
        self.apply_bits = llguidance.torch.apply_token_bitmask_inplace

    @property
    def is_complete(self) -> bool:
        """Whether the document may end here."""
        return bool(self.matcher.is_accepting())

    def fill(self) -> None:
        """Make the mask of the next token."""
        self.fill_bits(self.matcher, self.bits)

    def apply(self, logits: Tensor) -> None:
        """Set logits to -inf where the mask forbids."""
        self.apply_bits(logits.view(1, -1), self.bits[:, : VOCAB_SIZE // 32])

    def advance(self, token: int) -> bool:
        """Advance by a token; False if it is not allowed."""
        return bool(self.matcher.consume_token(token))


def llguidance_engines(model: Any, report: Callable[..., None]) -> list[Engine]:
    """The unchanged schema, with the options that make llguidance accept it.

    Args:
        model: a byte-level BPE tokenizer of Hugging Face.
        report: receives how the schema was given, and the outcome.
    """
    import llguidance
    from tokenizers import Tokenizer as HuggingFace

    ended = HuggingFace.from_str(model.to_str())
    ended.add_special_tokens(["<end>"])
    tokens = llguidance.LLTokenizer(ended.to_str(), eos_token=END)
    for options in ({}, {"lenient": True}):
        begun = time.perf_counter()
        grammar = llguidance.LLMatcher.grammar_from_json_schema(
            json.dumps(SCHEMA), overrides={"whitespace_flexible": False, **options}
        )
        compiled = llguidance.LLMatcher(tokens, grammar, log_level=0)
        ready = time.perf_counter() - begun
        refused = compiled.get_error().splitlines()
        notes = "; ".join(
            note.split(".")[0] for note in compiled.get_grammar_warnings()
        )
        given = ", ".join(f"`{option}`" for option in options) or "as it is"
        result = f"refused: {refused[0]}" if refused else f"compiled; {notes}"
        report("llguidance", given, result)
    return [
        Engine(
            name="llguidance",
            start=lambda: LlguidanceCursor(compiled),
            encode=lambda value: model.encode(canonical_bytes(value).decode()).ids,
            ready=ready,
            in_order=in_order,
        )
        for in_order in (False, True)
    ]


def peer_engines(model: Any, report: Callable[..., None]) -> list[Engine]:
    """The engines that are installed; see `xgrammar_engines`."""
    torch.set_num_threads(1)
    engines = []
    for name, make in (
        ("xgrammar", xgrammar_engines),
        ("llguidance", llguidance_engines),
    ):
        if model is None or util.find_spec(name) is None:
            report(name, "-", "not installed")
        else:
            engines += make(model, report)
    return engines


def has_bit(bits: Any, token: int) -> bool:
    """Whether an int32 (1, words) mask allows a token."""
    return bool(int(bits[0, token // 32]) >> (token % 32) & 1)
