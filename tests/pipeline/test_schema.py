"""The schema compiler against an independent validator."""

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tct.data.codec import Codec
from tct.data.grammar import Grammar
from tct.data.json_text import Json
from tct.data.symbols import MAX_LITERALS
from tct.pipeline.schema import SchemaError, compile_schema
from tct.pipeline.workflow_schema import workflow_schema

SCALARS = st.sampled_from(
    [None, True, False, 0, 7, 1.5, "", "a", "b", "aa", "x1", "${{ a }}", "é"]
)
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["a", "b", "c", "x1", "x2", "zz"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)

EXACT: dict[str, dict[str, Any]] = {
    "type": {"type": "string"},
    "types": {"type": ["null", "array", "boolean"]},
    "enum": {"enum": ["a", "b", None, True]},
    "const": {"const": "aa"},
    "pattern": {"type": "string", "pattern": "^a+$"},
    "unanchored pattern": {"type": "string", "pattern": "\\d"},
    "lengths": {"type": "string", "minLength": 1, "maxLength": 1},
    "items": {"type": "array", "items": {"type": "string"}},
    "item counts": {"type": "array", "minItems": 1, "maxItems": 2},
    "properties": {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "array"}},
        "additionalProperties": False,
    },
    "open object": {"type": "object", "properties": {"a": {"type": "null"}}},
    "additional": {"type": "object", "additionalProperties": {"type": "boolean"}},
    "patternProperties": {
        "type": "object",
        "patternProperties": {"^x\\d$": {"type": "string"}, "^(a|b)$": {}},
        "additionalProperties": False,
    },
    "overlapping patterns": {
        "type": "object",
        "patternProperties": {
            "^x": {"type": ["string", "null"]}, "1$": {"enum": ["a"]}
        },
    },
    "required": {"type": "object", "required": ["a", "zz"]},
    "property counts": {"type": "object", "minProperties": 1, "maxProperties": 2},
    "dependencies": {"type": "object", "dependencies": {"a": ["b"], "b": ["c"]}},
    "not required": {"type": "object", "not": {"required": ["a", "b"]}},
    "allOf": {
        "allOf": [
            {"type": "object", "required": ["a"]},
            {"not": {"required": ["b"]}},
            {"properties": {"a": {"type": "string"}}},
        ]
    },
    "anyOf": {"anyOf": [{"type": "null"}, {"type": "string", "pattern": "a"}]},
    "oneOf of types": {"oneOf": [{"type": "string"}, {"type": "array"}]},
    "oneOf of strings": {
        "oneOf": [
            {"type": "string", "pattern": "^a"},
            {"type": "string", "enum": ["aa", "b"]},
        ]
    },
    "oneOf of required": {
        "type": "object",
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}, {"required": ["c"]}],
    },
    "oneOf of closed objects": {
        "oneOf": [
            {"type": "object", "properties": {"a": {}}, "required": ["a"],
             "additionalProperties": False},
            {"type": "object", "properties": {"b": {}}, "additionalProperties": False},
        ]
    },
    "recursion": {
        "definitions": {
            "tree": {
                "oneOf": [
                    {"type": "string"},
                    {"type": "array", "items": {"$ref": "#/definitions/tree"}},
                    {
                        "type": "object",
                        "additionalProperties": {"$ref": "#/definitions/tree"},
                    },
                ]
            }
        },
        "allOf": [{"$ref": "#/definitions/tree"}],
    },
    "arrays of arrays": {
        "type": "array", "items": {"type": "array", "items": {"type": "array"}}
    },
}  # fmt: skip

NARROWED: dict[str, dict[str, Any]] = {
    "siblings of $ref": {
        "definitions": {"any": {"type": ["string", "null"]}},
        "type": "object",
        "properties": {"a": {"$ref": "#/definitions/any", "type": "null"}},
    },
    "oneOf that overlaps": {"oneOf": [{"type": "array"}, {"type": ["array", "null"]}]},
    "bounds": {"type": "number", "minimum": 3},
    "branches that disagree": {
        "type": "object",
        "anyOf": [
            {"properties": {"a": {"type": "string"}}, "required": ["a"]},
            {"properties": {"a": {"type": "array"}}, "required": ["b"]},
        ],
    },
}


