"""Read a tokenizer.json and check its content.

The digest shows that nothing changed since it was written; the checks show that every
number in it refers to something.  So a hostile tokenizer is refused before use, except
one that is merely slow: shortest values may be as long as a grammar makes them.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

from ..errors import CorruptError
from ..files import canonical_json, check_format, read_json
from ..records import typed
from ..schema import resolve
from .symbols import MAX_CHARACTERS, MAX_LITERALS

__all__ = ["check_content", "content_digest", "read_content"]

_MOST = 4096  # labels, and items or keys that a schema may demand


class _Automaton(TypedDict):
    classes: list[str]
    table: list[list[int]]
    labels: list[int]


class _Branch(TypedDict, total=False):
    properties: dict[str, int]
    free: list[int]
    required: list[str]
    min_properties: int
    max_properties: int | None
    is_checked: bool
    safe_keys: list[str]


class _Node(TypedDict, total=False):
    null: bool
    true: bool
    false: bool
    number: int
    literals: list[str]
    text: int
    items: int
    min_items: int
    max_items: int | None
    branches: list[_Branch]
    keys: int
    tags: dict[str, int]
    has_choices: bool
    checks: list[str]
    checked: list[str]
    safe_number: int
    safe_text: int
    safe_items: int


class _Parts(TypedDict):
    root: int
    any: int
    literals: list[str]
    nodes: list[_Node]
    automata: list[_Automaton]


class _Grammar(_Parts, total=False):
    schema: dict[str, Any]
    patterns: dict[str, int]
    draft: int


class _Kind(TypedDict):
    name: str
    format: NotRequired[Literal["yaml", "json"]]
    schema: NotRequired[dict[str, Any]]


class _Content(TypedDict):
    vocab_size: int
    schema_sha256: str
    characters: str
    merges: list[str]
    grammar: _Grammar
    kind: NotRequired[_Kind]


def content_digest(content: Mapping[str, Any]) -> str:
    """sha256 of a tokenizer.json without its digest, in hexadecimal."""
    return hashlib.sha256(canonical_json(content)).hexdigest()


def read_content(path: Path, *, version: int) -> dict[str, Any]:
    """Read a tokenizer.json and verify its digest, which is left out.

    Raises:
        FormatError: no tokenizer, or one of another version.
        CorruptError: its content does not have the digest it records.
    """
    data = read_json(path)
    remake = "learn it, or prepare the store that holds it, again"
    check_format(data, path, name="tokenizer", version=version, remake=remake)
    recorded = data.pop("digest", None)
    if (found := content_digest(data)) != recorded:
        raise CorruptError(
            f"{path}: its content has digest {found[:12]}…, "
            f"but it records {str(recorded)[:12]!a}…",
            "restore the file",
        )
    return data


def check_content(data: Mapping[str, Any], *, vocab_size: int) -> None:
    """Check types and references in the content of a tokenizer.json.

    Raises:
        ValueError: names the problem.
    """
    content = typed(_Content, data, "tokenizer")
    grammar, characters = content["grammar"], content["characters"]
    _expect(content["vocab_size"] == vocab_size, f"vocab_size is not {vocab_size:,}")
    _expect(len(characters) <= MAX_CHARACTERS, "too many characters")
    _expect(_differ(characters), "a duplicate character")
    are_common = all(c >= "\x80" and not "\ue000" <= c <= "\uf8ff" for c in characters)
    _expect(are_common, "a character that is ASCII or private")
    _expect(len(grammar["literals"]) <= MAX_LITERALS, "too many literals")
    _expect(_differ(grammar["literals"]), "a duplicate literal")
    for number, automaton in enumerate(grammar["automata"]):
        _check_automaton(automaton, f"automaton {number}")
    for name in ("root", "any"):
        _expect(0 <= grammar[name] < len(grammar["nodes"]), f"no {name}")
    for number, node in enumerate(grammar["nodes"]):
        _check_node(node, grammar, f"node {number}")


def _check_automaton(automaton: _Automaton, where: str) -> None:
    table, labels = automaton["table"], automaton["labels"]
    width = len(automaton["classes"])
    _expect(_differ("".join(automaton["classes"])), f"{where}: a duplicate character")
    _expect(len(table) == len(labels) >= 1, f"{where}: not one label per state")
    _expect(_are_within(labels, _MOST), f"{where}: an invalid label")
    for row in table:
        _expect(len(row) == width >= 1, f"{where}: not one column per class")
        _expect(_are_within(row, len(table)), f"{where}: an unknown state")
    # Search backwards from the labels: every state must lead to one.
    leading = {state for state, label in enumerate(labels) if label >= 0}
    before = -1
    while before != len(leading):
        before = len(leading)
        leading |= {s for s, row in enumerate(table) if not leading.isdisjoint(row)}
    _expect(len(leading) == len(table), f"{where}: a state without a way to a label")


def _check_node(node: _Node, grammar: _Grammar, where: str) -> None:
    automata, nodes = grammar["automata"], grammar["nodes"]
    used = [node.get("number", -1), node.get("text", -1), node.get("keys", -1)]
    used += [node.get("safe_number", -1), node.get("safe_text", -1)]
    _expect(_are_within(used, len(automata)), f"{where}: an unknown automaton")
    _expect(
        _are_within([node.get("items", -1)], len(nodes)),
        f"{where}: an unknown node of items",
    )
    least, most = node.get("min_items", 0), node.get("max_items")
    _expect(_are_bounds(least, most), f"{where}: invalid bounds")
    known = set(grammar["literals"])
    _expect(known.issuperset(node.get("literals", ())), f"{where}: an unknown literal")
    keys = node.get("keys", -1)
    labels = 1 + max(automata[keys]["labels"]) if keys >= 0 else 0
    for pointer in node.get("checks", ()):
        _expect(_leads_somewhere(grammar, pointer), f"{where}: an unknown schema")
    for branch in node.get("branches", ()):
        _check_branch(branch, len(nodes), known, labels, where)
    for key, union in node.get("tags", {}).items():
        _expect(0 <= union < len(nodes), f"{where}: an unknown node of a tag")
        words = set(nodes[union].get("literals", ()))
        for branch in node.get("branches", ()):
            child = branch.get("properties", {}).get(key, union)
            listed = nodes[child].get("literals", ())
            _expect(words.issuperset(listed), f"{where}: a tag that lacks a word")


def _leads_somewhere(grammar: _Grammar, pointer: str) -> bool:
    try:
        return isinstance(resolve(grammar["schema"], pointer), dict | bool)
    except (LookupError, TypeError, ValueError):
        return False


def _check_branch(
    branch: _Branch, num_nodes: int, known: set[str], num_labels: int, where: str
) -> None:
    properties, free = branch.get("properties", {}), branch.get("free", [])
    _expect(known.issuperset(properties), f"{where}: a key that is not a literal")
    children = [*properties.values(), *free]
    _expect(_are_within(children, num_nodes), f"{where}: an unknown child")
    _expect(len(free) >= num_labels, f"{where}: a label without a child")
    needed = [properties.get(key, -1) for key in branch.get("required", ())]
    _expect(min(needed, default=0) >= 0, f"{where}: a required key that is not allowed")
    least, most = branch.get("min_properties", 0), branch.get("max_properties")
    _expect(_are_bounds(least, most), f"{where}: invalid bounds")


def _are_within(numbers: Iterable[int], size: int) -> bool:
    """Whether all are below `size`, or -1 for nothing."""
    return all(-1 <= number < size for number in numbers)


def _are_bounds(least: int, most: int | None) -> bool:
    return 0 <= least <= _MOST and (most is None or least <= most)


def _differ(items: Sequence[str]) -> bool:
    return len(set(items)) == len(items)


def _expect(is_right: bool, otherwise: str) -> None:
    if not is_right:
        raise ValueError(otherwise)
