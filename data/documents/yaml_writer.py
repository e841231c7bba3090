"""Write workflows as YAML, the way a person would.

Block style, scripts as literal blocks, keys in document order.  The text means the same
to readers of YAML 1.2, such as GitHub's, and of YAML 1.1: a string that either would
read as another type is quoted.  The exceptions are keys that everybody writes without
quotes, such as `on` in workflows.  A lone surrogate, which YAML cannot hold, becomes
U+FFFD.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.cyaml import CDumper
from yaml.resolver import Resolver

from .json_text import Json

__all__ = ["BARE_KEYS", "to_yaml"]

BARE_KEYS = frozenset({"on"})
"""Keys of workflows that are never quoted."""

_WIDTH = 1 << 20  # never fold a line
# Numbers of the core schema of YAML 1.2; not all are numbers in YAML 1.1.
_CORE_NUMBER = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
# Line breaks in YAML 1.1 but ordinary characters in 1.2, and byte order marks, which
# some readers drop.  A string with one is double-quoted, so that they are escaped.
_ESCAPED = re.compile("[\x85\u2028\u2029\ufeff]")
# YAML 1.1 booleans that PyYAML does not know, but other readers do.
_SHORT_BOOLEAN = frozenset("yYnN")


def to_yaml(value: Json, *, bare_keys: frozenset[str] = BARE_KEYS) -> str:
    """Write one YAML document, ending in a newline.

    Args:
        value: the document.
        bare_keys: keys that are not quoted, though YAML 1.1 takes them for another
            type.
    """
    content = list(_events(value, bare_keys))
    back = _stand_in([e for e in content if isinstance(e, yaml.ScalarEvent)])
    events: list[yaml.Event] = [
        yaml.StreamStartEvent(),
        yaml.DocumentStartEvent(explicit=False),
        *content,
        yaml.DocumentEndEvent(explicit=False),
        yaml.StreamEndEvent(),
    ]
    written: str = yaml.emit(events, Dumper=CDumper, width=_WIDTH, allow_unicode=True)
    return written.translate(back) if back else written


def _stand_in(scalars: list[yaml.ScalarEvent]) -> dict[int, str]:
    """Replace characters that libyaml would escape, such as 🚀.

    libyaml writes the basic plane as it is, but escapes characters beyond it.  Private
    characters of the basic plane that do not occur stand in for them.

    Returns:
        The table for `str.translate` that restores the characters.
    """
    text = "".join(scalar.value for scalar in scalars)
    if text.isascii():
        return {}
    beyond = sorted({character for character in text if character > "\uffff"})
    private = (chr(code) for code in range(0xE000, 0xF900) if chr(code) not in text)
    table = dict(zip(map(ord, beyond), private, strict=False))
    for scalar in scalars:
        scalar.value = scalar.value.translate(table)
    return {ord(stand_in): chr(code) for code, stand_in in table.items()}


def _events(value: Json, bare: frozenset[str]) -> Iterator[yaml.Event]:
    if isinstance(value, dict):
        yield yaml.MappingStartEvent(None, None, implicit=True, flow_style=not value)
        for key, item in value.items():
            yield _plain(key) if key in bare else _string(key)
            if item is None:
                yield _plain("")  # as in `workflow_dispatch:`
            else:
                yield from _events(item, bare)
        yield yaml.MappingEndEvent()
    elif isinstance(value, list):
        yield yaml.SequenceStartEvent(None, None, implicit=True, flow_style=not value)
        for item in value:
            yield from _events(item, bare)
        yield yaml.SequenceEndEvent()
    elif isinstance(value, str):
        yield _string(value)
    elif value is None:
        yield _plain("null")
    elif isinstance(value, bool):
        yield _plain("true" if value else "false")
    else:
        yield _plain(_number(value))


def _number(value: float) -> str:
    """A number in both versions of YAML; 1.1 requires a dot before the exponent."""
    text = repr(value)
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}.0e{exponent}" if e and "." not in mantissa else text


def _plain(text: str) -> yaml.ScalarEvent:
    return yaml.ScalarEvent(None, None, (True, False), text, style="")


def _string(text: str) -> yaml.ScalarEvent:
    """A string in plain, literal or quoted style; libyaml quotes where it must."""
    text = _SURROGATE.sub("\ufffd", text)
    style = "|" if "\n" in text else "'" if _is_ambiguous(text) else ""
    if not text.isascii() and _ESCAPED.search(text):
        style = '"'
    return yaml.ScalarEvent(None, None, (not style, True), text, style=style)


def _is_ambiguous(text: str) -> bool:
    """Whether some reader would take the plain text for another type than a string."""
    resolvers: Any = Resolver.yaml_implicit_resolvers
    return (
        text in _SHORT_BOOLEAN
        or _CORE_NUMBER.fullmatch(text) is not None
        or any(
            pattern.match(text)
            for _, pattern in (*resolvers.get(text[:1], ()), *resolvers.get(None, ()))
        )
    )
