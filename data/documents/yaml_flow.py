"""Flow collections of YAML 1.2: sequences in brackets and mappings in braces.

They ignore indentation and line breaks, so this layer looks at characters only.
"""

import re

from .json_text import Json
from .rejects import RejectedError
from .yaml_cursor import BLANK, BLANKS, CLOSING, Properties, ScalarCursor
from .yaml_scalars import PLAIN_FLOW, core_scalar

__all__ = ["MAX_KEY", "FlowCursor"]

MAX_KEY = 1024
"""Most characters in the source of a key that must be on one line."""

# White space, comments and line breaks up to the next token.
_GAP = re.compile(rf"(?:[ \t]*+(?:(?<=[ \t\n{CLOSING}])#[^\n]*+)?+\n)*+[ \t]*+")
_PLAIN = re.compile(PLAIN_FLOW)
# Fast path: an item of plain text (1) on one line, as in `[main, develop]`.
_ITEM = re.compile(rf" *+({PLAIN_FLOW})(?=[,\]])")
# Fast path: a key, plain (1) or double-quoted without escapes (2), and its colon.
_KEY = re.compile(rf' *+(?:({PLAIN_FLOW}):(?=[ \t\n,\[\]{{}}])|"([^"\\\n]*+)"[ \t]*+:)')
# A colon that makes the scalar before it a key.
_COLON = re.compile(r"[ \t]*+:(?=[ \t\n,\[\]{}])")
_ENDS = frozenset(" \t\n,[]{}")


class FlowCursor(ScalarCursor):
    """Reads flow collections."""

    def flow(self, properties: Properties | None) -> Json:
        """Read a flow collection."""
        self.flow_depth += 1
        value: Json
        if self.text[self.pos] == "[":
            self.enter(properties, "seq")
            value = self._items()
        else:
            self.enter(properties, "map")
            value = self._pairs()
        self.pos += 1
        self.leave()
        self.flow_depth -= 1
        return value

    def _items(self) -> list[Json]:
        items: list[Json] = []
        self.pos += 1
        while True:
            item = _ITEM.match(self.text, self.pos)
            if item is not None:
                text = item[1].rstrip(" \t")
                self.count(1, len(text))
                items.append(core_scalar(text))
                self.pos = item.end()
            else:
                self._gap()
                if self._is_end("]"):
                    return items
                items.append(self._item())
                self._gap()
            if not self._has_next("]"):
                return items

    def _is_end(self, closing: str) -> bool:
        """Whether the closing bracket is here; a comma without an entry is an error."""
        if self.text[self.pos] == ",":
            raise self.error("found a comma with nothing before it")
        return self.text[self.pos] == closing

    def _has_next(self, closing: str) -> bool:
        """Skip a comma and return True, or return False at the closing bracket."""
        if self.text[self.pos] == ",":
            self.pos += 1
            return True
        if self.text[self.pos] != closing:
            raise self.error(f"expected , or {closing}")
        return False

    def _item(self) -> Json:
        """Read an item of a sequence: a node, or a pair without braces, `[a: 1]`."""
        start = self.pos
        if self.is_indicator("?"):
            self.enter(None, "map")
            key, value = self._pair()
            self.leave()
            return {key: value}
        item, is_json = self._flow_node()
        key_end = self.pos
        self.pos = BLANKS.match(self.text, self.pos).end()  # type: ignore[union-attr]
        if not self._is_value(is_json=is_json):
            return item
        if "\n" in self.text[start:key_end] or key_end - start > MAX_KEY:
            raise self.error(f"expected a key on one line of {MAX_KEY:,} characters")
        key = self.key(start)
        # Keys are not counted, but the object around the pair is: its key stood in.
        self.deepen(1)
        self.depth += 1
        self.pos += 1
        self._gap()
        pair: Json = {key: self._flow_node()[0]}
        self.leave()
        return pair

    def _pairs(self) -> dict[str, Json]:
        pairs: dict[str, Json] = {}
        self.pos += 1
        while True:
            found = _KEY.match(self.text, self.pos)
            if found is not None and found.end() <= self.next_odd:
                key = found[2] if found[1] is None else found[1].rstrip(" \t")
                self.characters += len(key)
                self.pos, self.is_key = found.end(), False
                self._gap()
                value = self._flow_node()[0]
            else:
                self._gap()
                if self._is_end("}"):
                    return pairs
                key, value = self._pair()
            if key in pairs:
                raise RejectedError("duplicate_key", repr(key[:100]))
            pairs[key] = value
            self._gap()
            if not self._has_next("}"):
                return pairs

    def _pair(self) -> tuple[str, Json]:
        if self.is_indicator("?"):
            self.pos += 1
            self._gap()
        start, self.is_key = self.pos, True
        _, is_json = self._flow_node()
        self.is_key = False
        key = self.key(start)
        self.nodes -= 1
        self._gap()
        if not self._is_value(is_json=is_json):
            return key, self.scalar("", None, is_plain=True)
        self.pos += 1
        self._gap()
        return key, self._flow_node()[0]

    def _flow_node(self) -> tuple[Json, bool]:
        """Read a node, perhaps an empty one, and whether a colon may touch it.

        In `{"a":1}` it may, since the key ends in a quote; `{a:1}` is plain text.
        """
        properties = None
        while self.text[self.pos] in "&!":
            properties = self.properties(properties)
            self._gap()
        before = self.begin(properties)
        character = self.text[self.pos]
        value: Json
        if character in "[{":
            value = self.flow(properties)
        elif character in "\"'":
            value = self.scalar(self.quoted(), properties)
        elif character == "*":
            value = self.alias(properties)
        else:
            text = self._plain_text()
            was_key = self.is_key
            self.is_key = was_key or _COLON.match(self.text, self.pos) is not None
            value = self.scalar(text, properties, is_plain=True)
            self.is_key = was_key
        self.end(before, value)
        return value, character in "\"'[{"

    def _plain_text(self) -> str:
        plain = _PLAIN.match(self.text, self.pos)
        if plain is not None:
            self.pos = plain.end()
            return self.plain(plain[0], -1)
        character = self.text[self.pos]
        if character in ",]}" or self._is_value(is_json=False):
            return ""
        raise self.error(f"found {character!r} where no value begins")

    def is_indicator(self, character: str) -> bool:
        """Whether this character is here, followed by white space."""
        text, pos = self.text, self.pos
        return text[pos] == character and text[pos + 1] in BLANK

    def _is_value(self, *, is_json: bool) -> bool:
        """Whether a colon is here that ends a key."""
        text, pos = self.text, self.pos
        return text[pos] == ":" and (is_json or text[pos + 1] in _ENDS)

    def _gap(self) -> None:
        """Move to the next token; the end of the text or document is an error."""
        text, start = self.text, self.pos
        self.pos = pos = _GAP.match(text, start).end()  # type: ignore[union-attr]
        if pos == len(text):
            raise self.error("expected the end of a flow collection")
        is_mark = text[pos - 1] == "\n" and text.startswith(("---", "..."), pos)
        if is_mark and text[pos + 3] in BLANK:
            raise self.error("found the end of the document in a flow collection")
