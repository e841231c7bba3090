"""The words that an expression may have at some place, as a trie.

A word is a path such as `github.ref` or the name of a function with its parenthesis.
"""

from collections.abc import Iterator
from functools import cache, lru_cache

from ...rules.contexts import AVAILABILITY, CONTEXTS, EVENT_PARTS, Kind, Place
from .names import Names

__all__ = ["ARGUMENTS", "IDENTIFIER", "Site", "Word", "site"]

_START = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
IDENTIFIER = _START | frozenset("0123456789-")
_ANY_NAME = "\x01"
_ANY_PATH = "\x02"
_ANY_VARIABLE = "\x03"


_GIVES: dict[str, tuple[Kind, ...]] = {
    "scalar": ("string", "number", "boolean", "any", "flat"),
    "condition": ("string", "number", "boolean", "any", "flat"),
    "string": ("string", "any"),
    "label": ("string", "any", "flat"),
    "boolean": ("boolean", "any", "flat"),
    "number": ("number", "any", "flat"),
    "any": ("any",),
    "path": ("string", "any"),
    "secret": ("string",),
    "json": ("string", "number", "boolean", "any", "flat", "object"),
    "pattern": (),
    "literal": (),
}
"""What is wanted at a place to the kinds of words that will do."""

_CALLS: dict[str, list[str]] = {
    "scalar": [
        "contains",
        "startsWith",
        "endsWith",
        "format",
        "join",
        "toJSON",
        "toJson",
        "fromJSON",
        "fromJson",
        "hashFiles",
    ],
    "condition": [
        "contains",
        "startsWith",
        "endsWith",
        "always",
        "cancelled",
        "success",
        "failure",
        "fromJSON",
    ],
    "label": ["format", "join", "toJSON", "toJson", "fromJSON", "fromJson"],
    "string": [
        "format",
        "join",
        "toJSON",
        "toJson",
        "fromJSON",
        "fromJson",
        "hashFiles",
    ],
    "boolean": ["contains", "startsWith", "endsWith", "fromJSON", "fromJson"],
    "number": ["fromJSON", "fromJson"],
    "any": ["fromJSON", "fromJson"],
}
"""What is wanted at a place to the functions that give it."""

ARGUMENTS: dict[str, tuple[tuple[str, ...], int]] = {
    "contains": (("path", "string"), 2),
    "startswith": (("path", "string"), 2),
    "endswith": (("path", "string"), 2),
    "format": (("pattern", "string"), 2),
    "join": (("any", "literal"), 2),
    "tojson": (("json",), 1),
    "fromjson": (("path",), 1),
    "hashfiles": (("literal", "literal", "literal"), 1),
    "always": ((), 0),
    "cancelled": ((), 0),
    "success": ((), 0),
    "failure": ((), 0),
}
"""Function to what its arguments must be, and how many there must be at least."""


class Word:
    """A node of the trie."""

    __slots__ = ("any", "best", "calls", "ends", "loops", "next")

    def __init__(self) -> None:
        self.next: dict[str, Word] = {}
        self.any: Word | None = None
        """After a character of a name that the trie does not list."""
        self.loops = IDENTIFIER
        """Characters that such a name goes on with."""
        self.ends = False
        """Whether a path ends here."""
        self.calls: str | None = None
        """The function whose parenthesis was opened here."""
        self.best: str | None = None
        """The shortest text to the end of a path."""

    def step(self, character: str) -> "Word | None":
        """The node after a character."""
        found = self.next.get(character)
        if found is None and self.any is not None:
            # A name begins with a letter and goes on with more.
            allowed = self.loops if self.any is self else _START
            found = self.any if character in allowed else None
        return found

    def add(self, word: str) -> "Word":
        """Insert a word."""
        node = self
        for character in word:
            if character in (_ANY_NAME, _ANY_PATH, _ANY_VARIABLE):
                if node.any is None:
                    node.any = Word()
                    node.any.any = node.any
                    if character == _ANY_VARIABLE:
                        node.any.loops = IDENTIFIER - {"-"}
                node = node.any
                if character == _ANY_PATH:
                    dot = node.next.setdefault(".", Word())
                    dot.any = node
            else:
                node = node.next.setdefault(character, Word())
        return node

    def finish(self) -> str:
        """Fill in `best` from the leaves up."""
        if self.best is not None:
            return self.best
        is_end = self.ends or self.calls is not None
        self.best = "" if is_end else None
        options = [c + child.finish() for c, child in self.next.items()]
        if self.any is not None:
            options.append("x" + self.any.finish())
        if self.best is None:
            paths = [option for option in options if "(" not in option]
            self.best = min(paths or options, key=lambda text: (len(text), text))
        return self.best


