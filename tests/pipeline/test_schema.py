"""The schema compiler against an independent validator."""

import json
import random
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tct.data.documents.json_text import Json
from tct.data.errors import SchemaError
from tct.data.schema import Validator
from tct.data.tokenizer import Tokenizer
from tct.data.tokenizer.codec import Codec
from tct.data.tokenizer.grammar import Grammar
from tct.data.tokenizer.symbols import MAX_LITERALS
from tct.pipeline.compiler.drafts import as_draft_07
from tct.pipeline.compiler.grammars import names
from tct.pipeline.compiler.languages.patterns import ecma_pattern
from tct.pipeline.compiler.schema import compile_schema
from tct.pipeline.workflow_schema import workflow_schema

SCALARS = st.sampled_from(
    [
        *(None, True, False, 0, 7, 1.5, 5.0, -3, 2),
        *("", "a", "b", "aa", "x1", "${{ a }}", "é", "\U0001f600", "a\n"),
    ]
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
    "const null": {"const": None},
    "const boolean": {"const": False},
    "const number": {"const": 5},
    "enum of numbers": {"enum": [7, 1.5, 0, "a", False]},
    "enum within a type": {"type": ["integer", "string"], "enum": [7, 1.5, "a", None]},
    "enums together": {"allOf": [{"enum": ["a", 7, 2]}, {"enum": ["b", 2.0, "a"]}]},
    "enum with a pattern": {"enum": ["a", "b", "aa"], "pattern": "a$"},
    "integer": {"type": "integer"},
    "integer or string": {"type": ["integer", "string"]},
    "integer and number": {"allOf": [{"type": "integer"}, {"type": "number"}]},
    "bounds": {"type": "integer", "minimum": 0, "maximum": 5},
    "exclusive bounds": {
        "type": ["integer", "null"], "exclusiveMinimum": -3, "exclusiveMaximum": 7
    },
    "bounds of fractions": {"type": ["number", "null"], "exclusiveMinimum": 1.5},
    "bounds together": {
        "type": "integer", "allOf": [{"minimum": 0}, {"minimum": 1.5}, {"maximum": 6}]
    },
    "union of bounds": {
        "anyOf": [{"type": "integer", "minimum": 5}, {"type": "integer", "maximum": 0}]
    },
    "bound and integers": {
        "anyOf": [{"const": 1.5}, {"type": "integer", "exclusiveMinimum": 2}]
    },
    "bounds that nothing meets": {"type": ["integer", "null"], "minimum": 3,
                                  "maximum": 2},
    "pattern": {"type": "string", "pattern": "^a+$"},
    "pattern of alternatives": {"type": "string", "pattern": "^a$|1$"},
    "pattern of classes": {"type": "string", "pattern": "^[\\w-]+\\s?$"},
    "unanchored pattern": {"type": "string", "pattern": "\\d"},
    "lengths": {"type": "string", "minLength": 1, "maxLength": 1},
    "lengths of code points": {"type": "string", "minLength": 2, "maxLength": 2},
    "lengths that nothing has": {"type": ["string", "null"], "minLength": 2,
                                 "maxLength": 1},
    "items": {"type": "array", "items": {"type": "string"}},
    "no items": {"type": "array", "items": False},
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
    "free keys that lead back": {
        "definitions": {
            "d": {
                "type": "object",
                "patternProperties": {
                    "^a": {"$ref": "#/definitions/d"}, "^x.$": {"type": "null"}
                },
                "additionalProperties": False,
                "minProperties": 1,
            }
        },
        "$ref": "#/definitions/d",
    },
    "required": {"type": "object", "required": ["a", "zz"]},
    "property counts": {"type": "object", "minProperties": 1, "maxProperties": 2},
    "property counts that contradict": {
        "type": ["object", "null"], "minProperties": 2, "maxProperties": 1
    },
    "room for all keys": {
        "type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"],
        "additionalProperties": False, "maxProperties": 2,
    },
    "dependencies": {"type": "object", "dependencies": {"a": ["b"], "b": ["c"]}},
    "dependency on a schema": {
        "dependencies": {
            "a": {"required": ["b"], "minProperties": 3}, "c": False, "x/1": True
        }
    },
    "not required": {"type": "object", "not": {"required": ["a", "b"]}},
    "not required, of all types": {"not": {"required": ["a"]}},
    "not an object with a key": {"not": {"type": "object", "required": ["a"]}},
    "$ref with escapes": {
        "definitions": {"a/b": {"type": "string"}},
        "items": {"$ref": "#/definitions/a~1b"},
    },
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
    "oneOf of words at a key": {
        "oneOf": [
            {"type": "object", "properties": {"a": {"const": "a"}, "b": {}},
             "required": ["a"]},
            {"type": "object", "required": ["b"], "properties": {"b": {}},
             "not": {"required": ["a"]}},
        ]
    },
    "alternatives told apart by a word": {
        "anyOf": [
            {"type": "object", "properties": {"a": {"enum": ["a", "b"]}, "b": {}},
             "required": ["a"], "additionalProperties": False},
            {"type": "object", "properties": {"a": {"const": "x1"}, "c": {}},
             "required": ["a", "c"], "additionalProperties": False},
            {"type": "object", "properties": {"a": {"const": "aa"}},
             "additionalProperties": False},
        ]
    },
    "not a type": {"not": {"type": ["string", "null"]}},
    "not of a schema": {"type": ["null", "string"], "not": {"not": {"type": "null"}}},
    "not anything": {"anyOf": [{"not": True}, {"not": False, "type": "string"}]},
    "not a word": {"type": "string", "not": {"enum": ["a", "b", "x1"]}},
    "not a constant": {"type": ["string", "boolean"], "not": {"const": "a"}},
    "not true": {"type": ["boolean", "null"], "not": {"const": True}},
    "if of types": {
        "if": {"type": "string"}, "then": {"pattern": "a"}, "else": {"type": "null"}
    },
    "then alone": {"type": "null", "then": False},
    "propertyNames": {"type": "object", "propertyNames": {"pattern": "^[abx]"}},
    "listed propertyNames": {
        "type": "object", "propertyNames": {"enum": ["a", "b", 7]},
        "properties": {"a": {"type": "null"}, "c": {}},
    },
    "const object": {"const": {"a": "b"}},
    "enum of objects": {"enum": ["a", {"a": "b"}, {}, ["a", "a"]]},
    "arrays of arrays": {
        "type": "array", "items": {"type": "array", "items": {"type": "array"}}
    },
}  # fmt: skip

