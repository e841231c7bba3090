"""The compiled trie answers as `Nodes` does, or says that it is not sure."""

import random
from array import array
from typing import Any

import pytest

from tct.data.native import core
from tct.data.tokenizer import Tokenizer
from tct.data.tokenizer.dfa import ANY_LABEL
from tct.data.tokenizer.masks.nodes import Nodes
from tct.pipeline.compiler import compile_schema

pytestmark = pytest.mark.skipif(core is None, reason="the core is not compiled")

SCHEMAS: list[Any] = [
    {"type": "string", "pattern": "^[а-яa-c]*$"},
    {"type": "string", "pattern": "^([^é]|ab)+$"},
    {"type": "object", "patternProperties": {"^x": {"type": "string"}}},
    {"type": "array", "items": {"enum": ["a", "ab", "abc", 1, None]}},
]
# Characters, their bytes, and bytes that begin no character or are never finished.
MERGES = [
    "ab",
    "abc\ue000",
    "\ue2d0\ue2b0",  # а
    "\ue2d0\ue2b0\ue000",
    "a\ue2f0\ue29f",  # the beginning of an emoji
    "\ue29a\ue280\ue000\ue001",  # and its end
    "\ue2e0\ue280",  # nothing begins like this
    "\ue2ed\ue2a0\ue280",  # a surrogate
    "\ue280\ue280",
    "é\ue000\ue002",
    "\ue003\ue000ab",
]


def tokenizer_of(schema: Any) -> Tokenizer:
    grammar = compile_schema(schema).grammar
    return Tokenizer(grammar, characters="éа", merges=MERGES, schema_sha256="0" * 64)


TOKENIZERS = [Tokenizer.default(), *map(tokenizer_of, SCHEMAS)]


def both(tokenizer: Tokenizer) -> tuple[Nodes, Any]:
    assert core is not None
    vocabulary, automata = tokenizer.vocabulary, tokenizer.grammar.automata
    native = core.Trie(
        list(vocabulary.values()),
        array("H", vocabulary).tobytes(),
        len(automata),
        lambda number: automata[number].plan(),
    )
    return Nodes(tokenizer._engine.pushdown, vocabulary), native


def ids(data: bytes) -> list[int]:
    return sorted(array("H", data))


def pendings() -> list[bytes]:
    return [b"", b"\xc3", b"\xd0", b"\xe0", b"\xe2\x82", b"\xed", b"\xf0\x9f", b"\xf4"]


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=range(len(TOKENIZERS)))
def test_the_trie_is_the_same(tokenizer: Tokenizer) -> None:
    nodes, native = both(tokenizer)
    size, rng = len(nodes._ids), random.Random(1)
    assert size > 300
    sets = [frozenset([node]) for node in range(0, size, 1 + size // 3000)]
    sets += [frozenset(rng.sample(range(size), 40)) for _ in range(50)]
    for some in [frozenset[int](), *sets]:
        assert ids(native.ends(some)) == sorted(nodes.ends(some))
        assert native.structure(some) == nodes.structure(some)


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=range(len(TOKENIZERS)))
def test_texts_are_followed_alike(tokenizer: Tokenizer) -> None:
    nodes, native = both(tokenizer)
    size, rng, followed = len(nodes._ids), random.Random(2), 0
    for number, automaton in enumerate(tokenizer.grammar.automata):
        for _ in range(12):
            state = rng.randrange(len(automaton.table))
            some = frozenset([0, *rng.sample(range(size), rng.randrange(9))])
            labels = rng.choice([ANY_LABEL, 1, 2, rng.getrandbits(8)])
            place = some, number, state, rng.choice(pendings()), labels
            inside, after = nodes.text(*place)
            found = native.text(*place)
            assert ids(found[0]) == sorted(inside)
            assert found[1] == after
            followed += len(inside)
    assert followed


def test_beginnings_are_the_same() -> None:
    for tokenizer in TOKENIZERS:
        nodes, native = both(tokenizer)
        for symbols in ["", "a", "ab", "\ue000", "name\ue000", "zzzzz", *MERGES]:
            found = ids(native.beginning({0, 1, 2}, symbols))
            assert found == sorted(nodes.beginning({0, 1, 2}, symbols))


def test_what_does_not_fit_is_refused() -> None:
    assert core is not None
    nodes, native = both(TOKENIZERS[1])
    beyond = len(nodes._ids)
    for call in (native.ends, native.structure):
        for wrong in ([beyond], [-1], [1 << 70], ["a"], None):
            with pytest.raises((ValueError, OverflowError, TypeError)):
                call(wrong)
    with pytest.raises(ValueError, match="no node"):
        native.text([beyond], 0, 0, b"", 1)
    for state, pending in [(-1, b""), (1 << 40, b""), (0, b"\xf0\x9f\x98\x80")]:
        assert native.text([0], 0, state, pending, 1) is NotImplemented
    assert native.text([0], 1 << 20, 0, b"", 1) is NotImplemented
    with pytest.raises(TypeError, match="once"):
        native.__init__(["a"], b"\0\0", 0, None)
    for tokens, numbers in [(["a"], b""), ([b"a"], b"\0\0"), (["a"], b"\0\0\0")]:
        with pytest.raises((ValueError, TypeError)):
            core.Trie(tokens, numbers, 0, None)


def test_automata_with_many_labels_are_left_to_python() -> None:
    kinds = {f"^{name}x+$": {"const": name} for name in map(str, range(63))}
    schema = {"type": "object", "patternProperties": kinds}
    nodes, native = both(tokenizer_of(schema))
    automata = nodes._pushdown.grammar.automata
    number = max(range(len(automata)), key=lambda number: max(automata[number].labels))
    assert max(automata[number].labels) >= 63
    assert native.text([0], number, 0, b"", 1) is NotImplemented
    state = tokenizer_of({**schema, "additionalProperties": False}).start()
    assert state.allowed().any()
