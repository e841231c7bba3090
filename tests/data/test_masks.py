"""The masks: exact, never empty, and only ways to valid workflows."""

import random

import jsonschema_rs
import numpy as np
import pytest
from hypothesis import given, settings

from tct.data.documents.json_text import Json
from tct.data.store import Store
from tct.data.tokenizer import VOCAB_SIZE, State, Tokenizer
from tct.data.tokenizer.grammar import MAX_TAGGED_DEPTH
from tct.data.tokenizer.symbols import ESCAPES, Control
from tct.pipeline.compiler import compile_schema
from tct.pipeline.workflow_schema import workflow_schema
from tct.tests.strategies import workflow_like

VALIDATOR = jsonschema_rs.Draft7Validator(workflow_schema())


@pytest.fixture(scope="module")
def tokenizer(store: Store) -> Tokenizer:
    return store.tokenizer


def brute_force(tokenizer: Tokenizer, state: State) -> np.ndarray:
    """Try every token."""
    allowed = np.zeros(VOCAB_SIZE, dtype=bool)
    for number, symbols in tokenizer.vocabulary.items():
        if symbols in ESCAPES or symbols == Control.BEGIN:
            continue
        try:
            state.advance(number)
        except ValueError:
            continue
        allowed[number] = True
    return allowed


def random_walk(tokenizer: Tokenizer, seed: int, budget: int) -> list[State]:
    """States on the way to a finished document, within a budget of tokens."""
    rng = np.random.default_rng(seed)
    states = [tokenizer.start()]
    while not states[-1].is_complete:
        state = states[-1]
        choices = np.flatnonzero(state.allowed())
        assert len(choices), "a mask is empty"
        following = state.advance(int(rng.choice(choices)))
        if len(following.shortest_completion()) > budget - len(states):
            for token in state.shortest_completion():
                assert states[-1].allowed()[token]
                states.append(states[-1].advance(token))
        else:
            states.append(following)
    return states


def test_every_document_on_schema_is_inside_the_masks(store: Store) -> None:
    checked = 0
    for row in range(0, len(store), 2):
        ids = store.tokens(row)
        if not store.tokenizer.is_on_schema(ids):
            continue
        state = store.tokenizer.start()
        for token in ids.tolist():
            assert state.allowed()[token]
            state = state.advance(token)
        assert state.is_complete
        checked += 1
    assert checked > 20


@settings(deadline=None, max_examples=60)
@given(value=workflow_like())
def test_every_near_workflow_is_inside_the_masks_iff_it_has_no_escape(
    tokenizer: Tokenizer, value: dict[str, Json]
) -> None:
    ids = tokenizer.encode(value)
    state, inside = tokenizer.start(), True
    for token in ids.tolist():
        if not state.allowed()[token]:
            inside = False
            break
        state = state.advance(token)
    assert inside == tokenizer.is_on_schema(ids)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "pattern",
    [
        "^(default|x-.*)$",
        "^x.$",
        "^(a|ab|b[0-9]{3})$",
        "^[a-c]{1,5}$",
        "^(é|xx*)$",
        "^(ab|cd){2,4}[0-9]{2}$",
        "^.{2,90}$",
    ],
)
def test_a_key_is_not_begun_if_all_with_that_beginning_are_used(
    pattern: str, seed: int
) -> None:
    """Nothing follows such a beginning, so a mask would be empty."""
    end = Control.END
    # Some are pieces of keys, and some end one key and begin another.
    merges = [
        "de",
        "def",
        f"default{end}",
        "ab",
        "xa",
        f"{end}1{end}d",
        f"{end}1{end}a",
    ]
    merges += [
        f"a{end}",
        f"{end}x{end}x",
        f"a{end}1{end}a{end}",
        f"b{end}1{end}ab",
        "00",
    ]
    schema = {
        "type": "object",
        "patternProperties": {pattern: {"enum": [None, "1"]}},
        "additionalProperties": False,
        "minProperties": 9,
    }
    tokenizer = Tokenizer(
        compile_schema(schema).grammar,
        characters="é",
        merges=merges,
        schema_sha256="0" * 64,
    )
    rng, state, most = random.Random(seed), tokenizer.start(), 0
    letters = set("abcdx0é") | {m[0] for m in merges}
    while not state.is_complete and most < 150:
        allowed = state.allowed()
        if most % 5 == 0:
            assert (allowed == brute_force(tokenizer, state)).all()
        ids = np.flatnonzero(allowed).tolist()
        assert ids, state._stack.frame
        few = [i for i in ids if tokenizer.vocabulary[i][0] in letters]
        state, most = state.advance(rng.choice(few or ids)), most + 1
    ids_of_end = state.shortest_completion()
    for token in ids_of_end:
        assert state.allowed()[token]
        state = state.advance(token)
    assert state.is_complete


