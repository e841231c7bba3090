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

from ..data.json_text import Json
from ..data.reader import MAX_DEPTH
from .rejects import MAX_NODES, RejectedError

__all__ = ["bounded_integer", "core_scalar", "finite_float", "parse_yaml"]

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


def parse_yaml(text: str) -> Json:
    """The value of a YAML text that holds one document.

    Raises:
        RejectedError: the text is no YAML, or no single document of JSON values.
    """
    if not text.endswith("\n"):
        text += "\n"  # libyaml and YAML 1.2 differ on a block scalar that ends without
    parser = CParser(text)
    try:
        return _Builder().build(parser)
    except yaml.YAMLError as error:
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
    """An integer of as many digits as Python reads."""
    try:
        return int(text, base)
    except ValueError as error:
        raise RejectedError("bad_number", f"an integer of {len(text):,} digits") from (
            error
        )


@dataclass(slots=True)
class _Anchored:
    value: Json
    nodes: int
    height: int


@dataclass(slots=True)
class _Open:
    """A collection under construction."""

    value: Any
    anchor: str | None = None
    nodes: int = 1
    height: int = 1
    key: str | None = None


@dataclass(slots=True)
class _Builder:
    """Builds a value from parser events, without recursion."""

    anchors: dict[str, _Anchored] = field(default_factory=dict)
    stack: list[_Open] = field(default_factory=list)

    def build(self, parser: Any) -> Json:
        get = parser.get_event
        get()  # stream start
        if isinstance(get(), yaml.StreamEndEvent):
            raise RejectedError("empty", "no document")
        top = _Open([])
        self.stack.append(top)
        while True:
            event = get()
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._add(_scalar(event), event, event.anchor)
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

    def _open(self, event: Any, value: Json) -> None:
        parent = self.stack[-1]
        if type(parent.value) is dict and parent.key is None:
            raise RejectedError("key_not_scalar", f"line {event.start_mark.line + 1}")
        if event.tag not in (None, "!", f"{_TAG}map", f"{_TAG}seq"):
            raise RejectedError("unknown_tag", str(event.tag))
        if len(self.stack) > MAX_DEPTH:
            raise RejectedError("too_deep", f"nested deeper than {MAX_DEPTH}")
        self.stack.append(_Open(value, event.anchor))

    def _close(self) -> None:
        done = self.stack.pop()
        if done.anchor is not None:
            self.anchors[done.anchor] = _Anchored(done.value, done.nodes, done.height)
        self._put(done.value, done.nodes, done.height)

    def _alias(self, name: str) -> None:
        anchored = self.anchors.get(name)
        if anchored is None:
            raise RejectedError("unknown_alias", f"*{name}")
        parent = self.stack[-1]
        if type(parent.value) is dict and parent.key is None:
            if not isinstance(anchored.value, str):
                raise RejectedError("key_not_scalar", f"*{name}")
            self._set_key(parent, anchored.value)
        else:
            self._put(anchored.value, anchored.nodes, anchored.height)

    def _add(self, value: Json, event: Any, anchor: str | None) -> None:
        parent = self.stack[-1]
        if anchor is not None:
            self.anchors[anchor] = _Anchored(value, 1, 0)
        if type(parent.value) is dict and parent.key is None:
            self._set_key(parent, event.value)
        else:
            self._put(value, 1, 0)

    @staticmethod
    def _set_key(parent: _Open, key: str) -> None:
        if key in parent.value:
            raise RejectedError("duplicate_key", repr(key))
        parent.key = key

    def _put(self, value: Json, nodes: int, height: int) -> None:
        parent = self.stack[-1]
        if type(parent.value) is dict:
            parent.value[parent.key] = value
            parent.key = None
        else:
            parent.value.append(value)
        parent.nodes += nodes
        parent.height = max(parent.height, height + 1)
        if parent.nodes > MAX_NODES:
            raise RejectedError("too_many_nodes", f"more than {MAX_NODES:,} values")
        if parent.height > MAX_DEPTH + 1:  # the stream itself is one level
            raise RejectedError("too_deep", f"nested deeper than {MAX_DEPTH}")


def _scalar(event: Any) -> Json:
    """The value of a scalar event: by its tag, its quotes or the core schema."""
    tag, text = event.tag, event.value
    if tag is None:
        return core_scalar(text) if event.implicit[0] else str(text)
    if tag in ("!", f"{_TAG}str"):
        return str(text)
    types = {"null": type(None), "bool": bool, "int": int, "float": int | float}
    name = tag.removeprefix(_TAG)
    if name not in types:
        raise RejectedError("unknown_tag", str(tag))
    value = core_scalar(text)
    if not isinstance(value, types[name]):
        raise RejectedError("unknown_tag", f"{text!r} is no {name}")
    return value