# Schemas that are compiled narrower, and how the note of each begins.
NARROWED: dict[str, tuple[dict[str, Any], str]] = {
    "siblings of $ref": (
        {
            "definitions": {"any": {"type": ["string", "null"]}},
            "type": "object",
            "properties": {"a": {"$ref": "#/definitions/any", "type": "null"}},
        },
        "/items/properties/a/$ref: what is beside it applies, too",
    ),
    "oneOf of words beside $ref": (
        {
            "definitions": {"text": {"type": "string"}},
            "oneOf": [
                {"type": "object", "required": ["a"], "properties": {
                    "a": {"$ref": "#/definitions/text", "const": "a"}}},
                {"type": "object", "required": ["a"], "properties": {
                    "a": {"const": "b"}}},
                {"type": "null"},
            ],
        },
        "/items/oneOf: objects may overlap; checked when a document is encoded",
    ),
    "siblings of $ref in oneOf": (
        {
            "definitions": {"any": {}},
            "oneOf": [
                {"allOf": [{"$ref": "#/definitions/any", "type": "null"}]},
                {"type": ["string", "null"]},
            ],
        },
        "/items/oneOf: checked when a document is encoded; no string is written",
    ),
    "oneOf in oneOf": (
        {"oneOf": [{"oneOf": [{"pattern": "a"}, {"pattern": "b"}]}, {"minLength": 1}]},
        "/items: strings of oneOf overlap",
    ),
    "bounds of fractions": (
        {"type": ["number", "null"], "minimum": 1e-6},
        "/items: some bounded numbers have no exponent",
    ),
    "long numbers": ({"enum": [10**30, 7]}, "/items: long numbers in an enum"),
    "kinds of arrays": (
        {"anyOf": [{"type": "array", "items": {"const": "a"}},
                   {"type": "array", "items": {"const": 7}}]},
        "/items: only the first kind of array is allowed",
    ),
    "no room for all keys": (
        {"type": "object", "properties": {"a": {}, "b": {}, "c": {}},
         "required": ["b"], "maxProperties": 2},
        "/items/maxProperties: some optional keys are left out",
    ),
}  # fmt: skip

