"""Turn a partial workflow into the beginning of a document."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...data.documents.json_text import Json
from ...data.errors import PromptError
from ...data.tokenizer import State, Tokenizer
from ...data.tokenizer.symbols import ESCAPES, Control

__all__ = ["Prompt", "open_prompt", "shortcut"]

_CLOSERS = (str(Control.CLOSE_OBJECT), str(Control.CLOSE_ARRAY))
# What precedes the closer of a container that lacks something.
_CLOSED_EARLY = (Control.ESCAPE_KEY, Control.ESCAPE_ARRAY)
_MISSING = (Control.ESCAPE + Control.NULL, Control.ESCAPE_ARRAY + Control.NULL)


@dataclass(frozen=True, slots=True)
class Prompt:
    """The beginning of a document."""

    ids: tuple[int, ...]
    """Its tokens."""
    state: State
    """Of the grammar after them."""


def open_prompt(
    tokenizer: Tokenizer, value: Json, *, depth: int | None = None
) -> Prompt:
    """Encode a partial workflow, leaving its end open.

    Open stay the last object, the arrays and objects around it, and the value of a last
    key that has none yet.

    Args:
        tokenizer: of the model.
        value: the partial workflow; None for an empty prompt.
        depth: most containers that stay open, the outermost first; None for no limit.

    Raises:
        PromptError: another part of the prompt breaks the schema.
    """
    start = tokenizer.start()
    if value is None:
        return Prompt((), start)
    chunks = tokenizer.codec.encode(value)
    symbols = _without_end("".join(chunks), depth)
    broken = next((at for at, symbol in enumerate(symbols) if symbol in ESCAPES), None)
    if broken is not None:
        reader = tokenizer.codec.reader()
        reader.feed(symbols[:broken])
        before = reader.prefix().text
        raise PromptError(
            f"the prompt breaks the workflow schema after {before[-60:]!r}",
            "correct it there, or leave that part to the model",
        )
    ids: list[int] = []
    size = 0
    for chunk in chunks:
        part = symbols[size : size + len(chunk)]
        size += len(chunk)
        ids += tokenizer.segmenter.segment(part)
    return Prompt(tuple(ids), start.read(symbols))


def _without_end(symbols: str, depth: int | None) -> str:
    """Drop the closers of open containers, and the placeholder of a missing value."""
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


def shortcut(
    name: str | None, triggers: Sequence[str], runs_on: str | None
) -> tuple[Json, int | None]:
    """Make a partial workflow from its commonest parts.

    Args:
        name: of the workflow.
        triggers: events it runs on.
        runs_on: runner of its first job.

    Returns:
        The workflow, and `depth` for `open_prompt`.
    """
    parts: dict[str, Json] = {}
    if name is not None:
        parts["name"] = name
    if triggers:
        parts["on"] = triggers[0] if len(triggers) == 1 else list(triggers)
    if runs_on is None:
        return parts, 1
    parts["jobs"] = {"build": {"runs-on": runs_on}}
    return parts, None
