"""A position in a YAML text: reads scalars, aliases and properties, and counts.

This is the first of four layers, each a subclass of the one before:

    ScalarCursor  here              scalars, aliases, anchors and tags; bounds
    FlowCursor    yaml_flow.py      collections in brackets and braces
    LineCursor    yaml_lines.py     indentation, keys, block scalars, directives
    _Reader       yaml_reader.py    collections by indentation; the document

The text has U+000A as its only line break; it begins with one that is not the author's
and ends in one.  So every character but these two has a neighbour on both sides.

`parent` is the column of the block collection around a node, -1 if there is none.  The
node's continuation lines are indented further than that.
"""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from .json_text import MAX_DEPTH, Json
from .rejects import MAX_CHARACTERS, MAX_NODES, RejectedError
from .yaml_scalars import (
    PLAIN_MORE,
    PLAIN_MORE_FLOW,
    TAG,
    core_scalar,
    double_quoted_text,
    fold,
    single_quoted_text,
    tab_line,
    tagged_scalar,
)

__all__ = ["BLANK", "BLANKS", "CLOSING", "Properties", "ScalarCursor"]

BLANK = frozenset(" \t\n")
BLANKS = re.compile(r"[ \t]*+")
# YAML wants white space before a comment; other readers, and people, let a comment also
# touch a node that ends in one of these.
CLOSING = r"\]}\"'"

# A line break, blank lines (1), and the spaces before the next content (2).
_LINE = re.compile(r"\n((?:[ \t]*+\n)*+)( *+)[ \t]*+")
# `---` or `...`, which end a document; to be matched at the beginning of a line.
_DOCUMENT_MARK = re.compile(r"(?:---|\.\.\.)(?=[ \t\n])")
# The same inside of quotes, where it is an error.
_MARK_LINE = re.compile(r"\n(?:---|\.\.\.)(?:[ \t\n]|\Z)")
# Quoted scalars; the text between the quotes (1) may hold escaped quotes.
_DOUBLE = re.compile(r'"((?:[^"\\]++|\\[^"]|\\")*+)"')
_SINGLE = re.compile(r"'((?:[^']++|'')*+)'")
# The name of an anchor or an alias, behind its `&` or `*`.
_NAME = re.compile(r"[^ \t\n,\[\]{}]++")
# A tag: verbatim, `!<tag:yaml.org,2002:str>` (1); a handle (2) and a suffix (3), as in
# `!!str`; or local, `!thing` (4).
_TAG_NAME = re.compile(
    r"!<([^ \t\n<>]++)>|(![0-9A-Za-z-]*+!)([^ \t\n!,\[\]{}]*+)|!([^ \t\n!,\[\]{}]*+)"
)
_MAX_TAG = 1024  # characters; known tags are shorter, even with escapes
# Characters that YAML allows in quotes only.
_ODD = re.compile("[\x7f-\x84\x86-\x9f\ufffe\uffff]")


@dataclass(slots=True)
class Anchored:
    """A value with an anchor, and its size; while it is read, the counts before it."""

    nodes: int
    characters: int
    height: int
    """Levels of collections in it."""
    value: Json = None
    is_whole: bool = False
    """Whether it has been read; an alias inside its own node is unknown."""


@dataclass(frozen=True, slots=True)
class Properties:
    """The properties of a node: `&anchor` and `!tag`, in any order before it."""

    anchor: str | None = None
    tag: str | None = None