# Schemas of which encoding checks documents, and where the notes of each begin.
CHECKED: dict[str, tuple[dict[str, Any], str]] = {
    "oneOf that overlaps": (
        {"oneOf": [{"type": "array"}, {"type": ["array", "null"]}]},
        "/items/oneOf: checked when a document is encoded; no array is written",
    ),
    "oneOf of numbers": (
        {"oneOf": [{"type": "integer"}, {"type": ["number", "null"], "minimum": 2}]},
        "/items/oneOf: checked when a document is encoded; no number is written",
    ),
    "oneOf of everything and a key": (
        {"oneOf": [{}, {"required": ["a"]}]},
        "/items/oneOf: objects may overlap; checked when a document is encoded",
    ),
    "oneOf with a listed array": (
        {"oneOf": [{"enum": [["a", "b"], "a"]}, {"type": ["array", "null"]}]},
        "/items/oneOf: checked when a document is encoded; no array is written",
    ),
    "recursive oneOf": (
        {
            "definitions": {
                "t": {
                    "oneOf": [
                        {"type": "null"},
                        {"type": "object", "required": ["a"],
                         "properties": {"a": {"$ref": "#/definitions/t"}}},
                        {"type": "object", "required": ["a", "b"],
                         "properties": {"a": {"$ref": "#/definitions/t"}}},
                    ]
                }
            },
            "items": {"$ref": "#/definitions/t"},
        },
        "/definitions/t/oneOf: objects may overlap",
    ),
    "const array": (
        {"items": {"const": ["a", "b"]}},
        "/items/items/const: checked when a document is encoded; no array is written",
    ),
    "if and then": (
        {"if": {"required": ["a"]}, "then": {"required": ["b"]}},
        "/items/if: checked when a document is encoded; no object is written",
    ),
    "if of numbers": (
        {"if": {"minimum": 2}, "then": {"type": ["integer", "null"]},
         "else": {"enum": [1.5, 0, "a", None]}},
        "/items/if: checked when a document is encoded; no number is written",
    ),
    "contains": (
        {"contains": {"type": "string"}},
        "/items/contains: checked when a document is encoded; no array is written",
    ),
    "uniqueItems": (
        {"uniqueItems": True, "maxItems": 3},
        "/items/uniqueItems: checked when a document is encoded; no array of more than",
    ),
    "unique items, two or more": (
        {"type": ["array", "null"], "uniqueItems": True, "minItems": 2},
        "/items/uniqueItems: checked when a document is encoded; no array of more than",
    ),
    "multipleOf": (
        {"multipleOf": 2},
        "/items/multipleOf: checked when a document is encoded; perhaps not all",
    ),
    "multiples of a fraction": (
        {"multipleOf": 0.5},
        "/items/multipleOf: checked when a document is encoded; perhaps not all",
    ),
    "list of items": (
        {"items": [{"type": "string"}, {"type": "null"}], "additionalItems": False},
        "/items/items: checked when a document is encoded; no array with items is",
    ),
    "list of items and others": (
        {"items": [{"type": "string"}], "additionalItems": {"type": "null"}},
        "/items/items: checked when a document is encoded; no array with items is",
    ),
    "not a pattern": (
        {"not": {"type": "string", "pattern": "^a"}},
        "/items/not: checked when a document is encoded; no string is written",
    ),
    "not an integer": (
        {"not": {"type": ["integer", "string"]}},
        "/items/not: checked when a document is encoded; no number is written",
    ),
    "not an object with a word": (
        {"not": {"properties": {"a": {"const": "a"}}}, "type": ["object", "null"]},
        "/items/not: checked when a document is encoded; no object is written",
    ),
}  # fmt: skip

