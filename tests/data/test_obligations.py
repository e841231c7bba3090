"""What the tokenizer promises, tried at scale.

    lossless    decode(encode(x)) is x, for any JSON value, key order included
    sound       what has no escape is valid, by an independent validator
    complete    what has no escape is inside the masks
    walks       a walk over the masks never gets stuck and ends in a valid workflow
    hostile ids decode to a value or name the first bad one, in bounded memory

Each runs on a few cases always and on many with `-m slow`.
"""

import random
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import numpy as np
import pyarrow.parquet as pq
import pytest

from tct.data.documents.json_text import Json, canonical_bytes
from tct.data.documents.parse import parse_document
from tct.data.documents.rejects import RejectedError
from tct.data.errors import DecodeError
from tct.data.store import Store
from tct.data.tokenizer import VOCAB_SIZE, Tokenizer
from tct.data.tokenizer.symbols import BYTES, ESCAPES, FIRST_CHARACTER_ID, byte_symbol
from tct.pipeline.workflow_schema import workflow_schema

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "workflows-100k.parquet"
VALIDATOR = jsonschema_rs.Draft7Validator(workflow_schema())
NEVER_MERGED = ESCAPES | {byte_symbol(byte) for byte in BYTES if byte >= 0x80}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.default()


@pytest.fixture(scope="module")
def workflow_values(store: Store) -> list[Json]:
    return [store.tokenizer.decode(store.tokens(row)) for row in range(len(store))]


def check(tokenizer: Tokenizer, value: Json) -> bool:
    """Lossless and sound; whether the value is on the schema."""
    ids = tokenizer.encode(value)
    assert canonical_bytes(tokenizer.decode(ids)) == canonical_bytes(value)
    on_schema = tokenizer.is_on_schema(ids)
    assert not on_schema or VALIDATOR.is_valid(value)
    return on_schema


def check_inside_masks(tokenizer: Tokenizer, value: Json) -> None:
    state = tokenizer.start()
    for token in tokenizer.encode(value).tolist():
        assert state.allowed()[token]
        state = state.advance(token)
    assert state.is_complete


# -- real workflows --------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(not CORPUS.is_file(), reason=f"{CORPUS} is not there")
def test_every_real_workflow_is_lossless_and_sound(tokenizer: Tokenizer) -> None:
    parsed = on_schema = 0
    for batch in pq.ParquetFile(CORPUS).iter_batches(1000, columns=["text"]):
        for text in batch["text"].to_pylist():
            try:
                value = parse_document(text.encode())
            except RejectedError:
                continue
            inside = check(tokenizer, value)
            # What the schema allows needs an escape in few documents.
            on_schema += inside
            parsed += 1
            if inside and parsed % 20 == 0:
                check_inside_masks(tokenizer, value)
    assert parsed > 95_000
    assert on_schema > 0.95 * parsed


def test_every_composed_workflow_is_inside_the_masks(
    tokenizer: Tokenizer, workflow_values: list[Json]
) -> None:
    for value in workflow_values[::3]:
        assert check(tokenizer, value)
        check_inside_masks(tokenizer, value)


# -- random and damaged values ---------------------------------------------------------


def random_text(rng: random.Random) -> str:
    planes = [0x20, 0x7F, 0x2FFF, 0xE300, 0xFFFF, 0x10FFFF]
    codes = [rng.randrange(rng.choice(planes)) for _ in range(rng.randrange(30))]
    text = "".join(map(chr, codes))
    # JSON text cannot tell a pair of surrogates from the character it stands for.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def random_value(rng: random.Random, depth: int, words: list[str]) -> Json:
    kind = rng.randrange(9 if depth else 7)
    match kind:
        case 0:
            return rng.choice([None, True, False])
        case 1:
            return rng.choice([0, -1, 1.0, 1e300, -0.0, 10**40, rng.random()])
        case 2:
            return rng.randrange(-(10**9), 10**9)
        case 3 | 4:
            return rng.choice(words)
        case 5 | 6:
            return random_text(rng)
        case 7:
            return [
                random_value(rng, depth - 1, words) for _ in range(rng.randrange(4))
            ]
        case _:
            return {
                rng.choice([rng.choice(words), random_text(rng)]): random_value(
                    rng, depth - 1, words
                )
                for _ in range(rng.randrange(5))
            }