class ScalarCursor:
    """Reads scalars, aliases and properties; bounds values, characters and depth."""

    def __init__(self, text: str) -> None:
        """Start at the line break before the first line."""
        self.text = text
        self.pos = 0
        self.nodes = 0
        self.characters = 0
        self.depth = 0
        self.deepest = 0
        """Greatest depth since the innermost open anchor began."""
        self.anchors: dict[str, Anchored] = {}
        self.handles = {"!": "!", "!!": TAG}
        self.flow_depth = 0
        self.is_key = False
        """Whether the node being read is a key."""
        self.next_odd = self._odd_after(0)
        """Position of the next character of _ODD outside the quotes read so far."""
        self.source: str | None = None
        """Text of the last node, None if it was a collection: a key is its text."""

    # -- bounds and errors -------------------------------------------------------------

    def error(self, problem: str) -> RejectedError:
        """A syntax error at this position, to be raised."""
        return RejectedError("syntax", f"{self._place(self.pos)}: {problem}")

    def check_odd(self, end: int) -> None:
        """Refuse characters for quotes that stand outside of them, before `end`."""
        if self.next_odd < end:
            self.pos = self.next_odd
            found = ascii(self.text[self.pos])
            raise self.error(f"found {found} outside of quotes")

    def _odd_after(self, pos: int) -> int:
        odd = _ODD.search(self.text, pos)
        return len(self.text) if odd is None else odd.start()

    def key(self, start: int) -> str:
        """Use the last node, which began at `start`, as a key."""
        if self.source is None:
            begin = self.text[start : start + 40].partition("\n")[0]
            raise RejectedError("key_not_scalar", f"{self._place(start)}: {begin}")
        return self.source

    def _place(self, pos: int) -> str:
        line = self.text.count("\n", 0, pos) or 1
        column = pos - self.text.rfind("\n", 0, pos)
        return f"line {line:,}, column {column:,}"

    def count(self, nodes: int, characters: int) -> None:
        """Add to the counts, and check their bounds."""
        self.nodes += nodes
        self.characters += characters
        if self.nodes > MAX_NODES:
            raise RejectedError("too_many_nodes", f"more than {MAX_NODES:,} values")
        if self.characters > MAX_CHARACTERS:
            raise RejectedError(
                "too_large", f"more than {MAX_CHARACTERS:,} characters with aliases"
            )

    def enter(self, properties: Properties | None, kind: Literal["map", "seq"]) -> None:
        """Begin a collection."""
        tag = None if properties is None else properties.tag
        if tag not in (None, "!", TAG + kind):
            raise RejectedError("unknown_tag", str(tag)[:100])
        self.deepen(1)
        self.depth += 1
        self.count(1, 0)

    def leave(self) -> None:
        """End a collection."""
        self.depth -= 1
        self.source = None

    def deepen(self, levels: int) -> None:
        """Check that this many more levels do not exceed the depth limit."""
        depth = self.depth + levels
        if depth > MAX_DEPTH:
            raise RejectedError("too_deep", f"nested deeper than {MAX_DEPTH}")
        self.deepest = max(self.deepest, depth)

    # -- anchors, aliases, tags --------------------------------------------------------

    def begin(self, properties: Properties | None) -> Anchored | None:
        """Begin a node; if it has an anchor, return what `end` needs."""
        if properties is None or properties.anchor is None:
            return None
        node = Anchored(self.nodes, self.characters, self.deepest)
        # An anchor of the same name inside this node begins later and replaces it.
        self.anchors[properties.anchor] = node
        self.deepest = self.depth
        return node

    def end(self, node: Anchored | None, value: Json) -> None:
        """End a node; if it has an anchor, aliases may copy it from now on."""
        if node is None:
            return
        deepest = max(node.height, self.deepest)
        node.nodes = self.nodes - node.nodes
        node.characters = self.characters - node.characters
        node.height = self.deepest - self.depth
        node.value, node.is_whole = value, True
        self.deepest = deepest

    def alias(self, properties: Properties | None = None) -> Json:
        """Read an alias; its value is shared, but counted as a copy."""
        name = _NAME.match(self.text, self.pos + 1)
        if name is None or properties is not None:
            raise self.error("expected an alias alone")
        found = self.anchors.get(name[0])
        if found is None or not found.is_whole:
            where = self._place(self.pos)
            raise RejectedError("unknown_alias", f"{where}: *{name[0][:100]}")
        self.pos = name.end()
        self.deepen(found.height)
        self.count(found.nodes, found.characters)
        self.source = found.value if isinstance(found.value, str) else None
        return found.value

    def properties(self, known: Properties | None = None) -> Properties:
        """Read an anchor, a tag or both, and the blanks behind them."""
        anchor, tag = (None, None) if known is None else (known.anchor, known.tag)
        ends = " \t\n,]}" if self.flow_depth else " \t\n"
        while self.text[self.pos] in "&!":
            if self.text[self.pos] == "&" and anchor is None:
                name = _NAME.match(self.text, self.pos + 1)
                anchor = name and name[0]
            elif self.text[self.pos] == "!" and tag is None:
                name = _TAG_NAME.match(self.text, self.pos)
                tag = name and self._resolve(name)
            else:
                raise self.error("found a second anchor or tag")
            if name is None or self.text[name.end()] not in ends:
                raise self.error("expected an anchor or a tag")
            self.pos = BLANKS.match(self.text, name.end()).end()  # type: ignore[union-attr]
        return Properties(anchor, tag)

    def _resolve(self, name: re.Match[str]) -> str:
        if name.end() - name.start() > _MAX_TAG:
            raise RejectedError("unknown_tag", name[0][:100])
        verbatim, handle, suffix, local = name.groups()
        if verbatim:
            return str(verbatim)
        if handle is None:
            return self.handles["!"] + unquote(local) if local else "!"
        prefix = self.handles.get(handle)
        if prefix is None or not suffix:
            raise self.error(f"found the unknown tag {name[0][:100]!r}")
        return prefix + unquote(suffix)

    # -- scalars -----------------------------------------------------------------------

    def scalar(
        self, text: str, properties: Properties | None, *, is_plain: bool = False
    ) -> Json:
        """The value of a scalar with this text; counts it."""
        self.count(1, len(text))
        self.source = text
        if properties is not None and properties.tag is not None:
            return tagged_scalar(text, properties.tag)
        if self.is_key and (properties is None or properties.anchor is None):
            return text  # even if it looks like a number that JSON cannot hold
        return core_scalar(text) if is_plain else text

    def quoted(self) -> str:
        """Read a quoted scalar; return its text.

        Continuation lines may have any indentation: YAML 1.2 forbids that, but GitHub
        runs such workflows.
        """
        is_double = self.text[self.pos] == '"'
        match = (_DOUBLE if is_double else _SINGLE).match(self.text, self.pos)
        if match is None:
            raise self.error("expected closing quotes")
        raw = match[1]
        if self.next_odd < match.end():
            self.check_odd(self.pos)
            self.next_odd = self._odd_after(match.end())
        if "\n" in raw and _MARK_LINE.search(raw):
            raise self.error("found the end of the document in quotes")
        try:
            text = double_quoted_text(raw) if is_double else single_quoted_text(raw)
        except ValueError as error:
            raise self.error(str(error)) from error
        self.pos = match.end()
        return text

    def plain(self, first: str, parent: int) -> str:
        """Read the continuation lines of a plain scalar; return its whole text.

        Args:
            first: the text on its first line, which ends here.
            parent: continuation lines are indented further.
        """
        pattern = PLAIN_MORE_FLOW if self.flow_depth else PLAIN_MORE
        parts = [first.rstrip(" \t")]
        while True:
            line = _LINE.match(self.text, self.pos)
            if line is None or line.end(2) - line.start(2) <= parent:
                break
            blank = line[1].rstrip("\n")
            if parent >= 0 and "\t" in blank and tab_line(parent).search("\n" + blank):
                break  # a tab cannot stand for indentation
            more = pattern.match(self.text, line.end())
            if more is None or (
                line.end() == line.end(1)
                and _DOCUMENT_MARK.match(self.text, line.end())
            ):
                break
            parts += fold("\n" + line[1]), more[0].rstrip(" \t")
            self.pos = more.end()
        return "".join(parts)