# Keywords that constrain and are not compiled, nowhere ignored.
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown type": ({"type": "text"}, "/type: 'text' is not a JSON type"),
    "$ref to itself": ({"allOf": [{"$ref": "#"}]}, "to itself without a property"),
    "dynamic reference": (
        {"contains": {"$dynamicRef": "#a"}},
        "/contains/$ref: '#a' leaves the schema",
    ),
    "reference in a check": (
        {"contains": {"items": {"$ref": "b.json"}}},
        "/contains/items/$ref: 'b.json'",
    ),
    "nothing to write": (
        {"type": "array", "contains": {}},
        "no value can be written, only checked",
    ),
    "$ref elsewhere": ({"$ref": "https://a.example/b"}, "leaves the schema"),
    "$ref to a name": ({"items": {"$ref": "#name"}}, "/items/$ref: '#name' leaves"),
    "$ref to nothing": ({"$ref": "#/definitions/a"}, "/$ref: nothing at '#/definitio"),
    "pattern": ({"properties": {"a": {"pattern": "(a)\\1"}}}, "/properties/a: pattern"),
    "pattern of keys": ({"patternProperties": {"\\b": {}}}, ": pattern '\\\\b'"),
    "length": ({"items": {"maxLength": 65_535}}, "/items: lengths of more than 10,000"),
    "overlapping patterns": (
        {"items": {"patternProperties": {c: {} for c in "abcdefg"}}},
        "/items: patterns overlap in more than 64 ways",
    ),
}


KEYS = st.sampled_from(["a", "b", "x1", "zz"])
KEY_LISTS = st.lists(KEYS, max_size=2, unique=True)
TYPES = st.sampled_from(
    ["null", "boolean", "integer", "number", "string", "array", "object"]
)
CONSTANTS: st.SearchStrategy[Json] = st.sampled_from(
    [None, True, False, 0, 1.0, 2, -2.5, "a", "b", "aa", [], {"a": "b"}]
)
EXPRESSIONS = st.sampled_from(
    ["a", "^a", "b$", "^(a|b)$", "^x\\d$", "^[^a]*$", "^a|b$"]
)
LIMITS = st.integers(0, 3)


def some_of(**keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keywords)


