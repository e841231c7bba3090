"""A partial document as the beginning of one."""

from contextlib import suppress
from dataclasses import dataclass

from ..documents.json_text import Json
from ..errors import PromptError
from ..kinds import Kind, Rules
from .codec import Codec
from .masks.state import State
from .segmenter import Segmenter
from .strict.state import StrictState
from .symbols import ESCAPES, Control

__all__ = ["Prompt", "open_prompt"]

_CLOSERS = (str(Control.CLOSE_OBJECT), str(Control.CLOSE_ARRAY))
# What precedes the closer of a container that lacks something.
_CLOSED_EARLY = (Control.ESCAPE_KEY, Control.ESCAPE_ARRAY)
_MISSING = (Control.ESCAPE + Control.NULL, Control.ESCAPE_ARRAY + Control.NULL)


@dataclass(frozen=True, slots=True)
class Prompt:
    """The beginning of a document."""

    ids: tuple[int, ...]
    """Its tokens."""
    state: State | StrictState
    """After them, where the model takes over."""

    @property
    def rules(self) -> Rules:
        """What the rest keeps to."""
        return "github" if isinstance(self.state, StrictState) else "schema"


def open_prompt(
    value: Json,
    depth: int | None,
    codec: Codec,
    segmenter: Segmenter,
    start: State,
    strict: StrictState | None,
    kind: Kind,
) -> Prompt:
    """Encode a partial document without its end; see `Tokenizer.open`."""
    if value is None:
        return Prompt((), strict or start)
    chunks = codec.encode(value)
    symbols = _without_end("".join(chunks), depth)
    broken = next((at for at, symbol in enumerate(symbols) if symbol in ESCAPES), None)
    if broken is not None:
        reader = codec.reader()
        reader.feed(symbols[:broken])
        before = reader.prefix().text
        raise PromptError(
            f"the prompt breaks the {kind.name} schema after {before[-60:]!r}",
            "correct it there, or leave that part to the model",
        )
    ids: list[int] = []
    size = 0
    for chunk in chunks:
        part = symbols[size : size + len(chunk)]
        size += len(chunk)
        ids += segmenter.segment(part)
    if strict is not None:
        with suppress(ValueError):
            return Prompt(tuple(ids), strict.follow(symbols))
    return Prompt(tuple(ids), start.follow(symbols))


def _without_end(symbols: str, depth: int | None) -> str:
    """Drop the closers of what stays open, and the null of a missing value."""
    opened = 0
    while opened != depth and symbols.endswith(_CLOSERS):
        symbols = symbols[:-1]
        for escape in _CLOSED_EARLY:
            symbols = symbols.removesuffix(escape)
        opened += 1
    if depth is None:
        for missing in _MISSING:
            symbols = symbols.removesuffix(missing)
    return symbols
