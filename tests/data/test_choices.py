"""Objects whose alternatives differ about a key, and no word tells them apart."""

import json
import random
from typing import Any

import jsonschema_rs
import numpy as np
import pytest

from tct.data.documents.json_text import MAX_DEPTH, Json
from tct.data.tokenizer import VOCAB_SIZE, Tokenizer
from tct.data.tokenizer.codec import Codec
from tct.data.tokenizer.codec.reader import MalformedError
from tct.data.tokenizer.masks.masks import Masks
from tct.data.tokenizer.symbols import Control, is_text, literal_symbol
from tct.pipeline.compiler import compile_schema

NEXT = str(Control.NEXT_ALTERNATIVE)


def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


# The ways to run an action of GitHub: `using` tells them apart, unless `env` is first.
RUNS = {
    "oneOf": [
        closed(
            ["using", "main"],
            using={"enum": ["node16", "node20"]},
            main={"type": "string"},
            env={"type": "number"},
        ),
        closed(
            ["using", "steps"],
            using={"const": "composite"},
            steps={"type": "array", "items": {"type": "object"}},
            env={"type": "string"},
        ),
        closed(
            ["using", "image"],
            using={"const": "docker"},
            image={"type": "string"},
            env={"type": "object"},
        ),
    ]
}
UNIQUE = {"type": "array", "uniqueItems": True, "minItems": 2}
NEVER_THREE = {"not": {"required": ["q"], "properties": {"q": {"minimum": 3}}}}
# By name: a schema and documents of it, valid or not.
CASES: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "a key": (
        {
            "type": "object",
            "anyOf": [
                {"properties": {"a": {"type": "string"}}, "required": ["a"]},
                {"properties": {"a": {"type": "array"}}, "required": ["b"]},
            ],
        },
        [{"a": ["x"], "b": 1}, {"a": "x"}, {"b": 2, "a": []}, {"b": 1}, {"a": 5}],
    ),
    "free keys": (
        {
            "anyOf": [
                {"additionalProperties": {"type": "null"}},
                {"additionalProperties": {"type": "boolean"}},
            ]
        },
        [{"x": True, "y": False}, {"x": None}, {}, {"x": True, "y": None}, [{}]],
    ),
    "a word that comes late": (
        closed(["runs"], runs=RUNS),
        [
            {"runs": {"using": "docker", "image": "x", "env": {}}},
            {"runs": {"env": "s", "using": "composite", "steps": []}},
            {"runs": {"env": {}, "using": "docker", "image": ""}},
            {"runs": {"env": 1, "main": "m", "using": "node20"}},
            {"runs": {"env": {}}},
        ],
    ),
    "many, one of them only checked": (
        {
            **closed([], k={}, x={"type": "integer"}),
            "anyOf": [
                {"properties": {"k": {"type": "integer"}}},
                {"properties": {"k": {"type": "string"}}},
                {"properties": {"k": UNIQUE}, "required": ["k"]},
                {"properties": {"k": closed([], z={"type": "null"})}},
            ],
        },
        [
            *({"k": 1}, {"k": "a", "x": 1}, {"k": [1, 2]}, {"k": [1, 1]}),
            *({"k": {"z": None}}, {"x": 2, "k": {}}, {"k": True}),
        ],
    ),
    "alternatives that are only checked": (
        {
            "anyOf": [
                {"type": "object", "properties": {"k": {"type": "integer"}}}
                | NEVER_THREE,
                {
                    "type": "object",
                    "properties": {"k": {"type": "string"}, "q": {}},
                    "required": ["k"],
                },
                {
                    "type": "object",
                    "properties": {"k": {"type": "boolean"}},
                    "required": ["q"],
                    "maxProperties": 3,
                },
            ]
        },
        [
            *({"k": 1}, {"k": "x", "q": 5}, {"k": True, "q": 7}),
            *({"q": 1, "k": "z"}, {"k": 1, "q": 4}),
        ],
    ),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[dict[str, Any], list[Any]]:
    return CASES[request.param]


def made(schema: dict[str, Any]) -> Tokenizer:
    """A tokenizer with tokens that skip alternatives and go on."""
    grammar = compile_schema(schema).grammar
    slots = [literal_symbol(i) for i, _ in enumerate(grammar.literals)]
    merges = [NEXT + NEXT, NEXT + "a" + Control.END]
    merges += [NEXT + slot for slot in slots]
    return Tokenizer(grammar, characters="é", merges=merges, schema_sha256="0" * 64)


def structural(tokenizer: Tokenizer, ids: list[int]) -> list[int]:
    """The tokens that begin with structure; text is most of the vocabulary."""
    return [i for i in ids if not is_text(tokenizer.vocabulary[i][0])]


def test_documents_are_on_the_schema_if_they_are_valid(
    case: tuple[dict[str, Any], list[Any]],
) -> None:
    schema, documents = case
    tokenizer, judge = made(schema), jsonschema_rs.validator_for(schema)
    assert any(node.has_choices for node in tokenizer.codec.grammar.nodes)
    for value in documents:
        ids = tokenizer.encode(value)
        assert json.dumps(tokenizer.decode(ids)) == json.dumps(value)
        assert tokenizer.is_on_schema(ids) == judge.is_valid(value), value