def wrapped(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema one level down, so that its root may be of any type."""
    return {
        "definitions": schema.get("definitions", {}),
        "type": "array",
        "items": schema,
    }


def is_on_schema(codec: Codec, value: Json) -> bool:
    symbols = "".join(codec.encode(value))
    assert codec.decode(symbols) == value
    return codec.is_on_schema(symbols)


@pytest.mark.parametrize("name", EXACT)
def test_what_is_encoded_without_escape_is_exactly_what_is_valid(name: str) -> None:
    schema = wrapped(EXACT[name])
    compiled = compile_schema(schema)
    codec = Codec(compiled.grammar, "")
    validator = jsonschema_rs.Draft7Validator(schema)

    @settings(max_examples=150, deadline=None)
    @given(VALUES)
    def check(value: Json) -> None:
        assert is_on_schema(codec, [value]) == validator.is_valid([value])

    assert compiled.notes == ()
    check()


@pytest.mark.parametrize("name", NARROWED)
def test_what_is_encoded_without_escape_is_valid_where_the_grammar_is_narrower(
    name: str,
) -> None:
    schema = wrapped(NARROWED[name])
    codec = Codec(compile_schema(schema).grammar, "")
    validator = jsonschema_rs.Draft7Validator(schema)

    @settings(max_examples=150, deadline=None)
    @given(VALUES)
    def check(value: Json) -> None:
        assert validator.is_valid([value]) or not is_on_schema(codec, [value])

    check()


def test_bounded_numbers_and_overlaps_are_noted_with_their_pointer() -> None:
    schema = {
        "type": "object",
        "properties": {
            "n": {"type": ["number", "null"], "minimum": 3},
            "o": {"oneOf": [{"type": "null"}, {"type": ["null", "string"]}]},
        },
    }
    notes = compile_schema(schema).notes
    assert any(note.startswith("/properties/n: bounded numbers") for note in notes)
    assert any(note.startswith("/properties/o: several of oneOf") for note in notes)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"properties": {"a": {"if": {}}}}, "/properties/a/if: unsupported keyword"),
        ({"not": {"type": "string"}}, "/not: only `required` can be negated"),
        ({"items": [{}]}, "/items: a list of schemas is unsupported"),
        ({"dependencies": {"a": {}}}, "/dependencies/a: not a list of keys"),
        ({"allOf": [{"$ref": "#"}]}, "to itself without a property between"),
        ({"$ref": "https://a.example/b"}, "leaves the schema"),
        ({"properties": {"a": {"pattern": "a^b"}}}, "/properties/a: pattern 'a^b'"),
    ],
)
def test_what_cannot_be_compiled_is_refused_with_its_pointer(
    schema: dict[str, Any], message: str
) -> None:
    with pytest.raises(SchemaError) as error:
        compile_schema(schema)
    assert message in str(error.value)


def test_a_schema_without_values_is_refused() -> None:
    with pytest.raises(ValueError, match="no value satisfies"):
        compile_schema(
            {"type": "object", "required": ["a"], "properties": {"a": False}}
        )


@pytest.fixture(scope="module")
def official() -> Grammar:
    compiled = compile_schema(workflow_schema())
    assert compiled.notes == ()
    return compiled.grammar


def test_the_official_schema_fits_the_literal_slots(official: Grammar) -> None:
    assert {"on", "jobs", "runs-on", "workflow_dispatch"} <= set(official.literals)
    assert len(official.literals) <= MAX_LITERALS


def test_a_grammar_survives_its_json(official: Grammar) -> None:
    assert Grammar.from_json(official.to_json()) == official


def test_compiling_again_gives_the_same_grammar(official: Grammar) -> None:
    assert compile_schema(workflow_schema()).grammar == official


def test_a_schema_of_more_literals_than_slots_is_refused() -> None:
    with pytest.raises(SchemaError, match=f"{MAX_LITERALS + 1} keys and enum values"):
        compile_schema({"enum": [f"word-{n}" for n in range(MAX_LITERALS + 1)]})