def simple_schemas() -> st.SearchStrategy[dict[str, Any]]:
    bounds = st.sampled_from([-3, -0.5, 0, 0.1, 1, 2, 5.0, 7])
    return st.one_of(
        st.fixed_dictionaries(
            {"type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True)}
        ),
        some_of(enum=st.lists(CONSTANTS, min_size=1, max_size=3), const=CONSTANTS),
        st.just({"$ref": "#/definitions/d"}),
        some_of(type=TYPES, pattern=EXPRESSIONS, minLength=LIMITS, maxLength=LIMITS),
        some_of(
            type=st.sampled_from(["integer", "number", ["integer", "string"]]),
            minimum=bounds,
            maximum=bounds,
            exclusiveMinimum=bounds,
            exclusiveMaximum=bounds,
        ),
    )


def compound_schemas(
    inner: st.SearchStrategy[Any],
) -> st.SearchStrategy[dict[str, Any]]:
    part = inner | st.booleans()
    parts = st.lists(part, min_size=1, max_size=3)
    objects = some_of(
        type=TYPES,
        properties=st.dictionaries(KEYS, part, max_size=2),
        patternProperties=st.dictionaries(EXPRESSIONS, part, max_size=2),
        additionalProperties=part,
        required=KEY_LISTS,
        minProperties=LIMITS,
        maxProperties=LIMITS,
        dependencies=st.dictionaries(KEYS, KEY_LISTS | part, max_size=1),
    )
    limits = some_of(
        type=TYPES,
        uniqueItems=st.booleans(),
        multipleOf=st.sampled_from([1, 2, 3, 0.5]),
        contains=part,
        items=st.lists(part, min_size=1, max_size=2),
        additionalItems=part,
        propertyNames=part,
    )
    conditions = some_of(**{"if": part, "then": part, "else": part, "not": part})
    negated = st.fixed_dictionaries(
        {"required": st.lists(KEYS, min_size=1, max_size=2, unique=True)},
        optional={"type": st.just("object")},
    )
    return st.one_of(
        objects,
        limits,
        conditions,
        some_of(type=TYPES, items=part, minItems=LIMITS, maxItems=LIMITS),
        some_of(oneOf=parts, properties=st.dictionaries(KEYS, part, max_size=1)),
        some_of(anyOf=parts, required=KEY_LISTS),
        some_of(allOf=parts),
        st.fixed_dictionaries({"not": negated}),
    )


SCHEMAS = st.recursive(simple_schemas(), compound_schemas, max_leaves=5)


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
    narrowed, note = NARROWED[name]
    schema = wrapped(narrowed)
    compiled = compile_schema(schema)
    codec = Codec(compiled.grammar, "")
    validator = jsonschema_rs.Draft7Validator(schema)

    @settings(max_examples=150, deadline=None)
    @given(VALUES)
    def check(value: Json) -> None:
        assert validator.is_valid([value]) or not is_on_schema(codec, [value])

    assert any(found.startswith(note) for found in compiled.notes)
    check()


@pytest.mark.parametrize("name", CHECKED)
def test_encoding_checks_what_a_grammar_cannot_express(name: str) -> None:
    checked, note = CHECKED[name]
    schema = wrapped(checked)
    compiled = compile_schema(schema)
    codec = Codec(compiled.grammar, "")
    validator = jsonschema_rs.Draft7Validator(schema)

    @settings(max_examples=150, deadline=None)
    @given(VALUES)
    def check(value: Json) -> None:
        assert is_on_schema(codec, [value]) == validator.is_valid([value])

    assert any(found.startswith(note) for found in compiled.notes)
    check()


def walks(grammar: Grammar, count: int) -> Iterator[Json]:
    """Documents of random tokens that the masks allow."""
    tokenizer = Tokenizer(grammar, characters="", merges=[], schema_sha256="0" * 64)
    for seed in range(count):
        draws, state = random.Random(seed), tokenizer.start()
        ids: list[int] = []
        while not state.is_complete and len(ids) < 30:
            allowed = np.flatnonzero(state.allowed()).tolist()
            structure = [i for i in allowed if not 272 <= i < 515]
            chosen = structure if structure and draws.random() < 0.7 else allowed
            ids.append(draws.choice(chosen))
            state = state.advance(ids[-1])
        value = tokenizer.decode([*ids, *state.shortest_completion()])
        assert tokenizer.is_on_schema(tokenizer.encode(value))
        yield value


@pytest.mark.parametrize("name", [*CHECKED, *NARROWED, *EXACT])
def test_masks_write_only_what_is_valid(name: str) -> None:
    known = {name: part for name, (part, _) in (*CHECKED.items(), *NARROWED.items())}
    schema = wrapped(known.get(name) or EXACT[name])
    grammar = compile_schema(schema).grammar
    validator = jsonschema_rs.Draft7Validator(schema)
    assert Grammar.from_json(json.loads(json.dumps(grammar.to_json()))) == grammar
    for value in walks(grammar, 8):
        assert validator.is_valid(value)


def test_no_schema_allows_what_it_forbids() -> None:
    seen = dict.fromkeys(["compiled", "encoded", "escaped"], 0)

    @settings(max_examples=200, deadline=None)
    @given(SCHEMAS, SCHEMAS, st.lists(VALUES, min_size=8, max_size=8))
    def check(definition: Any, schema: Any, values: list[Json]) -> None:
        schema = wrapped({"definitions": {"d": definition}, "allOf": [schema]})
        validator = jsonschema_rs.Draft7Validator(schema)
        try:
            grammar = compile_schema(schema).grammar
        except SchemaError as error:  # nothing else of this is unsupported
            assert "$ref" in str(error) or "alternatives" in str(error)
            return
        codec = Codec(grammar, "")
        for value in walks(grammar, 1):
            assert validator.is_valid(value)
        seen["compiled"] += 1
        for value in values:
            encoded = is_on_schema(codec, [value])
            assert validator.is_valid([value]) or not encoded
            seen["encoded" if encoded else "escaped"] += 1

    check()
    assert min(seen.values()) > 100


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_compiled_is_refused_with_its_pointer(name: str) -> None:
    schema, message = REFUSED[name]
    with pytest.raises(SchemaError) as error:
        compile_schema(schema)
    assert message in str(error.value)


@settings(max_examples=300, deadline=None)
@given(SCHEMAS, SCHEMAS, st.lists(VALUES, min_size=8, max_size=8))
def test_documents_are_checked_as_another_validator_does(
    definition: Any, schema: Any, values: list[Json]
) -> None:
    schema = {"definitions": {"d": definition}, "allOf": [schema]}
    if "$ref" in json.dumps(definition):
        return  # perhaps to itself
    ours = Validator(
        as_draft_07(schema), lambda p, text: ecma_pattern(p).accepts(text), draft=7
    )
    other = jsonschema_rs.Draft7Validator(schema)
    for value in values:
        assert ours.allows("", value) == other.is_valid(value)


def chain(count: int, keyword: str, last: Any) -> dict[str, Any]:
    """Definitions that refer twice to the next one each: 2 ** count in all."""
    definitions = {
        f"d{n}": {keyword: [{"$ref": f"#/definitions/d{n + 1}"}] * 2}
        for n in range(count)
    }
    return {"definitions": {**definitions, f"d{count}": last}}


def requiring(prefix: str, count: int) -> list[dict[str, Any]]:
    return [{"required": [f"{prefix}{n}"]} for n in range(count)]


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (
            {"allOf": [{"anyOf": requiring(p, 9)} for p in "abcdefgh"]},
            ": more than 512",
        ),
        ({"oneOf": requiring("a", 1_000)}, "/oneOf: more than 512 alternatives"),
        (
            {"items": {"oneOf": [{"required": ["a", f"b{n}"]} for n in range(30)]}},
            "/items/oneOf: more than 512 alternatives",
        ),
        (
            {"properties": {"a": {"anyOf": [{"const": n} for n in range(600)]}}},
            "/properties/a/anyOf: more than 512 alternatives",
        ),
    ],
)
def test_alternatives_without_end_are_refused(
    schema: dict[str, Any], message: str
) -> None:
    with pytest.raises(SchemaError) as error:
        compile_schema(schema)
    assert message in str(error.value)