@pytest.mark.parametrize("pattern", [None, "^(ab)*a?$", "^[^a]*a[^a]*$"])
def test_masks_in_a_counted_text_are_what_trying_every_token_gives(
    pattern: str | None,
) -> None:
    """Far from the bounds, one mask serves for all lengths."""
    text = {
        "minLength": 40,
        "maxLength": 150,
        **({"pattern": pattern} if pattern else {}),
    }
    schema = {"type": "array", "items": {"type": "string", **text}, "maxItems": 2}
    merges = ["ab", "abab", "b" * 9, f"b{Control.END}", f"a{Control.END}ab", "é" * 20]
    tokenizer = Tokenizer(
        compile_schema(schema).grammar,
        characters="é",
        merges=merges,
        schema_sha256="0" * 64,
    )
    written = ("ab" if pattern == "^(ab)*a?$" else "b") * 160
    written = f"a{written}" if pattern == "^[^a]*a[^a]*$" else written
    state = tokenizer.start()
    masks = set()
    for length in range(150):
        if length % 9 == 0 or length > 128 or 20 < length < 42:
            allowed = state.allowed()
            assert (allowed == brute_force(tokenizer, state)).all()
            masks.add(allowed.tobytes())
        state = state.read(written[length])
    assert len(masks) > 5


