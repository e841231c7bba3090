"""Lines of a YAML document: indentation, implicit keys, block scalars, directives."""

import re
from typing import NoReturn

from .json_text import Json
from .rejects import RejectedError
from .yaml_cursor import BLANK, CLOSING, Properties
from .yaml_flow import MAX_KEY, FlowCursor
from .yaml_scalars import PLAIN, block_lines, block_text

__all__ = ["COLON", "KEY", "LineCursor"]

# From the end of a node to the next line with content, past comments and blank lines:
# the spaces (1) and tabs (2) before that content.
_GAP = re.compile(
    rf"[ \t]*+(?:(?<=[ \t{CLOSING}])#[^\n]*+)?+\n"
    r"(?:[ \t]*+(?:#[^\n]*+)?+\n)*+( *+)([ \t]*+)"
)
# The header of a block scalar: `|` or `>`, then the indentation and the chomping, in
# this order (1, 2) or the other (3, 4); nothing but a comment may follow.
_HEADER = re.compile(
    r"[|>](?:([1-9])([-+])?+|([-+])([1-9])?+)?+(?:[ \t]++(?:#[^\n]*+)?+)?+\n"
)
# A line whose indentation has a tab in it.
_TAB = re.compile(r" *+\t")
# The blank lines (1) that begin a block scalar, and the indentation (2) of its content.
_LEADING = re.compile(r"((?: *+\n)*+)( *+)")
# A directive: its name (1) and its words (2), up to a comment.
_DIRECTIVE = re.compile(r"%([^ \t\n]*+)((?:[ \t]++[^ \t\n#][^ \t\n]*+)*+)")
_PLAIN = re.compile(PLAIN)
# An implicit key on one line, up to its colon: plain, quoted, an alias, or empty.
KEY = re.compile(
    rf"""(?:{PLAIN}|"(?:[^"\\\n]++|\\[^\n])*+"|'(?:[^'\n]++|'')*+'"""
    r"|\*[^ \t\n,\[\]{}]++)?+[ \t]*+:(?=[ \t\n])"
)
# A colon that makes the node before it a key.
COLON = re.compile(r"[ \t]*+:(?=[ \t\n])")
# The handle of a %TAG directive: `!`, `!!` or `!name!`.
_HANDLE = re.compile(r"!(?:[0-9A-Za-z-]*+!)?+")


