"""Read YAML 1.2 as JSON values, the way GitHub reads workflows.

One recursive-descent pass turns text into values, without events or a tree in between.
`yaml_cursor.py` shows the four layers; this one reads nodes by their indentation.  The
common line, a plain key with a plain value, is a single regular expression.

`<<` is an ordinary key.  Aliases become copies.  A key that is not a string keeps its
source text.  Depth, values and characters are bounded while reading, and every step is
linear in the text that it passes.

Source: YAML 1.2.2, chapters 5 to 9.
"""

import re

from ..native import core
from .json_text import Json
from .rejects import RejectedError
from .yaml_cursor import BLANKS, Properties
from .yaml_lines import COLON, KEY, LineCursor
from .yaml_scalars import PLAIN

__all__ = ["parse_in_python", "parse_yaml"]

# Characters that YAML allows nowhere.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
# The beginning of the text or a line `...` (1), then comments and byte order marks (2);
# the marks are dropped.
_MARKED = re.compile(
    r"(\A|^\.\.\.(?:[ \t][^\n]*+)?+\n)"
    "((?:\ufeff*+[ \t]*+(?:#[^\n]*+)?+\n)*+\ufeff*+)",
    re.MULTILINE,
)
# The fast path: the end of a line whose next line has content, and the indentation of
# that content (1).  Comments, blank lines, and `-` or `.` at the margin, which may be a
# document mark, are left to the general path.
_END = r"[ \t]*+\n( *+)(?:(?=[^ \t\n#.-])|(?<= )(?=[.-]))"
# A plain key (1), perhaps a plain value on the same line (2), perhaps an _END (3).
_PAIR = re.compile(rf"({PLAIN}):(?=[ \t\n])(?: ++({PLAIN}))?+(?:{_END})?+")
# A sequence item: a dash, a plain value (1), and an _END (2) or the line's end.
_ITEM = re.compile(rf"- ++({PLAIN})(?:{_END}|(?=[ \t]*+\n))")
# Values of `_Reader._column` if no block collection begins.
_INLINE = -1  # a node begins here that cannot be a block collection
_EMPTY = -2  # no node begins here, so the value is null


def parse_yaml(text: str) -> Json:
    """The value of a YAML text that holds one document.

    Raises:
        RejectedError: the text is not YAML, or not one document of JSON values.
    """
    raw, text = text, text.replace("\r\n", "\n").replace("\r", "\n")
    value = NotImplemented if core is None else core.read_yaml(text)
    return parse_in_python(raw, text) if value is NotImplemented else value


def parse_in_python(raw: str, text: str) -> Json:
    """Parse a text that the compiled core is not sure of; it defines what is right.

    Args:
        raw: the text as it is.
        text: the same with U+000A as its only line break.
    """
    if forbidden := _FORBIDDEN.search(raw):
        line = raw.count("\n", 0, forbidden.start()) + 1
        raise RejectedError("syntax", f"line {line:,}: found control characters")
    if "\ufeff" in text:
        text = _MARKED.sub(lambda found: found[0].replace("\ufeff", ""), text)
    reader = _Reader(f"\n{text}\n" if not text.endswith("\n") else f"\n{text}")
    reader.is_cut = not text.endswith("\n")
    return reader.document()


