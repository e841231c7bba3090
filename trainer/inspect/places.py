"""Find where the tokens of a document are cut in its YAML.

    ids ──decode ids[:a]──▶ beginning of the JSON text ──leaves──▶ place in the YAML

The beginning of the JSON text tells how many *leaves* (keys, scalars and empty
containers) are complete, and how many characters of an open string.  The YAML has the
same leaves in the same order, so each cut has a place there, exact to the character.
In a block text whose lines do not match its value, the place is the beginning of the
text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from ...data.documents.json_text import dump
from ...data.documents.yaml_writer import to_yaml
from ...data.tokenizer import Tokenizer
from ...data.windows import Windows

__all__ = ["Stretch", "stretches", "yaml_places"]

_LEAF = re.compile(r'"(?:[^"\\]|\\.)*"|\{\}|\[\]|[^][{}:,"\s]+')
_JSON_CHARACTER = re.compile(r"\\u[0-9a-f]{4}|\\.|[^\\]", re.DOTALL)
_YAML_CHARACTER = re.compile(
    r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)|[^\\]"
)
_BREAK = re.compile("[\n\x85\u2028\u2029]")  # what ends a line of a literal block
_EMPTY = (
    (yaml.MappingStartEvent, yaml.MappingEndEvent),
    (yaml.SequenceStartEvent, yaml.SequenceEndEvent),
)
_LINE_START = re.compile(r"[-? ]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """The text from one cut to the next."""

    start: int
    """Token at which it begins."""
    end: int
    """One past its last token."""
    window: int | None
    """Number of the window that begins here; None if no window holds these tokens."""
    text: str
    """YAML."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Leaf:
    """A key, scalar or empty container in YAML text."""

    start: int
    end: int
    style: str
    value: str | None
    """None for an empty container, which cannot be cut inside."""


def stretches(
    tokenizer: Tokenizer, ids: NDArray[np.uint16], windows: Windows
) -> list[Stretch]:
    """Cut a whole document into pieces that begin where a window does.

    The joined texts are the YAML of the document.  Where windows overlap, a stretch
    ends where the next window begins.

    Args:
        tokenizer: the tokenizer of the ids.
        ids: of the whole document.
        windows: of this document, ascending.
    """
    begins: list[tuple[int, int | None]] = []
    covered = 0
    for number, start in enumerate(windows.start.tolist()):
        if start > covered:
            begins.append((covered, None))
        begins.append((start, number))
        covered = max(covered, int(windows.end[number]))
    if covered < len(ids):
        begins.append((covered, None))
    stops = [start for start, _ in begins] + [len(ids)]
    text, places = yaml_places(tokenizer, ids, stops)
    places[0] = 0
    return [
        Stretch(
            start=start,
            end=stops[index + 1],
            window=number,
            text=text[places[index] : places[index + 1]],
        )
        for index, (start, number) in enumerate(begins)
    ]


def yaml_places(
    tokenizer: Tokenizer, ids: NDArray[np.uint16], stops: Sequence[int]
) -> tuple[str, list[int]]:
    """The YAML of a document, and its place after given numbers of tokens.

    Args:
        tokenizer: the tokenizer of the ids.
        ids: of the whole document.
        stops: numbers of tokens, ascending, up to ``len(ids)``.

    Returns:
        text: the YAML; a lone surrogate, which it cannot hold, is U+FFFD.
        places: for each stop an index into the text, ascending.
    """
    decoder, lengths, done = tokenizer.decoder(), [], 0
    for stop in stops:
        decoder.feed(ids[done:stop])
        done = stop
        lengths.append(len(decoder.prefix().text))
    decoder.feed(ids[done:])
    value = decoder.value()
    json_text, text = dump(value), to_yaml(value, bare_keys=tokenizer.kind.bare_keys)
    json_leaves = [match.span() for match in _LEAF.finditer(json_text)]
    ends = np.array([end for _, end in json_leaves])
    yaml_leaves = list(_yaml_leaves(text))
    assert len(json_leaves) == len(yaml_leaves), "JSON and YAML have the same leaves"
    places = []
    for length in lengths:
        number = int(np.searchsorted(ends, length, side="right"))
        if number == len(yaml_leaves):
            places.append(len(text))
            continue
        begun = json_text[json_leaves[number][0] + 1 : length]
        num_characters = len(_JSON_CHARACTER.findall(begun))
        places.append(_place(text, yaml_leaves[number], num_characters))
    return text, places


def _yaml_leaves(text: str) -> Iterator[_Leaf]:
    previous: Any = None
    events: Iterator[Any] = yaml.parse(text, Loader=yaml.CSafeLoader)
    for event in events:
        kind, end = type(event), event.end_mark.index
        if kind is yaml.ScalarEvent:
            yield _Leaf(
                start=event.start_mark.index,
                end=end,
                style=event.style or "",
                value=event.value,
            )
        elif (type(previous), kind) in _EMPTY:
            start = previous.start_mark.index
            yield _Leaf(start=start, end=end, style="", value=None)
        previous = event


def _place(text: str, leaf: _Leaf, num_characters: int) -> int:
    """Index after some characters of a leaf and everything before it."""
    if num_characters and leaf.value is not None:
        return _inside(text, leaf, leaf.value, num_characters)
    if text[leaf.start] == "\n":  # a value that is not written, as in `push:`
        return leaf.start + 1
    line = text.rfind("\n", 0, leaf.start) + 1
    is_first = _LINE_START.fullmatch(text, line, leaf.start)
    return line if is_first else leaf.start


def _inside(text: str, leaf: _Leaf, value: str, num_characters: int) -> int:
    if leaf.style == "'":
        return leaf.start + 1 + num_characters + value.count("'", 0, num_characters)
    if leaf.style == '"':
        units = _YAML_CHARACTER.finditer(text, leaf.start + 1)
        return [next(units).end() for _ in range(num_characters)][-1]
    if leaf.style == "|":
        return _inside_block(text, leaf, value, num_characters)
    return leaf.start + num_characters


def _inside_block(text: str, leaf: _Leaf, value: str, num_characters: int) -> int:
    begin = text.index("\n", leaf.start) + 1
    written = _BREAK.split(text[begin : leaf.end])
    lines = _BREAK.split(value)
    indent = next(
        (len(a) - len(b) for a, b in zip(written, lines, strict=False) if b), 0
    )
    place, left = begin, num_characters
    for line, spelled in zip(lines, written, strict=False):
        if spelled != (" " * indent + line if line else ""):
            break
        if left <= len(line):
            # At the beginning of a line the indent belongs to what follows.
            return place + left + (indent if left else 0)
        left -= len(line) + 1
        place += len(spelled) + 1
    return leaf.start