class LineCursor(FlowCursor):
    """Moves from line to line."""

    indent = 0
    """Spaces before the content of the current line, -1 at the end of the document."""
    is_tabbed = False
    """Whether there are tabs between these spaces and the content."""
    is_cut = False
    """Whether the author's last line has no line break; `parse_yaml` added it."""

    def next_line(self) -> None:
        """Move to the content of the next line that has any."""
        text = self.text
        gap = _GAP.match(text, self.pos)
        if gap is None:
            raise self.error("expected the end of the line")
        start, end = gap.span(1)
        self.pos, self.indent = pos, indent = gap.end(), end - start
        self.is_tabbed = pos > end
        if pos == len(text):
            self.indent = -1
        elif pos == start and text[pos] in "-.":
            is_mark = text.startswith(("---", "..."), pos) and text[pos + 3] in BLANK
            self.indent = -1 if is_mark else indent

    def prefix(self) -> bool:
        """Read `...` and directives before the document; whether `---` follows."""
        text = self.text
        seen: set[str] = set()
        while self.indent < 0 and text.startswith("...", self.pos):
            self.pos += 3
            self.next_line()
        while self.indent == 0 and text[self.pos] == "%" and not self.is_tabbed:
            self._directive(seen)
            self.next_line()
        is_explicit = self.indent < 0 and text.startswith("---", self.pos)
        if seen and not is_explicit:
            raise self.error("expected --- behind directives")
        return is_explicit

    def _directive(self, seen: set[str]) -> None:
        """Read `%YAML` or `%TAG`; skip any other directive."""
        match = _DIRECTIVE.match(self.text, self.pos)
        assert match is not None
        name, words = match[1], match[2].split()
        subject = name
        if name == "YAML":
            if len(words) != 1 or not re.fullmatch(r"1\.[0-9]++", words[0]):
                raise self.error(f"incompatible YAML {' '.join(words)[:100]}")
        elif name == "TAG":
            if len(words) != 2 or not _HANDLE.fullmatch(words[0]):
                raise self.error("expected a handle and a prefix behind %TAG")
            self.handles[words[0]] = words[1]
            subject = f"TAG {words[0]}"
        if subject in seen and name in ("YAML", "TAG"):
            raise self.error(f"found %{subject[:100]} twice")
        seen.add(subject)
        self.pos = match.end()

    def block_scalar(self, parent: int) -> str:
        """Read a block scalar; stop before its last line break, as every node does."""
        text, header = self.text, _HEADER.match(self.text, self.pos)
        if header is None:
            raise self.error("expected a block scalar's indicators alone")
        digit, chomp = header[1] or header[4], header[2] or header[3] or ""
        leading = _LEADING.match(text, header.end())
        assert leading is not None
        blank, indent = leading[1], leading.end() - leading.end(1)
        has_content = parent < indent and leading.end() < len(text)
        if digit:
            indent = max(parent, 0) + int(digit)
        elif has_content and " " * (indent + 1) in blank:
            raise self.error("expected no line of more spaces before the first")
        if digit or has_content:
            lines = block_lines(indent).match(text, header.end())
            assert lines is not None
            content, end = lines[0], lines.end()
            if _TAB.match(text, end):
                raise self.error("found a tab in the indentation")
            if self.is_cut and end == len(text):
                content = _without_cut(content, indent)
        else:
            content, end = blank.replace(" ", ""), leading.end(1)
            if self.is_cut and content and end == len(text):
                # A last line of spaces without a line break counts as a line only if it
                # is the only one.
                is_inside = len(blank) - 2 - blank.rfind("\n", 0, -1) > parent
                content = content[1:] or "\n" * is_inside
        self.pos = end - 1
        folded = text[header.start()] == ">"
        return block_text(content, indent, folded=folded, chomp=chomp)

    def inline(self, parent: int, properties: Properties | None) -> Json:
        """Read a scalar, an alias or a flow collection."""
        character = self.text[self.pos]
        if character in "[{":
            return self.flow(properties)
        if character in "\"'":
            return self.scalar(self.quoted(), properties)
        if character == "*":
            return self.alias(properties)
        if character in "|>":
            return self.scalar(self.block_scalar(parent), properties)
        plain = _PLAIN.match(self.text, self.pos)
        if plain is None:
            raise self.error(f"found {character!r} where no value begins")
        self.pos = plain.end()
        text = self.plain(plain[0], parent)
        return self.scalar(text, properties, is_plain=True)

    def new_key(self, key: str, pairs: dict[str, Json], end: int) -> str:
        """Check a key whose source goes from here to `end`; count and return it."""
        if end - self.pos > MAX_KEY:
            raise self.error(f"found a key of more than {MAX_KEY:,} characters")
        if key in pairs:
            raise RejectedError("duplicate_key", repr(key[:100]))
        self.characters += len(key)
        return key

    def implicit_key(self, pairs: dict[str, Json]) -> str:
        """Read a key and its colon."""
        start, properties = self.pos, None
        if self.text[start] in "&!":
            properties = self.properties()
        match = KEY.match(self.text, self.pos)
        if match is None:
            self._refuse_key(start)
        nodes, characters = self.nodes, self.characters
        self._key_node(properties)
        self.nodes, self.characters = nodes, characters  # keys are not counted
        self.pos = start
        key = self.new_key(self.key(start), pairs, match.end())
        self.pos = match.end()
        return key

    def _key_node(self, properties: Properties | None) -> None:
        """Read the scalar or alias of a key; leave its text in `source`."""
        before, character = self.begin(properties), self.text[self.pos]
        if character == "*":
            self.alias(properties)
            return
        is_plain = character not in "\"'"
        if not is_plain:
            text = self.quoted()
        else:
            plain = _PLAIN.match(self.text, self.pos)
            text = "" if plain is None else plain[0].rstrip(" \t")
        if properties is None:
            self.source = text
        else:
            value = self.scalar(text, properties, is_plain=is_plain)
            self.end(before, value)

    def _refuse_key(self, start: int) -> NoReturn:
        """Raise the error for what is here instead of a key."""
        if self.text[self.pos] == "*":
            self.alias()
        if self.text[self.pos] in "[{":
            self.flow(None)
            if COLON.match(self.text, self.pos):
                self.key(start)
        raise self.error("expected a key and a colon")


def _without_cut(lines: str, indent: int) -> str:
    """Drop the last line of a block scalar if it holds nothing but indentation."""
    start = lines.rfind("\n", 0, -1) + 1
    is_blank = len(lines) - 1 - start <= indent and lines[start:].isspace()
    return lines[:start] if is_blank else lines