@cache
def _static(place: Place) -> list[tuple[str, Kind]]:
    """Words that do not depend on the document, each with its kind."""
    found: list[tuple[str, Kind]] = []
    contexts = AVAILABILITY[place].contexts
    for context in sorted(contexts & CONTEXTS.keys()):
        found += [(f"{context}.{n}", k) for n, k in CONTEXTS[context].items()]
    found = [(word, kind) for word, kind in found if word != "github.event"]
    found += [(f"github.event.{part}", "any") for part in sorted(EVENT_PARTS)]
    found += [
        (f"github.event.{part}.{_ANY_PATH}", "any") for part in sorted(EVENT_PARTS)
    ]
    for context in sorted(contexts & {"vars", "env"}):
        found.append((f"{context}.{_ANY_VARIABLE}", "string"))
    for context in sorted(contexts & {"github", "job", "runner", "strategy", "env"}):
        found.append((context, "object"))
    return found


def _dynamic(place: Place, names: Names) -> Iterator[tuple[str, Kind]]:
    contexts = AVAILABILITY[place].contexts
    if "needs" in contexts:
        for job in names.needed():
            yield f"needs.{job.name}.result", "string"
            for output in job.outputs:
                yield f"needs.{job.name}.outputs.{output}", "string"
    if "steps" in contexts:
        for step in names.steps:
            for part in ("outcome", "conclusion", f"outputs.{_ANY_NAME}"):
                yield f"steps.{step}.{part}", "string"
    if "matrix" in contexts:
        for axis in names.axes:
            yield f"matrix.{axis}", "flat"
    if "inputs" in contexts:
        for name in names.inputs:
            yield f"inputs.{name}", "flat"
    if "secrets" in contexts:
        secrets = names.secrets
        for name in (_ANY_VARIABLE,) if secrets is None else ("GITHUB_TOKEN", *secrets):
            yield f"secrets.{name}", "string"
    for context, has in (
        ("needs", names.needs),
        ("steps", names.steps),
        ("matrix", names.axes),
        ("inputs", names.inputs),
    ):
        if has and context in contexts:
            yield context, "object"


class Site:
    """A place of a document: what its expressions may name.

    Sites that allow the same words are one object, so what is known of one serves all.
    """

    __slots__ = ("_tries", "names", "place")

    def __init__(self, place: Place, names: Names) -> None:
        """Only `site` makes sites."""
        self.place = place
        self.names = names
        self._tries: dict[tuple[str, bool], Word] = {}

    def words(self, wanted: str, *, calls: bool = True) -> Word:
        """The trie of the words that give what is wanted.

        Args:
            wanted: see `_GIVES`.
            calls: whether a function may be called.
        """
        found = self._tries.get((wanted, calls))
        if found is None:
            found = self._tries[wanted, calls] = self._words(wanted, calls)
        return found

    def _words(self, wanted: str, calls: bool) -> Word:
        root = Word()
        kinds = _GIVES[wanted]
        for word, kind in (*_static(self.place), *_dynamic(self.place, self.names)):
            if kind in kinds:
                root.add(word).ends = True
        functions = AVAILABILITY[self.place].functions
        for name in _CALLS.get(wanted, []) if calls else ():
            if name.lower() in functions:
                root.add(f"{name}(").calls = name.lower()
        if root.next:
            root.finish()
        return root


def site(place: Place, names: Names) -> Site:
    """The site of a place after some declarations."""
    contexts = AVAILABILITY[place].contexts
    needed = names.needed() if "needs" in contexts else ()
    return _site(
        place,
        Names(
            jobs=needed,
            needs=tuple(job.name for job in needed),
            steps=names.steps if "steps" in contexts else (),
            axes=names.axes if "matrix" in contexts else (),
            inputs=names.inputs if "inputs" in contexts else (),
            secrets=names.secrets if "secrets" in contexts else None,
        ),
    )


@lru_cache(maxsize=1 << 12)
def _site(place: Place, names: Names) -> Site:
    return Site(place, names)
