"""Type-Constrained Tokenization at run time: values to token ids, and what may follow.

    tokenizer = Tokenizer.load("tokenizer.json")
    ids = tokenizer.encode({"on": "push", "jobs": {...}})   # uint16 array
    tokenizer.decode(ids)                                   # the same value and order
    state = tokenizer.start()
    state.allowed()                                         # bool[8192]
    state = state.advance(ids[0])

A token is a string of base symbols (`symbols.py`); ids 0–8191.  Ids 0–546 are the
controls, literals, bytes and references, then come common characters, then merged
tokens; ids after the last merged token are reserved.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..documents.json_text import Json
from ..errors import CorruptError, FormatError
from ..files import canonical_json, check_format, read_json, write_atomic
from .checks import check_content, check_merges
from .codec import Codec
from .codec.decoder import Decoder
from .codec.prefix import Prefix
from .grammar import Grammar
from .masks import MaskEngine
from .masks.state import State
from .prompt import Prompt, open_prompt
from .segmenter import Segmenter
from .symbols import ESCAPES, FIRST_CHARACTER_ID, Control, base_symbols
from .trace import Names, TracedToken, trace

__all__ = [
    "MODEL_VOCAB",
    "PAD",
    "TOKENIZER_FORMAT",
    "TOKENIZER_VERSION",
    "VOCAB_SIZE",
    "State",
    "Tokenizer",
]

VOCAB_SIZE = 8192
PAD = 8192
"""Id outside the vocabulary that fills the end of an input."""
MODEL_VOCAB = 8193

TOKENIZER_FORMAT = "tct-tokenizer"
TOKENIZER_VERSION = 2

_ESCAPE_IDS = tuple(i for i, symbol in enumerate(Control) if symbol in ESCAPES)


class Tokenizer:
    """An immutable tokenizer.  Loading it takes milliseconds, its masks are lazy."""

    def __init__(
        self,
        grammar: Grammar,
        *,
        characters: str,
        merges: list[str],
        schema_sha256: str,
    ) -> None:
        """Number the tokens.

        Args:
            grammar: the compiled schema.
            characters: common non-ASCII characters, most frequent first.
            merges: symbol strings of the merged tokens, in the order of their ids.
            schema_sha256: of the schema that the grammar was compiled from.

        Raises:
            ValueError: merges that do not fit in, or are not of symbols.
        """
        base = base_symbols(characters, num_literals=len(grammar.literals))
        first_merge = FIRST_CHARACTER_ID + len(characters)
        if first_merge + len(merges) > VOCAB_SIZE:
            raise ValueError(
                f"{len(merges):,} merges do not fit into {VOCAB_SIZE:,} ids"
            )
        check_merges(merges, base.values())
        self.grammar = grammar
        self.characters = characters
        self.merges = merges
        self.schema_sha256 = schema_sha256
        self.codec = Codec(grammar, characters)
        self.vocabulary: dict[int, str] = base | dict(enumerate(merges, first_merge))
        """Id to symbols; reserved ids are absent."""

    # -- files -------------------------------------------------------------------------

    @property
    def digest(self) -> str:
        """sha256 of everything that decides about ids."""
        return hashlib.sha256(canonical_json(self._content())).hexdigest()

    def _content(self) -> dict[str, Any]:
        return {
            "format": TOKENIZER_FORMAT,
            "version": TOKENIZER_VERSION,
            "vocab_size": VOCAB_SIZE,
            "schema_sha256": self.schema_sha256,
            "characters": self.characters,
            "merges": self.merges,
            "grammar": self.grammar.to_json(),
        }

    def save(self, path: Path | str) -> None:
        """Write `tokenizer.json`: all of the above and the digest."""
        content = {**self._content(), "digest": self.digest}
        data = json.dumps(content, indent=0, separators=(",", ":")).encode() + b"\n"
        write_atomic(Path(path), lambda file: file.write(data))

    @staticmethod
    def load(path: Path | str) -> "Tokenizer":
        """Read what `save` wrote.

        Raises:
            FormatError: no tokenizer, or one of another version.
            CorruptError: its content does not have the digest it records.
        """
        path = Path(path)
        data = read_json(path)
        check_format(
            data,
            path,
            name="tokenizer",
            version=TOKENIZER_VERSION,
            remake="learn it, or prepare the store that holds it, again",
        )
        recorded = data.pop("digest", None)
        found = hashlib.sha256(canonical_json(data)).hexdigest()
        remake = "restore the file"
        if found != recorded:
            raise CorruptError(
                f"{path}: its content has digest {found[:12]}…, "
                f"but it records {str(recorded)[:12]!a}…",
                remake,
            )
        try:
            check_content(data, vocab_size=VOCAB_SIZE)
            return Tokenizer(
                Grammar.from_json(data["grammar"]),
                characters=data["characters"],
                merges=data["merges"],
                schema_sha256=data["schema_sha256"],
            )
        except (TypeError, ValueError) as error:
            raise FormatError(f"{path}: is no tokenizer ({error})", remake) from error

    @staticmethod
    def load_or_default(path: Path | str | None) -> "Tokenizer":
        """`load` a file, or take the `default` where there is none."""
        return Tokenizer.default() if path is None else Tokenizer.load(path)

    @staticmethod
    @cache
    def default() -> "Tokenizer":
        """The tokenizer that ships with the package, so that ids can be compared.

        It was learnt from the newest workflows of 248 public repositories.
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
            max_tokens: of a document of more, some more than these, from its beginning.

        Raises:
            ValueError: nesting beyond MAX_DEPTH.
            TypeError: no JSON value.
        """
        ids = self.segmenter.encode(self.codec.encode(value), max_tokens)
        return np.frombuffer(bytearray(ids), dtype="<u2")

    def encode_stream(self, values: Iterable[Json]) -> Iterator[NDArray[np.uint16]]:
        """`encode` each document as it comes."""
        return map(self.encode, values)

    def encode_batch(
        self, values: Iterable[Json]
    ) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
        """Many documents, one after the other.

        Returns:
            ids: uint16 (T,), of all documents.
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
        """The document that `encode` made these ids from, key order included.

        Raises:
            DecodeError: no document has these ids; it names the first bad one.
        """
        decoder = self.decoder()
        decoder.feed(ids)
        return decoder.value()

    def decode_stream(self, ids: Iterable[int]) -> Iterator[Json]:
        """The documents whose ids come one after the other.

        No separator is needed: the close of its root ends a document.

        Raises:
            DecodeError: as `decode`; positions count within a document.
        """
        decoder, is_empty = self.decoder(), True
        for number in ids:
            decoder.feed([number])
            is_empty = False
            if decoder.is_complete:
                yield decoder.value()
                decoder, is_empty = self.decoder(), True
        if not is_empty:
            decoder.value()

    def decode_prefix(self, ids: ArrayLike, *, indent: int | None = None) -> Prefix:
        """How far the beginning of a document gets, as JSON text.

        The text of a longer prefix continues that of a shorter one, so the text of a
        window is the difference of two prefixes.

        Raises:
            DecodeError: no document begins with these ids.
        """
        decoder = self.decoder()
        decoder.feed(ids)
        return decoder.prefix(indent=indent)

    def is_on_schema(self, ids: NDArray[np.uint16]) -> bool:
        """Whether a document was encoded without an escape."""
        return not any((ids == escape).any() for escape in _ESCAPE_IDS)

    # -- masks -------------------------------------------------------------------------

    @cached_property
    def _engine(self) -> MaskEngine:
        return MaskEngine(self.codec, self.vocabulary, self.segmenter, size=VOCAB_SIZE)

    def start(self) -> State:
        """The state before the first token of a document."""
        return State(self._engine, self._engine.pushdown.start)

    def open(self, value: Json, *, depth: int | None = None) -> Prompt:
        """A partial document as the beginning of a longer one.

        What is open at the end of the text stays open: the last object, the arrays and
        objects around it, and the value of a last key that has none yet.

        Args:
            value: the partial document; None for none at all.
            depth: most containers that stay open, outermost first; None for no limit.

        Raises:
            PromptError: some other part of it breaks the schema.
        """
        return open_prompt(
            value,
            depth,
            codec=self.codec,
            segmenter=self.segmenter,
            start=self.start(),
        )

    # -- for people --------------------------------------------------------------------

    @cached_property
    def _names(self) -> Names:
        return Names(self.vocabulary, self.codec.words)

    def describe(self, token: int) -> str:
        """A token as words: `"text"`, keys and values by name, controls in capitals.

        A reference to the text before last is `^1`.

        Raises:
            KeyError: the id is reserved or no id.
        """
        return self._names.of(token)

    def trace(self, ids: ArrayLike) -> Iterator[TracedToken]:
        """The tokens of a document: meaning, path, and what else was allowed.

        Raises:
            DecodeError: as `decode`, when the iterator gets there.
        """
        numbers = np.asarray(ids).tolist()
        return trace(numbers, self._names, self.decoder(), self.start())