@pytest.mark.parametrize("seed", range(4))
def test_a_mask_is_what_trying_every_token_gives(
    tokenizer: Tokenizer, seed: int
) -> None:
    states = random_walk(tokenizer, seed, budget=40)
    kinds = set()
    for state in states[:: max(1, len(states) // 12)]:
        assert (state.allowed() == brute_force(tokenizer, state)).all()
        kinds.add(type(state._stack.frame).__name__)
    assert len(kinds) > 1


def test_masks_on_a_real_document_are_what_trying_every_token_gives(
    store: Store,
) -> None:
    state = store.tokenizer.start()
    for token in store.tokens(1)[:40].tolist():
        assert (state.allowed() == brute_force(store.tokenizer, state)).all()
        state = state.advance(token)


def test_a_token_cannot_end_a_free_key_and_repeat_it() -> None:
    schema = {"type": "object", "additionalProperties": {"type": "string"}}
    end = Control.END
    merges = [
        f"{end}x{end}ab{end}",
        f"b{end}x{end}ab{end}",
        f"ab{end}x{end}ab{end}",
        f"b{end}x{end}b{end}",
        f"{end}ab{end}x{end}",  # here the value is the same text, not a key
        f"{end}x{end}é{end}",
        f"{end}x{end}\ue2c3\ue2bf{end}",  # ÿ, spelled in bytes
    ]
    tokenizer = Tokenizer(
        compile_schema(schema).grammar,
        characters="é",
        merges=merges,
        schema_sha256="0" * 64,
    )
    numbers = {symbols: number for number, symbols in tokenizer.vocabulary.items()}
    start, refused = tokenizer.start(), set()
    for text in ("", "a", "b", "ab", "é", "\ue2c3\ue2bf", "\ue2c3"):
        for before in ("", f"b{end}y{end}"):
            state = start.read(before + text)
            allowed = state.allowed()
            assert (allowed == brute_force(tokenizer, state)).all()
            refused |= {m for m in merges if not allowed[numbers[m]]}
    assert refused >= set(merges) - {f"{end}ab{end}x{end}"}


@pytest.mark.parametrize("seed", range(30))
def test_a_random_walk_ends_in_a_valid_workflow(
    tokenizer: Tokenizer, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    state, budget = tokenizer.start(), 120
    ids: list[int] = []
    while not state.is_complete:
        token = int(rng.choice(np.flatnonzero(state.allowed())))
        following = state.advance(token)
        if len(ids) + 1 + len(following.shortest_completion()) > budget:
            ids += state.shortest_completion()
            break
        ids.append(token)
        state = following
    assert len(ids) <= budget
    value = tokenizer.decode(ids)
    assert tokenizer.is_on_schema(np.array(ids))
    assert VALIDATOR.is_valid(value)


def test_the_shortest_completion_of_nothing_is_a_valid_workflow(
    tokenizer: Tokenizer,
) -> None:
    value = tokenizer.decode(tokenizer.start().shortest_completion())
    assert VALIDATOR.is_valid(value)


def test_a_complete_document_allows_nothing_and_needs_nothing(
    tokenizer: Tokenizer,
) -> None:
    state = random_walk(tokenizer, 0, budget=20)[-1]
    assert state.is_complete
    assert not state.allowed().any()
    assert state.shortest_completion() == ()
    assert state.forced() is None


def test_a_state_is_not_changed_by_what_follows(tokenizer: Tokenizer) -> None:
    start = tokenizer.start()
    before = start.allowed().copy()
    start.advance(int(np.flatnonzero(before)[0]))
    assert (start.allowed() == before).all()
    with pytest.raises(ValueError, match="read-only"):
        start.allowed()[0] = True


def test_a_key_is_not_allowed_twice(tokenizer: Tokenizer) -> None:
    codec = tokenizer.codec
    twice = "".join(codec.encode({"on": "push", "jobs": {"a": {"runs-on": "x"}}}))
    key = codec.literals["on"]
    state = tokenizer.start().read(twice[: twice.index(key) + 2])
    number = {text: i for i, text in tokenizer.vocabulary.items()}[key]
    assert not state.allowed()[number]
    assert tokenizer.start().allowed()[number]


# U+E000 and U+F8FF are private, so spelled in bytes; U+E000 is END among symbols.
@pytest.mark.parametrize(
    "name", ["A", "é", "☃b", "\ue000", "a\ue000", "\ue000b", "\uf8ff"]
)
def test_a_free_key_cannot_end_as_one_that_was_there(
    tokenizer: Tokenizer, name: str
) -> None:
    codec = tokenizer.codec
    symbols = codec.spell(name)
    opened = f"{codec.literals['env']}{Control.OBJECT}{symbols}{Control.END}x"
    numbers = {text: i for i, text in tokenizer.vocabulary.items()}
    state = tokenizer.start().read(f"{opened}{Control.END}{symbols}")
    assert not state.allowed()[numbers[Control.END]]
    assert state.read("B").allowed()[numbers[Control.END]]
    assert (state.allowed() == brute_force(tokenizer, state)).all()


def test_only_whole_characters_can_be_ended(tokenizer: Tokenizer) -> None:
    numbers = {text: i for i, text in tokenizer.vocabulary.items()}
    state = tokenizer.start().read(tokenizer.codec.literals["name"])
    state = state.read("\ue2e2")  # the first of three bytes
    allowed = np.flatnonzero(state.allowed()).tolist()
    assert {tokenizer.vocabulary[i] for i in allowed} == {
        chr(0xE200 + byte) for byte in range(0x80, 0xC0)
    }
    assert not state.allowed()[numbers[Control.END]]


def test_a_token_that_is_not_allowed_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(ValueError, match="is not allowed here"):
        tokenizer.start().advance(1)
    with pytest.raises(ValueError, match="reserved or no id"):
        tokenizer.start().advance(VOCAB_SIZE)


def nested(depth: int) -> Json:
    """A workflow whose matrix holds an array in an array, and so on, `depth` times."""
    value: Json = "x"
    for _ in range(depth):
        value = [value]
    matrix: Json = {"a": value}
    job: Json = {"runs-on": "x", "strategy": {"matrix": matrix}}
    return {"on": "push", "jobs": {"a": job}}


@pytest.mark.parametrize("depth", [1, 57, 58, 59, 60, 61, 80, 120])
def test_nesting_is_inside_the_masks_up_to_a_bound(
    tokenizer: Tokenizer, depth: int
) -> None:
    value = nested(depth)
    assert VALIDATOR.is_valid(value)
    ids = tokenizer.encode(value)
    assert tokenizer.decode(ids) == value
    # Five levels are above the matrix; the 64th is the last.
    assert tokenizer.is_on_schema(ids) == (5 + depth <= MAX_TAGGED_DEPTH)
    state, inside = tokenizer.start(), True
    for token in ids.tolist():
        inside = bool(state.allowed()[token])
        if not inside:
            break
        if state._stack.depth >= MAX_TAGGED_DEPTH - 2:
            assert (state.allowed() == brute_force(tokenizer, state)).all()
        state = state.advance(token)
    assert inside == tokenizer.is_on_schema(ids)


def test_a_walk_that_nests_wherever_it_may_ends(tokenizer: Tokenizer) -> None:
    opening = [
        number
        for number, symbols in tokenizer.vocabulary.items()
        if symbols == Control.ARRAY
    ]
    start = "".join(tokenizer.codec.encode(nested(1)))
    state = tokenizer.start().read(start[: start.index(Control.ARRAY)])
    count = 0
    while state.allowed()[opening[0]]:
        state, count = state.advance(opening[0]), count + 1
    assert 5 + count == MAX_TAGGED_DEPTH
    assert state.allowed().any()


def test_the_empty_key_can_be_written() -> None:
    schema = {
        "type": "object",
        "properties": {"": {"type": "null"}},
        "required": [""],
        "additionalProperties": False,
    }
    grammar = compile_schema(schema).grammar
    small = Tokenizer(grammar, characters="é", merges=[], schema_sha256="0" * 64)
    state = small.open(None).state
    while not state.is_complete:
        (token, *others) = np.flatnonzero(state.allowed()).tolist()
        assert not others
        state = state.advance(token)
    assert np.array_equal(state.allowed(), np.zeros(len(state.allowed()), bool))
