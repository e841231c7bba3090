"""Objects whose alternatives are told apart by a word, such as a manifest's kind."""

import json
import random
from typing import Any

import jsonschema_rs
import numpy as np
import pytest

from tct.data.documents.json_text import Json
from tct.data.errors import FormatError
from tct.data.files import canonical_json
from tct.data.tokenizer import Tokenizer
from tct.data.tokenizer.checks import content_digest
from tct.data.tokenizer.masks.masks import Masks
from tct.data.tokenizer.symbols import Control, literal_symbol
from tct.pipeline.compiler import compile_schema


def kind(name: str, **properties: Any) -> dict[str, Any]:
    return {
        "properties": {"kind": {"const": name}, **properties},
        "required": ["kind", *properties],
    }


SCHEMA: dict[str, Any] = {
    "type": "object",
    "anyOf": [
        kind("pod", spec={"type": "integer"}),
        kind("job", spec={"type": "array", "items": {"type": "string"}}, other={}),
        {
            "properties": {"kind": {"enum": ["job", "role"]}},
            "required": ["kind"],
            "minProperties": 2,
        },
    ],
}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Tokens that cross tags: `kind "job"`, `"job" spec`, `"role" }`, and so on."""
    grammar = compile_schema(SCHEMA).grammar
    slots = {word: literal_symbol(i) for i, word in enumerate(grammar.literals)}
    merges = [
        slots["kind"] + slots["job"],
        slots["job"] + slots["spec"],
        slots["role"] + Control.CLOSE_OBJECT,
        slots["kind"] + slots["pod"] + "x",
        slots["kind"] + slots["role"] + slots["spec"] + Control.TRUE,
        "a" + Control.END + Control.NULL + slots["kind"] + slots["pod"] + slots["spec"],
    ]
    return Tokenizer(grammar, characters="é", merges=merges, schema_sha256="0" * 64)


@pytest.mark.parametrize(
    ("value", "is_on_schema"),
    [
        ({"kind": "pod", "spec": 1}, True),
        ({"kind": "pod", "spec": ["a"]}, False),
        ({"kind": "job", "spec": ["a"], "other": None}, True),
        ({"kind": "role", "spec": True}, True),
        ({"kind": "role", "a": 1, "b": 2, "c": 3}, True),
        ({"a": 1, "kind": "role", "é": {}}, True),
        ({"spec": 1, "kind": "pod"}, True),
        ({"spec": 1, "kind": "cronjob"}, False),
        ({"kind": None, "spec": 1}, False),
        ({"kind": {"kind": "pod"}, "spec": 1}, False),
        ({"kind": "pod"}, False),
        ({}, False),
    ],
)
def test_the_word_decides(
    tokenizer: Tokenizer, value: dict[str, Json], is_on_schema: bool
) -> None:
    ids = tokenizer.encode(value)
    assert tokenizer.decode(ids) == value
    assert json.dumps(tokenizer.decode(ids)) == json.dumps(value)
    assert tokenizer.is_on_schema(ids) == is_on_schema
    chunks = tokenizer.codec.encode(value)  # what Python writes, the core does, too
    assert bytearray(tokenizer.segmenter.encode(chunks)) == ids.tobytes()
    decoder = tokenizer.decoder()
    for number in ids:  # one by one, on the reader's other path
        decoder.feed([number])
    assert decoder.value() == value
    state = tokenizer.start()
    if is_on_schema:
        for number in ids:
            assert state.allowed()[number]
            state = state.advance(int(number))
        assert state.is_complete


@pytest.mark.parametrize("seed", range(60))
def test_every_walk_is_valid_and_its_masks_are_what_trying_gives(
    tokenizer: Tokenizer, seed: int
) -> None:
    draws, state = random.Random(seed), tokenizer.start()
    ids: list[int] = []
    engine = tokenizer._engine
    assert isinstance(engine.masks, Masks)
    while not state.is_complete and len(ids) < 40:
        mask = state.allowed()
        assert (mask == engine.masks._by_trial(state._stack)).all()
        end = state
        for number in state.shortest_completion():
            end = end.advance(number)
        assert end.is_complete
        structure = [i for i in np.flatnonzero(mask).tolist() if not 272 <= i < 515]
        chosen = structure if structure and draws.random() < 0.8 else None
        ids.append(draws.choice(chosen or np.flatnonzero(mask).tolist()))
        state = state.advance(ids[-1])
    ids += state.shortest_completion()
    value = tokenizer.decode(ids)
    assert jsonschema_rs.is_valid(SCHEMA, value)
    assert tokenizer.is_on_schema(tokenizer.encode(value))


def test_tags_survive_a_file(tokenizer: Tokenizer, tmp_path: Any) -> None:
    tokenizer.save(tmp_path / "tokenizer.json")
    assert Tokenizer.load(tmp_path / "tokenizer.json").grammar == tokenizer.grammar
    assert any(node.tags for node in tokenizer.grammar.nodes)


@pytest.mark.parametrize("tag", [{"kind": 99}, {"kind": "a"}, {"kind": 1}])
def test_a_tag_that_refers_to_nothing_is_refused(
    tokenizer: Tokenizer, tmp_path: Any, tag: dict[str, Any]
) -> None:
    content = {**tokenizer._content()}
    for node in content["grammar"]["nodes"]:
        if "tags" in node:
            node["tags"] = tag
    content["digest"] = content_digest(content)
    (tmp_path / "tokenizer.json").write_bytes(canonical_json(content))
    with pytest.raises(FormatError, match="tag"):
        Tokenizer.load(tmp_path / "tokenizer.json")
