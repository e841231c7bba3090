"""Type-Constrained Tokenization at run time: values to token ids, and masks.

    tokenizer = Tokenizer.load("tokenizer.json")
    ids = tokenizer.encode({"on": "push", "jobs": {...}})   # uint16 array
    tokenizer.decode(ids)                                   # the same value and order
    state = tokenizer.start()
    state.allowed()                                         # bool[8192]
    state = state.advance(ids[0])

A token is a string of base symbols (`symbols.py`) with an id from 0 to 8191.  Ids 0–546
are the controls, literals, bytes and references; common characters follow, then merged
tokens; ids after the last merged token are reserved.
"""

import json
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..documents.json_text import Json
from ..errors import FormatError
from ..files import write_atomic
from ..kinds import WORKFLOW, Kind, Rules, from_record, to_record
from .checks import check_content, content_digest, read_content
from .codec import Codec
from .codec.decoder import Decoder, decode_stream
from .codec.native import NativeCodec
from .codec.prefix import Prefix
from .grammar import Grammar
from .masks import MaskEngine
from .masks.state import State
from .prompt import Prompt, open_prompt
from .segmenter import Segmenter
from .strict.state import StrictEngine
from .symbols import ESCAPES, Control
from .trace import Names, TracedToken, trace
from .vocabulary import VOCAB_SIZE, number_tokens

__all__ = ["TOKENIZER_FORMAT", "TOKENIZER_VERSION", "Tokenizer"]

TOKENIZER_FORMAT = "tct-tokenizer"
TOKENIZER_VERSION = 2

_IS_ESCAPE = np.zeros(1 << 16, dtype=np.bool_)  # by uint16
_IS_ESCAPE[[i for i, symbol in enumerate(Control) if symbol in ESCAPES]] = True


