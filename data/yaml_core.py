"""YAML 1.2 core values from libyaml events, as GitHub reads workflows.

`on`, `yes` and `10:30` are strings, `<<` is a key like any other, aliases are replaced
by copies under a bound, a key that is no string keeps its source text.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]

from .json_text import Json
from .rejects import MAX_CHARACTERS, MAX_NODES, RejectedError
from .tokenizer.grammar import MAX_DEPTH

__all__ = [
    "MAX_FRAGMENT_DEPTH",
    "bounded_integer",
    "core_scalar",
    "finite_float",
    "parse_fragment",
    "parse_yaml",
]

MAX_FRAGMENT_DEPTH = 100
"""Bounds what is put together of fragments, which may stand in one another."""

_SPECIAL: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NUMBER_START = frozenset("+-.0123456789")
_TAG = "tag:yaml.org,2002:"
# What newer versions of libyaml say at a depth of 1,000, looking ahead of the parser.
_TOO_DEEP = "exceeded maximum nesting depth"


def parse_yaml(text: str) -> Json:
    """The value of a YAML text that holds one document.

    Raises:
        RejectedError: the text is no YAML, or no single document of JSON values.
    """
    return _parse(text, _Builder())


def parse_fragment(text: str) -> Json:
    """The value of YAML lines that stand in a document without anchors.

    Raises:
        RejectedError: as `parse_yaml`, for other depths, or an anchor.
    """
    builder = _Builder(max_depth=MAX_FRAGMENT_DEPTH)
    value = _parse(text, builder)
    if builder.anchors:
        raise RejectedError("unknown_alias", "an anchor in a fragment")
    return value


def _parse(text: str, builder: "_Builder") -> Json:
    if not text.endswith("\n"):
        text += "\n"  # libyaml and YAML 1.2 differ on a block scalar that ends without
    parser = CParser(text)
    try:
        return builder.build(parser)
    except yaml.YAMLError as error:
        if getattr(error, "problem", None) == _TOO_DEEP:
            raise builder.too_deep() from error
        raise RejectedError("syntax", " ".join(str(error).split())) from error
    finally:
        parser.dispose()


def core_scalar(text: str) -> Json:
    """The value of a plain scalar under the YAML 1.2 core schema.

    Source: YAML 1.2.2, section 10.3.2, "Tag Resolution".
    """
    if text in _SPECIAL:
        return _SPECIAL[text]
    if text[0] in _NUMBER_START:
        if _INTEGER.fullmatch(text):
            return bounded_integer(text)
        if _FLOAT.fullmatch(text):
            return finite_float(text)
        if _OCTAL.fullmatch(text):
            return bounded_integer(text[2:], 8)
        if _HEXADECIMAL.fullmatch(text):
            return bounded_integer(text[2:], 16)
        if _NOT_FINITE.fullmatch(text):
            raise RejectedError("bad_number", f"{text} is not a JSON number")
    return text


def finite_float(text: str) -> float:
    """A float that JSON can hold."""
    number = float(text)
    if not math.isfinite(number):
        raise RejectedError("bad_number", f"{text} is not finite")
    return number


def bounded_integer(text: str, base: int = 10) -> int:
    """An integer of as many decimal digits as Python reads and writes."""
    try:
        value = int(text, base)
        str(value)
    except ValueError as error:
        problem = f"an integer of {len(text):,} digits"
        raise RejectedError("bad_number", problem) from error
    return value


@dataclass(slots=True)
class _Value:
    """A value and what it costs to copy."""

    value: Json
    nodes: int = 1
    characters: int = 0
    height: int = 0


@dataclass(slots=True)
class _Open:
    """A collection under construction."""

    value: Any
    anchor: str | None = None
    nodes: int = 1
    characters: int = 0
    height: int = 1
    key: str | None = None

    @property
    def wants_key(self) -> bool:
        return type(self.value) is dict and self.key is None


@dataclass(slots=True)
class _Builder:
    """Builds a value from parser events, without recursion."""

    max_depth: int = MAX_DEPTH
    anchors: dict[str, _Value] = field(default_factory=dict)
    stack: list[_Open] = field(default_factory=list)

    def build(self, parser: Any) -> Json:
        """Read all events; the value of the only document."""
        get = parser.get_event
        get()  # stream start
        if isinstance(get(), yaml.StreamEndEvent):
            raise RejectedError("empty", "no document")
        top = _Open([], nodes=0)
        self.stack.append(top)
        while True:
            event = get()
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._scalar(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self._open(event, {} if kind is yaml.MappingStartEvent else [])
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._close()
            elif kind is yaml.AliasEvent:
                self._alias(event.anchor)
            else:
                break
        if not isinstance(get(), yaml.StreamEndEvent):
            raise RejectedError("several_documents", "expected one document in a file")
        value: Json = top.value[0]
        return value

    def too_deep(self) -> RejectedError:
        """What is raised when the depth is exceeded."""
        return RejectedError("too_deep", f"nested deeper than {self.max_depth}")

    def _open(self, event: Any, value: Json) -> None:
        if self.stack[-1].wants_key:
            raise RejectedError("key_not_scalar", f"line {event.start_mark.line + 1}")
        if event.tag not in (None, "!", f"{_TAG}map", f"{_TAG}seq"):
            raise RejectedError("unknown_tag", str(event.tag))
        if len(self.stack) > self.max_depth:
            raise self.too_deep()
        self.stack.append(_Open(value, event.anchor))

    def _close(self) -> None:
        done = self.stack.pop()
        value = _Value(done.value, done.nodes, done.characters, done.height)
        if done.anchor is not None:
            self.anchors[done.anchor] = value
        self._put(value)

    def _alias(self, name: str) -> None:
        anchored = self.anchors.get(name)
        if anchored is None:
            raise RejectedError("unknown_alias", f"*{name}")
        if not self.stack[-1].wants_key:
            self._put(anchored)
        elif isinstance(anchored.value, str):
            self._set_key(anchored.value)
        else:
            raise RejectedError("key_not_scalar", f"*{name}")

    def _scalar(self, event: Any) -> None:
        text, parent, anchor = event.value, self.stack[-1], event.anchor
        if parent.wants_key:
            self._set_key(text)
            if anchor is not None:
                value = _scalar_value(event)
                self.anchors[anchor] = _Value(value, characters=len(text))
            return
        value = _scalar_value(event)
        if anchor is not None:
            self.anchors[anchor] = _Value(value, characters=len(text))
        self._add(parent, value, 1, len(text))

    def _set_key(self, key: str) -> None:
        parent = self.stack[-1]
        if key in parent.value:
            raise RejectedError("duplicate_key", repr(key))
        parent.key = key
        parent.characters += len(key)

    def _put(self, item: _Value) -> None:
        """Add a value that may be a collection."""
        parent = self.stack[-1]
        self._add(parent, item.value, item.nodes, item.characters)
        parent.height = max(parent.height, item.height + 1)
        if parent.height > self.max_depth + 1:  # the stream itself is one level
            raise self.too_deep()

    def _add(self, parent: _Open, value: Json, nodes: int, characters: int) -> None:
        if parent.key is not None:
            parent.value[parent.key] = value
            parent.key = None
        else:
            parent.value.append(value)
        parent.nodes += nodes
        parent.characters += characters
        if parent.nodes > MAX_NODES:
            raise RejectedError("too_many_nodes", f"more than {MAX_NODES:,} values")
        if parent.characters > MAX_CHARACTERS:
            raise RejectedError(
                "too_large", f"more than {MAX_CHARACTERS:,} characters with aliases"
            )


def _scalar_value(event: Any) -> Json:
    """The value of a scalar event: by its tag, its quotes or the core schema."""
    tag, text = event.tag, event.value
    if tag is None:
        return core_scalar(text) if event.implicit[0] else str(text)
    if tag in ("!", f"{_TAG}str"):
        return str(text)
    types: dict[str, tuple[type, ...]] = {
        "null": (type(None),),
        "bool": (bool,),
        "int": (int,),
        "float": (int, float),
    }
    name = tag.removeprefix(_TAG)
    if name not in types:
        raise RejectedError("unknown_tag", str(tag))
    value = core_scalar(text)
    if type(value) not in types[name]:
        raise RejectedError("unknown_tag", f"{text!r} is no {name}")
    return value