class _Reader(LineCursor):
    """Reads one document."""

    def document(self) -> Json:
        """Read the only document."""
        self.next_line()
        is_explicit = self.prefix()
        if is_explicit:
            self.pos += 3
        elif self.indent < 0:
            raise RejectedError("empty", "no document")
        # Behind `---` the node may begin on the same line; otherwise it begins here.
        value = self._node(-1, None if is_explicit else self._column(-1, dash=False))
        if self.indent >= 0:
            raise self.error("expected the end of the document")
        if self.text.startswith("...", self.pos):
            self.pos += 3
            self.next_line()
        if self.pos < len(self.text):
            raise RejectedError("several_documents", "expected one document in a file")
        self.check_odd(len(self.text))
        return value

    # -- nodes -------------------------------------------------------------------------

    def _node(
        self,
        parent: int,
        column: int | None = None,
        *,
        dash: bool = True,
        compact: bool = False,
    ) -> Json:
        """Read the node behind an indicator, on this line or a later one.

        Args:
            parent: column of the collection around it.
            column: what `_column` returns, if this is the beginning of the node.
            dash: whether it may be a sequence in the column `parent`, as below a key.
            compact: whether a block collection may begin on this line, as in `- a: 1`.
        """
        if column is None:
            column = self._seek(parent, dash=dash, compact=compact)
        properties = None
        if column > _EMPTY and self.text[self.pos] in "&!":
            properties, column = self._properties_here(parent, column, dash=dash)
        before = None if properties is None else self.begin(properties)
        value: Json
        if column == _EMPTY:
            value = self.scalar("", properties, is_plain=True)
        elif column >= 0 and self.is_indicator("-"):
            value = self._sequence(column, properties)
        elif column >= 0 and (pair := _PAIR.match(self.text, self.pos)):
            value = self._mapping(column, properties, pair)
        elif column >= 0 and self._is_pair():
            value = self._mapping(column, properties)
        else:
            start = self.pos
            value = self.inline(parent, properties)
            if self.source is None and COLON.match(self.text, self.pos):
                self.key(start)
            self.next_line()
        if before is not None:
            self.end(before, value)
        return value

    def _seek(self, parent: int, *, dash: bool, compact: bool) -> int:
        """Move to the beginning of a node; return what `_column` does."""
        text, start = self.text, self.pos
        self.pos = pos = BLANKS.match(text, start).end()  # type: ignore[union-attr]
        if text[pos] == "\n" or (text[pos] == "#" and pos > start):
            self.pos = start
            self.next_line()
            return self._column(parent, dash=dash)
        if compact and "\t" not in text[start:pos]:
            return parent + 1 + pos - start  # the indicator is in column `parent`
        return _INLINE

    def _column(self, parent: int, *, dash: bool) -> int:
        """The column of a block collection that may begin with this line.

        _INLINE if only another node may begin here, _EMPTY if none may.
        """
        if self.indent > parent or (
            dash and self.indent == parent >= 0 and self.is_indicator("-")
        ):
            return _INLINE if self.is_tabbed else self.indent
        return _EMPTY

    def _properties_here(
        self, parent: int, column: int, *, dash: bool
    ) -> tuple[Properties | None, int]:
        """Read the properties of a node; return them and the column behind them."""
        found: Properties | None = None
        while column > _EMPTY and self.text[self.pos] in "&!":
            start = self.pos
            if column >= 0:
                self.properties()
                is_key = KEY.match(self.text, self.pos)
                self.pos = start
                if is_key:  # they belong to the first key, not to the mapping
                    return found, column
            found, column = self.properties(found), _INLINE
            if self.text[self.pos] in "\n#":
                self.next_line()
                column = self._column(parent, dash=dash)
        return found, column

    def _is_pair(self) -> bool:
        """Whether a pair of a mapping begins here."""
        return (
            KEY.match(self.text, self.pos) is not None
            or self.text[self.pos] in "&!"
            or self.is_indicator("?")
        )

    # -- block collections -------------------------------------------------------------

    def _sequence(self, column: int, properties: Properties | None) -> list[Json]:
        """Read the sequence in a column."""
        self.enter(properties, "seq")
        items: list[Json] = []
        while True:
            item = _ITEM.match(self.text, self.pos)
            if item is not None:  # the fast path
                items.append(self._plain_value(item, 1, column))
            else:
                self.pos += 1
                items.append(self._node(column, dash=False, compact=True))
            if not self._goes_on(column) or not self.is_indicator("-"):
                break
        self.leave()
        return items

    def _mapping(
        self,
        column: int,
        properties: Properties | None,
        pair: re.Match[str] | None = None,
    ) -> dict[str, Json]:
        """Read the mapping in a column; `pair` is the match of _PAIR here, if any."""
        self.enter(properties, "map")
        pairs: dict[str, Json] = {}
        while True:
            if pair is not None:  # the fast path
                key = self.new_key(pair[1].rstrip(" \t"), pairs, pair.end(1))
                if pair[2] is not None:
                    pairs[key] = self._plain_value(pair, 2, column)
                elif pair[3] is not None:
                    self._begin_line(pair, 3)
                    here = self._column(column, dash=True)
                    pairs[key] = self._node(column, here)
                else:
                    self.pos = pair.end()
                    pairs[key] = self._node(column)
            elif self.is_indicator("?"):
                key = self._explicit_key(column, pairs)
                is_pair = self._goes_on(column) and self.is_indicator(":")
                self.pos += is_pair
                empty = None if is_pair else _EMPTY
                pairs[key] = self._node(column, empty, compact=True)
            else:
                key = self.implicit_key(pairs)
                pairs[key] = self._node(column)
            if not self._goes_on(column):
                break
            pair = _PAIR.match(self.text, self.pos)
        self.leave()
        return pairs

    def _goes_on(self, column: int) -> bool:
        """Whether this line has another entry of the collection in a column."""
        if self.indent > column:
            raise self.error("expected fewer spaces")
        if self.indent == column and self.is_tabbed:
            raise self.error("found a tab in the indentation")
        return self.indent == column

    def _begin_line(self, match: re.Match[str], group: int) -> None:
        """Move to the next line, whose indentation is a group of _END."""
        self.pos, self.indent = match.end(), match.end(group) - match.start(group)
        self.is_tabbed = False

    def _plain_value(self, match: re.Match[str], group: int, column: int) -> Json:
        """Read a plain scalar on the fast path, and move to the next line.

        Args:
            match: of _PAIR or _ITEM.
            group: the scalar; the next group is that of _END.
            column: of the collection; a line indented further continues the scalar.
        """
        if match[group + 1] is not None:
            self._begin_line(match, group + 1)
        else:
            self.pos = match.end(group)
            self.next_line()
        text = match[group].rstrip(" \t")
        if self.indent > column:  # the scalar continues, or that line is an error
            self.pos = match.end(group)
            text = self.plain(text, column)
            self.next_line()
        return self.scalar(text, None, is_plain=True)

    def _explicit_key(self, column: int, pairs: dict[str, Json]) -> str:
        """Read the key behind `?`."""
        start = self.pos
        self.pos += 1
        self.is_key = True
        self._node(column, compact=True)
        self.is_key = False
        key = self.key(start)
        self.nodes -= 1  # keys are not counted
        self.characters -= len(key)
        return self.new_key(key, pairs, self.pos)