def test_long_chains_of_references_take_no_exponential_time() -> None:
    schema = {**chain(40, "allOf", {"const": "a"}), "$ref": "#/definitions/d0"}
    assert compile_schema(schema).grammar.literals == ("a",)
    schema = {**chain(40, "anyOf", {"const": "a"}), "$ref": "#/definitions/d0"}
    with pytest.raises(SchemaError, match="more than 512 alternatives"):
        compile_schema(schema)


def test_nesting_without_end_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(2_000):
        schema = {"properties": {"a": schema}}
    with pytest.raises(SchemaError, match="/properties/a: nested too deep"):
        compile_schema(schema)


def test_nodes_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tct.pipeline.compiler.schema._MAX_NODES", 10)
    properties = {f"k{n}": {"type": "null"} for n in range(10)}
    with pytest.raises(SchemaError, match=r"^/items/properties/k.: more than 10 nodes"):
        compile_schema({"items": {"properties": properties}})


def test_compiling_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tct.pipeline.compiler.schema._MAX_SECONDS", -1)
    with pytest.raises(SchemaError, match="takes more than -1 seconds"):
        compile_schema({"items": {"type": "null"}})


def test_automata_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tct.pipeline.compiler.languages.algebra._MAX_STATES", 50)
    schema = {"items": {"minLength": 60, "pattern": "^[a-z]*$"}}
    message = "^/items: needs an automaton of more than 50 states"
    with pytest.raises(SchemaError, match=message):
        compile_schema(schema)


