"""YAML whose parts were read before: versions of a file differ in a few lines.

    name: CI             ─▶ read before
    on: push             ─▶ read before
    jobs:                ─▶ long, so its entries are looked at one by one:
      lint: …            ─▶   read before
      test: …            ─▶   new, so libyaml reads it

An entry is a pair of a block mapping or an item of a block sequence: the line that
begins it, and all lines up to the next one with the same indentation that can begin
another.  libyaml reads an entry the same wherever it stands: where an entry ends, no
quote and no bracket is open, and all that the scanner still knows is the indentation.
Proof that the cut was right is that libyaml finds one pair or item for each line that
can begin one.  Whatever is not so, has an anchor or is rejected is read as a whole.
"""

import re
from collections.abc import Sequence
from functools import cache
from itertools import groupby, pairwise
from typing import TypeAlias

from ..data.json_text import Json
from ..data.rejects import MAX_NODES, RejectedError
from ..data.tokenizer.grammar import MAX_DEPTH
from ..data.yaml_core import MAX_FRAGMENT_DEPTH, parse_fragment, parse_yaml

__all__ = ["BlockParser"]

Fragment: TypeAlias = "dict[str, Json] | list[Json]"
"""What an entry stands for: one pair, or one item."""

_LONG = 256
"""Shorter entries are not taken apart: libyaml has its price per call."""
_MAX_LEVELS = MAX_DEPTH - MAX_FRAGMENT_DEPTH
_MAX_KNOWN = 1 << 23  # characters; what they stand for takes some ten bytes for each

_COMMENT = r"#[\t -~\xa0-\u2027\u202a-\ud7ff]*"  # in characters that YAML allows
_SPACE = rf"(?: *(?:{_COMMENT})?\n)*"
_START = re.compile(rf"{_SPACE}(?:--- *\n{_SPACE})?(?=[A-Za-z_])")
_HEAD = re.compile(
    rf" *([A-Za-z_][A-Za-z0-9_-]{{,99}}):(?: +{_COMMENT}| *)\n{_SPACE}"
    r"(?=( *)([A-Za-z_'\"-]))"
)
# What begins otherwise may be no entry of its own, such as `? key` and `: value`.
_PLAIN_ENTRY = re.compile(r" *[A-Za-z_'\"-]")
# Other ways to end a line, and what ends a document.
_ODD = ("\r", "\x85", "\u2028", "\u2029", "\n---", "\n...", "\n%")


class BlockParser:
    """Parses as `parse_yaml` does, and remembers the entries that it has read.

    What it returns shares parts with what it returned before: change nothing in it.
    """

    def __init__(self) -> None:
        """Begin without a memory."""
        self._known: dict[str, Fragment] = {}
        self._size = 0

    def parse(self, text: str) -> Json:
        """The value of a YAML text that holds one document.

        Raises:
            RejectedError: as `parse_yaml`.
        """
        start = _START.match(text)
        # No value is shorter than a character, so none of these has too many.
        if start and len(text) < MAX_NODES:
            block = text[start.end() :]
            block += "" if block.endswith("\n") else "\n"
            if not any(odd in block for odd in _ODD):
                try:
                    return self._collection(block, 0, 0)
                except (RejectedError, _UnclearError):
                    pass
        return parse_yaml(text)

    def _collection(self, block: str, indent: int, level: int) -> Json:
        """The mapping or sequence whose first entry begins `block`."""
        entries = _cut(block, indent)
        found = [self._find(entry, indent, level) for entry in entries]
        for is_new, group in groupby(range(len(entries)), lambda i: found[i] is None):
            if is_new:
                run = list(group)
                new = [entries[position] for position in run]
                for position, fragment in zip(run, _read(new), strict=True):
                    self._learn(entries[position], fragment)
                    found[position] = fragment
        return _joined(found)

    def _find(self, entry: str, indent: int, level: int) -> "Fragment | None":
        """What an entry is known to stand for, or its own entries are."""
        fragment = self._known.get(entry)
        if fragment is None and len(entry) > _LONG and level < _MAX_LEVELS:
            head = _HEAD.match(entry)
            if head is not None:
                inner, is_sequence = len(head[2]), head[3] == "-"
                if inner > indent or (inner == indent and is_sequence):
                    value = self._collection(entry[head.end() :], inner, level + 1)
                    fragment = {head[1]: value}
                    self._learn(entry, fragment)
        return fragment

    def _learn(self, entry: str, fragment: Fragment) -> None:
        self._size += len(entry)
        if self._size > _MAX_KNOWN:
            self._known.clear()
            self._size = len(entry)
        self._known[entry] = fragment


class _UnclearError(Exception):
    """Where the entries of a block begin is not as its lines look."""


def _cut(block: str, indent: int) -> list[str]:
    """The entries of a block whose first line has so many spaces."""
    beginning = _beginning(indent, is_sequence=block[indent] == "-")
    starts = [match.start() + 1 for match in beginning.finditer(block)]
    return [block[a:b] for a, b in pairwise([0, *starts, len(block)])]


@cache
def _beginning(indent: int, *, is_sequence: bool) -> re.Pattern[str]:
    # An item of a sequence may stand as far left as the key that the sequence is for.
    first = "-" if is_sequence else r"[^ \t\n#-]"
    return re.compile(f"\n {{{indent}}}(?={first})")


def _read(entries: Sequence[str]) -> Sequence[Fragment]:
    """What libyaml finds in some entries of one collection."""
    if not all(map(_PLAIN_ENTRY.match, entries)):
        raise _UnclearError
    value = parse_fragment("".join(entries))
    if not isinstance(value, dict | list) or len(value) != len(entries):
        raise _UnclearError
    if isinstance(value, list):
        return [[item] for item in value]
    return [{key: item} for key, item in value.items()]


def _joined(fragments: "Sequence[Fragment | None]") -> Json:
    """The collection of all fragments."""
    if isinstance(fragments[0], list):
        return [item for fragment in fragments for item in fragment or ()]
    pairs: dict[str, Json] = {}
    for fragment in fragments:
        assert isinstance(fragment, dict)
        pairs.update(fragment)
    if len(pairs) < len(fragments):
        raise _UnclearError  # a key comes twice
    return pairs