def test_walks_are_valid_and_can_be_closed_at_any_time(
    case: tuple[dict[str, Any], list[Any]],
) -> None:
    schema, _ = case
    tokenizer, judge = made(schema), jsonschema_rs.validator_for(schema)
    rng, skipping = random.Random(0), 0
    for _ in range(150):
        state, ids = tokenizer.start(), list[int]()
        budget = rng.choice([3, 10, 25])
        while not state.is_complete:
            end = state.shortest_completion()
            if len(ids) >= budget:
                ids += end
                break
            # Text is most of the vocabulary; structure is what this is about.
            allowed = np.flatnonzero(state.allowed()).tolist()
            structure = structural(tokenizer, allowed) or allowed
            ids.append(rng.choice(structure if rng.random() < 0.9 else allowed))
            state = state.advance(ids[-1])
        value = tokenizer.decode(np.array(ids, dtype=np.uint16))
        assert judge.is_valid(value), (value, ids)
        again = tokenizer.encode(value)
        assert tokenizer.is_on_schema(again)
        skipping += any(NEXT in tokenizer.vocabulary[int(i)] for i in again)
    assert skipping


def test_masks_allow_exactly_what_can_be_stepped(
    case: tuple[dict[str, Any], list[Any]],
) -> None:
    tokenizer = made(case[0])
    pushdown = tokenizer._engine.masks.pushdown
    masks = Masks(pushdown, tokenizer.vocabulary, VOCAB_SIZE)
    rng = random.Random(0)
    for _ in range(10):
        stack = pushdown.start
        for _ in range(15):
            found = set(np.flatnonzero(masks.allowed(stack)).tolist())
            assert found == {
                number
                for number, symbols in tokenizer.vocabulary.items()
                if pushdown.walk(stack, symbols) is not None
            }
            if not found:
                break
            short = structural(tokenizer, sorted(found)) or sorted(found)
            after = pushdown.walk(stack, tokenizer.vocabulary[rng.choice(short)])
            assert after is not None
            stack = after


def test_the_symbol_stands_only_where_it_is_needed() -> None:
    codec = Codec(compile_schema(CASES["a word that comes late"][0]).grammar, "")

    def skipped(value: Json) -> int:
        return "".join(codec.encode(value)).count(NEXT)

    assert skipped({"runs": {"using": "docker", "image": "x", "env": {}}}) == 0
    assert skipped({"runs": {"env": 1, "main": "m", "using": "node20"}}) == 0
    assert skipped({"runs": {"env": "", "steps": [], "using": "composite"}}) == 1
    assert skipped({"runs": {"env": {}, "image": "x", "using": "docker"}}) == 2


def test_a_beginning_means_the_alternative_that_it_fits_best() -> None:
    tokenizer = made(CASES["a word that comes late"][0])
    prompt = tokenizer.open({"runs": {"env": {"a": "b"}}})
    ids = [*prompt.ids, *prompt.state.shortest_completion()]
    value = tokenizer.decode(np.array(ids, dtype=np.uint16))
    assert value == {"runs": {"env": {"a": "b"}, "image": "", "using": "docker"}}


@pytest.mark.parametrize("skipped", [3, 4])
def test_the_last_alternative_cannot_be_skipped(skipped: int) -> None:
    codec = Codec(compile_schema(CASES["a word that comes late"][0]).grammar, "")
    with pytest.raises(MalformedError, match="NEXT_ALTERNATIVE is not allowed here"):
        codec.decode(codec.literals["runs"] + NEXT * skipped + Control.CLOSE_OBJECT)


def test_the_grammar_is_kept_in_its_file(tmp_path: Any) -> None:
    tokenizer = made(RUNS)
    tokenizer.save(tmp_path / "tokenizer.json")
    again = Tokenizer.load(tmp_path / "tokenizer.json")
    value: Json = {"env": {}, "image": "x", "using": "docker"}
    assert again.encode(value).tolist() == tokenizer.encode(value).tolist()
    assert again.is_on_schema(again.encode(value))


def test_the_deepest_document_is_encoded_from_deep_inside_a_program() -> None:
    nested = {"properties": {"k": {"$ref": "#"}}, "additionalProperties": False}
    named = closed(["z"], k={"type": "integer"}, z={})
    codec = Codec(
        compile_schema({"anyOf": [{"type": "object"} | nested, named]}).grammar, ""
    )
    value: Json = {"k": 1, "z": 2}
    for _ in range(MAX_DEPTH - 1):
        value = {"k": value}

    def encode(frames: int) -> str:
        return encode(frames - 1) if frames else "".join(codec.encode(value))

    symbols = encode(200)
    assert codec.is_on_schema(symbols)
    assert codec.decode(symbols) == value