def test_a_schema_without_values_is_refused() -> None:
    with pytest.raises(SchemaError, match="no value satisfies"):
        compile_schema(
            {"type": "object", "required": ["a"], "properties": {"a": False}}
        )


@pytest.fixture(scope="module")
def official() -> Grammar:
    compiled = compile_schema(workflow_schema())
    assert all(
        note.endswith("what is beside it applies, too") for note in compiled.notes
    )
    return compiled.grammar


def test_the_official_schema_fits_the_literal_slots(official: Grammar) -> None:
    assert {"on", "jobs", "runs-on", "workflow_dispatch"} <= set(official.literals)
    assert len(official.literals) <= MAX_LITERALS


def test_a_grammar_survives_its_json(official: Grammar) -> None:
    assert Grammar.from_json(official.to_json()) == official


def test_compiling_again_gives_the_same_grammar(official: Grammar) -> None:
    assert compile_schema(workflow_schema()).grammar == official


MANY = [f"n{n}" for n in range(2 * MAX_LITERALS)]


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": [*MANY, "n1\n"]},
        {"enum": MANY, "pattern": "[0-4]$"},
        {"anyOf": [{"enum": MANY}, {"type": "string", "pattern": "^[an]\\d?$"}]},
        {"properties": {n: {"type": "null"} for n in MANY}, "maxProperties": 3},
        {
            "type": "object",
            "properties": {n: {"const": n[-1]} for n in MANY},
            "required": MANY[-3:],
            "patternProperties": {"9$": {"type": "string"}},
            "additionalProperties": {"type": "boolean"},
        },
    ],
)
def test_names_beyond_the_slots_are_spelled(schema: dict[str, Any]) -> None:
    schema = wrapped(schema)
    grammar = compile_schema(schema).grammar
    codec = Codec(grammar, "")
    validator = jsonschema_rs.Draft7Validator(schema)
    found = st.sampled_from([*MANY[::7], *MANY[-3:], "n", "a9", "n512"])
    objects = st.dictionaries(found, st.sampled_from([None, True, *"0123456789"]))
    required = st.just({name: name[-1] for name in MANY[-3:]})

    @settings(max_examples=150, deadline=None)
    @given(
        st.lists(found | objects | required | st.builds(dict.__or__, objects, required))
    )
    def check(value: Json) -> None:
        assert is_on_schema(codec, value) == validator.is_valid(value)

    assert len(grammar.literals) == MAX_LITERALS
    check()
    assert all(validator.is_valid(value) for value in walks(grammar, 20))