class Tokenizer:
    """An immutable tokenizer.  Loading takes milliseconds; masks are made lazily."""

    def __init__(
        self,
        grammar: Grammar,
        *,
        characters: str,
        merges: list[str],
        schema_sha256: str,
        kind: Kind = WORKFLOW,
    ) -> None:
        """Number the tokens.

        Args:
            grammar: the compiled schema.
            characters: common non-ASCII characters, most frequent first.
            merges: symbol strings of the merged tokens, in the order of their ids.
            schema_sha256: of the schema that the grammar was compiled from.
            kind: of the documents.

        Raises:
            ValueError: merges that do not fit in, or hold something else than symbols.
        """
        self.grammar = grammar
        self.characters = characters
        self.merges = merges
        self.schema_sha256 = schema_sha256
        self.kind = kind
        self.codec = Codec(grammar, characters)
        self.vocabulary = number_tokens(
            characters, merges, num_literals=len(grammar.literals)
        )
        """Id to symbols; reserved ids are absent."""
        self._native = NativeCodec(self.codec, self.vocabulary)

    # -- files -------------------------------------------------------------------------

    @property
    def digest(self) -> str:
        """sha256 of everything that ids depend on."""
        return content_digest(self._content())

    def _content(self) -> dict[str, Any]:
        return {
            "format": TOKENIZER_FORMAT,
            "version": TOKENIZER_VERSION,
            "vocab_size": VOCAB_SIZE,
            "schema_sha256": self.schema_sha256,
            "characters": self.characters,
            "merges": self.merges,
            "grammar": self.grammar.to_json(),
            **to_record(self.kind),
        }

    def save(self, path: Path | str) -> None:
        """Write `tokenizer.json`: grammar, vocabulary and digest."""
        content = {**self._content(), "digest": self.digest}
        data = json.dumps(content, indent=0, separators=(",", ":")).encode() + b"\n"
        write_atomic(Path(path), lambda file: file.write(data))

    @staticmethod
    def load(path: Path | str) -> "Tokenizer":
        """Read a file that `save` wrote.

        Raises:
            FormatError: no tokenizer, or one of another version.
            CorruptError: its content does not have the digest it records.
        """
        data = read_content(path := Path(path), version=TOKENIZER_VERSION)
        try:
            check_content(data, vocab_size=VOCAB_SIZE)
            grammar = Grammar.from_json(data["grammar"])
            names = "characters", "merges", "schema_sha256"
            parts = {name: data[name] for name in names}
            return Tokenizer(grammar, **parts, kind=from_record(data))
        except (TypeError, ValueError) as error:
            problem = f"{path}: not a tokenizer ({error})"
            raise FormatError(problem, "restore the file") from error

    @staticmethod
    def load_or_default(path: Path | str | None) -> "Tokenizer":
        """`load` a file; without one, the `default`."""
        return Tokenizer.default() if path is None else Tokenizer.load(path)

    @staticmethod
    @cache
    def default() -> "Tokenizer":
        """The tokenizer that ships with the package, so that ids can be compared.

        Learnt from the newest workflows of 248 public repositories.
        """
        return Tokenizer.load(Path(__file__).with_name("default.json"))

    # -- ids ---------------------------------------------------------------------------

    @cached_property
    def segmenter(self) -> Segmenter:
        """Symbols to ids, with a cache of chunks."""
        return Segmenter((symbols, i) for i, symbols in self.vocabulary.items())

    def encode(self, value: Json, max_tokens: int | None = None) -> NDArray[np.uint16]:
        """The token ids of a document; uint16, 1-D.

        Args:
            value: the document.
            max_tokens: stop at the end of the chunk that exceeds this number; None
                encodes the whole document.

        Raises:
            ValueError: nesting beyond MAX_DEPTH.
            TypeError: not a JSON value.
        """
        ids = self._native.encode(value, max_tokens)
        if ids is None:
            chunks = self.codec.encode(value)
            ids = bytearray(self.segmenter.encode(chunks, max_tokens))
        return np.frombuffer(ids, dtype="<u2")

    def encode_stream(self, values: Iterable[Json]) -> Iterator[NDArray[np.uint16]]:
        """`encode` each document as it comes."""
        return map(self.encode, values)

    def encode_batch(
        self, values: Iterable[Json]
    ) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
        """Encode many documents into one array.

        Returns:
            ids: uint16 (T,), all documents back to back.
            offsets: int64 (D + 1,); document d is `ids[offsets[d] : offsets[d + 1]]`.

        Raises:
            ValueError, TypeError: as `encode`.
        """
        parts = list(self.encode_stream(values))
        offsets = np.zeros(len(parts) + 1, dtype=np.int64)
        np.cumsum([len(part) for part in parts], out=offsets[1:])
        return np.concatenate([np.empty(0, np.uint16), *parts]), offsets

    def decoder(self) -> Decoder:
        """A decoder at the beginning of a document."""
        return Decoder(self.codec.reader(), self._expansions)

    @cached_property
    def _expansions(self) -> NDArray[np.object_]:
        """Symbols by id, None for every other uint16."""
        expansions = np.full(1 << 16, None, dtype=object)
        for number, symbols in self.vocabulary.items():
            expansions[number] = symbols
        return expansions

    def decode(self, ids: ArrayLike) -> Json:
        """Decode one document, key order included.

        Raises:
            DecodeError: these ids are not a document; names the first bad one.
        """
        if (found := self._native.decode(ids)) is not None:
            return found.value
        decoder = self.decoder()
        decoder.feed(ids)
        return decoder.value()

    def decode_stream(self, ids: Iterable[int]) -> Iterator[Json]:
        """Decode documents that follow each other.

        They need no separator: the closer of its root ends a document.

        Raises:
            DecodeError: as `decode`; positions count within a document.
        """
        return decode_stream(self.decoder, ids)

    def decode_prefix(self, ids: ArrayLike, *, indent: int | None = None) -> Prefix:
        """Decode the beginning of a document to JSON text.

        The text of a longer prefix continues that of a shorter one.

        Raises:
            DecodeError: no document begins with these ids.
        """
        decoder = self.decoder()
        decoder.feed(ids)
        return decoder.prefix(indent=indent)

    def is_on_schema(self, ids: NDArray[np.uint16]) -> bool:
        """Whether a document was encoded without an escape."""
        return not _IS_ESCAPE[ids].any()

    # -- masks -------------------------------------------------------------------------

    @cached_property
    def _engine(self) -> MaskEngine:
        return MaskEngine(self.codec, self.vocabulary, lambda: self.segmenter)

    @cached_property
    def _strict(self) -> StrictEngine:
        return StrictEngine(self.codec, self.vocabulary, lambda: self.segmenter)

    def start(self) -> State:
        """The state before the first token of a document."""
        return State(self._engine, self._engine.pushdown.start)

    def open(
        self, value: Json, *, depth: int | None = None, rules: Rules | None = "schema"
    ) -> Prompt:
        """Begin a document with a partial one.

        Its end stays open: the last object, the arrays and objects around it, and a
        last key without its value (null where the schema allows none).

        Args:
            value: the partial document; None for an empty beginning.
            depth: most containers that stay open, outermost first; None for no limit.
            rules: "schema", or "github" for what GitHub asks beyond it, if these rules
                know all keys of `value`; see `Prompt.rules`.  None is the kind's own.

        Raises:
            PromptError: another part of it breaks the schema.
            ConfigError: the kind has no such rules.
        """
        parts = self.codec, self.segmenter, self.start()
        strict = self.kind.pick_rules(rules) == "github"
        start = self._strict.start() if strict else None
        return open_prompt(value, depth, *parts, start, self.kind)

    # -- for people --------------------------------------------------------------------

    @cached_property
    def _names(self) -> Names:
        return Names(self.vocabulary, self.codec.words)

    def describe(self, token: int) -> str:
        """A token as words: `"text"`, keys and values by name, controls in capitals.

        Raises:
            KeyError: the id is reserved or no id.
        """
        return self._names.of(token)

    def trace(self, ids: ArrayLike) -> Iterator[TracedToken]:
        """Follow a document: meaning and path of each token, and what else was allowed.

        Raises:
            DecodeError: as `decode`, when the iterator gets there.
        """
        tokens = np.asarray(ids).tolist()
        return trace(tokens, self._names, self.decoder(), self.start())