def damage(value: Json, rng: random.Random, words: list[str]) -> Json:
    """A copy with one random change somewhere."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        pairs = list(value.items())
        index = rng.randrange(len(pairs))
        key, child = pairs[index]
        match rng.randrange(12):
            case 0:
                del pairs[index]
            case 1:
                pairs[index] = rng.choice(words), child
            case 2:
                pairs.append((random_text(rng), child))
            case 3:
                rng.shuffle(pairs)
            case _:
                pairs[index] = key, damage(child, rng, words)
        return dict(pairs)
    if isinstance(value, list) and value and rng.random() < 0.85:
        items = list(value)
        index = rng.randrange(len(items))
        match rng.randrange(6):
            case 0:
                del items[index]
            case 1:
                items.append(items[index])
            case _:
                items[index] = damage(items[index], rng, words)
        return items
    return random_value(rng, 2, words)


@pytest.mark.parametrize("count", [400, pytest.param(50_000, marks=pytest.mark.slow)])
def test_random_values_are_lossless_and_sound(tokenizer: Tokenizer, count: int) -> None:
    words = list(tokenizer.grammar.literals)
    for seed in range(count):
        check(tokenizer, random_value(random.Random(seed), 4, words))


@pytest.mark.parametrize("count", [400, pytest.param(50_000, marks=pytest.mark.slow)])
def test_damaged_workflows_are_lossless_and_sound(
    tokenizer: Tokenizer, workflow_values: list[Json], count: int
) -> None:
    words = list(tokenizer.grammar.literals)
    inside = 0
    for seed in range(count):
        rng = random.Random(seed)
        value = rng.choice(workflow_values)
        for _ in range(rng.randrange(1, 4)):
            value = damage(value, rng, words)
        if check(tokenizer, value):
            inside += 1
            if seed % 40 == 0:
                check_inside_masks(tokenizer, value)
    assert 0.05 * count < inside < 0.95 * count  # some damage is none


# -- walks -----------------------------------------------------------------------------


def with_random_merges(
    tokenizer: Tokenizer, values: list[Json], seed: int
) -> Tokenizer:
    """The same grammar with tokens that are any parts of real chunks."""
    rng = random.Random(seed)
    chunks = [c for value in values for c in tokenizer.codec.encode(value)]
    merges: dict[str, None] = {}
    while len(merges) < 5000:
        chunk = rng.choice(chunks)
        start = rng.randrange(len(chunk))
        part = chunk[start : start + rng.randrange(2, 13)]
        if len(part) > 1 and not set(part) & NEVER_MERGED:
            merges[part] = None
    assert FIRST_CHARACTER_ID + len(tokenizer.characters) + 5000 < VOCAB_SIZE
    return Tokenizer(
        tokenizer.grammar,
        characters=tokenizer.characters,
        merges=list(merges),
        schema_sha256=tokenizer.schema_sha256,
    )


def walk(tokenizer: Tokenizer, rng: np.random.Generator, budget: int) -> list[int]:
    """Tokens drawn from the masks; the shortest end when the budget is used up."""
    ids: list[int] = []
    state = tokenizer.start()
    while not state.is_complete:
        choices = np.flatnonzero(state.allowed())
        assert len(choices), "a mask is empty"
        token = int(rng.choice(choices))
        following = state.advance(token)
        if len(ids) + 1 + len(following.shortest_completion()) > budget:
            return [*ids, *state.shortest_completion()]
        ids.append(token)
        state = following
    return ids


@pytest.mark.parametrize("count", [40, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("seed", range(3))
def test_every_walk_ends_in_a_valid_workflow(
    tokenizer: Tokenizer, workflow_values: list[Json], seed: int, count: int
) -> None:
    walked = with_random_merges(tokenizer, workflow_values, seed)
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        ids = walk(walked, rng, budget=int(rng.integers(20, 80)))
        value = walked.decode(ids)
        assert VALIDATOR.is_valid(value)
        assert check(walked, value)


# -- hostile ids -----------------------------------------------------------------------


def hostile(
    tokenizer: Tokenizer, documents: list[list[int]], seed: int, count: int
) -> Iterator[list[int]]:
    """Random ids, random known ids, and documents with a change, a cut or a splice."""
    rng = random.Random(seed)
    known = sorted(tokenizer.vocabulary)
    for _ in range(count):
        size = rng.randrange(1, 24)
        document = rng.choice(documents)
        at = rng.randrange(len(document))
        match rng.randrange(6):
            case 0:
                yield [rng.randrange(-2, VOCAB_SIZE + 2) for _ in range(size)]
            case 1 | 2:
                yield rng.choices(known, k=size)
            case 3:
                yield [*document[: at % 60], *rng.choices(known, k=size)]
            case 4:
                yield document[at : at + size]
            case _:
                other = rng.choice(documents)
                yield [*document[: at % 40], *other[at % len(other) :][:size]]


@pytest.mark.parametrize(
    "count", [10_000, pytest.param(1_000_000, marks=pytest.mark.slow)]
)
def test_hostile_ids_are_a_value_or_an_error_in_bounded_memory(
    tokenizer: Tokenizer, workflow_values: list[Json], count: int
) -> None:
    documents = [tokenizer.encode(value).tolist() for value in workflow_values]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for ids in hostile(tokenizer, documents, 0, count):
        try:
            tokenizer.decode(ids)
        except DecodeError as error:
            assert 0 <= error.position <= len(ids)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 300_000  # KiB


@pytest.mark.parametrize(
    "count", [2_000, pytest.param(100_000, marks=pytest.mark.slow)]
)
def test_hostile_ids_are_refused_by_a_state_or_lead_to_the_same_document(
    tokenizer: Tokenizer, workflow_values: list[Json], count: int
) -> None:
    documents = [tokenizer.encode(value).tolist() for value in workflow_values]
    for ids in hostile(tokenizer, documents, 1, count):
        state: Any = tokenizer.start()
        accepted = 0
        for token in ids:
            try:
                state = state.advance(token)
            except ValueError:
                break
            accepted += 1
        # What a state accepts is the beginning of a document.
        prefix = tokenizer.decode_prefix(ids[:accepted])
        assert prefix.complete == state.is_complete