@pytest.mark.parametrize("name", EXACT)
def test_a_spelled_name_means_what_a_symbol_means(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = wrapped(EXACT[name])
    for slots in range(9):
        monkeypatch.setattr(names, "MAX_LITERALS", slots)
        try:
            grammar = compile_schema(schema).grammar
        except SchemaError:  # that many names cannot be spelled
            continue
        break
    codec = Codec(grammar, "")
    validator = jsonschema_rs.Draft7Validator(schema)

    @settings(max_examples=50, deadline=None)
    @given(VALUES)
    def check(value: Json) -> None:
        assert is_on_schema(codec, [value]) == validator.is_valid([value])

    check()
    assert all(validator.is_valid(value) for value in walks(grammar, 4))


def test_names_that_cannot_be_spelled_are_refused() -> None:
    with pytest.raises(SchemaError, match=r"^512 names that cannot be"):
        compile_schema({"type": "object", "required": MANY})


DRAFTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "annotations": (jsonschema_rs.Draft7Validator, {"x-order": 1, "type": "null"}),
    "above": (
        jsonschema_rs.Draft4Validator,
        {"minimum": 3, "exclusiveMinimum": True},
    ),
    "below": (
        jsonschema_rs.Draft4Validator,
        {"maximum": 3, "exclusiveMaximum": True},
    ),
    "not above": (
        jsonschema_rs.Draft4Validator,
        {"minimum": -1, "exclusiveMinimum": False},
    ),
    "integer": (jsonschema_rs.Draft4Validator, {"type": ["integer", "null"]}),
    "integer above": (
        jsonschema_rs.Draft4Validator,
        {"type": "integer", "minimum": 2},
    ),
    "listed integer": (
        jsonschema_rs.Draft4Validator,
        {"type": "integer", "enum": [7, 5.0, -3]},
    ),
    "id": (jsonschema_rs.Draft4Validator, {"id": "#n", "type": "null"}),
    "$defs": (
        jsonschema_rs.Draft202012Validator,
        {"anyOf": [{"$ref": "#/items/$defs/n"}], "$defs": {"n": {"type": "null"}}},
    ),
    "needed keys": (
        jsonschema_rs.Draft201909Validator,
        {"dependentRequired": {"a": ["b"]}},
    ),
    "needed schema": (
        jsonschema_rs.Draft201909Validator,
        {"dependentSchemas": {"a": {"required": ["b"]}}},
    ),
    "needed keys below another keyword": (
        jsonschema_rs.Draft201909Validator,
        {"$ref": "#/items/x/n", "x": {"n": {"dependentRequired": {"a": ["b"]}}}},
    ),
    "above, below another keyword": (
        jsonschema_rs.Draft4Validator,
        {
            "$ref": "#/items/x/n",
            "x": {"n": {"minimum": 3, "exclusiveMinimum": True}},
        },
    ),
    "text below another keyword": (
        jsonschema_rs.Draft7Validator,
        {
            "$ref": "#/items/x/n",
            "x": {"n": {"pattern": "^a", "not": {"minLength": 3}}},
        },
    ),
}


@pytest.mark.parametrize("name", DRAFTS)
def test_other_drafts_mean_what_their_validators_say(name: str) -> None:
    draft, part = DRAFTS[name]
    schema = wrapped(part)
    if draft is jsonschema_rs.Draft4Validator:
        schema["$schema"] = "http://json-schema.org/draft-04/schema#"
    codec = Codec(compile_schema(schema).grammar, "")
    validator = draft(schema)

    @settings(max_examples=100, deadline=None)
    @given(VALUES)
    def check(value: Json) -> None:
        assert is_on_schema(codec, [value]) == validator.is_valid([value])

    check()


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"required": True}, "/required: found True, expected an array of strings"),
        ({"required": "a"}, "/required: found 'a', expected an array of strings"),
        ({"enum": "abc"}, "/enum: found 'abc', expected an array"),
        (
            {"items": {"minLength": "1"}},
            "/items/minLength: found '1', expected a",
        ),
        ({"properties": []}, r"/properties: found \[\], expected an object whose"),
        (
            {"properties": {"a/b": {"type": 1}}},
            "/properties/a~1b/type: found 1, exp",
        ),
        ({"anyOf": []}, r"/anyOf: found \[\], expected an array of one schema or more"),
        ({"not": 1}, "/not: found 1, expected a schema: an object, true or false"),
        ({"minimum": "0"}, "/minimum: found '0', expected a number"),
        ({"enum": []}, "no value satisfies the schema"),
        (
            {"dependencies": {"a": ["b"]}, "dependentRequired": {"a": ["c"]}},
            "/dependencies: names 'a' a second time, in other words",
        ),
    ],
)
def test_a_malformed_schema_is_refused_with_its_pointer(
    schema: dict[str, Any], message: str
) -> None:
    with pytest.raises(SchemaError, match=message):
        compile_schema(schema)
