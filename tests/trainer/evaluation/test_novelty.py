from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tct.trainer.evaluation.novelty import RUN, Text, reuse

DOCUMENTS = st.lists(st.lists(st.integers(0, 2), max_size=40), min_size=1, max_size=5)


def ids(tokens: Sequence[int] | NDArray[np.int64]) -> NDArray[np.uint16]:
    return np.array(tokens, dtype=np.uint16)


def slow_runs(tokens: Sequence[int], length: int) -> list[tuple[int, ...]]:
    return [
        tuple(tokens[i : i + length]) for i in range(max(0, len(tokens) - length + 1))
    ]


def slow_known(tokens: Sequence[int], training: Sequence[Sequence[int]]) -> float:
    known = {run for other in training for run in slow_runs(other, RUN)}
    mine = slow_runs(tokens, RUN)
    return sum(run in known for run in mine) / len(mine) if mine else float("nan")


def slow_longest(tokens: Sequence[int], training: Sequence[Sequence[int]]) -> int:
    for length in range(len(tokens), 0, -1):
        known = {run for other in training for run in slow_runs(other, length)}
        if known & set(slow_runs(tokens, length)):
            return length
    return 0


@given(DOCUMENTS, DOCUMENTS)
def test_it_finds_what_a_plain_search_finds(
    documents: list[list[int]], training: list[list[int]]
) -> None:
    found = reuse([ids(one) for one in documents], Text([ids(one) for one in training]))

    expected = [slow_known(one, training) for one in documents]
    np.testing.assert_array_equal(found.known, expected)
    assert found.longest.tolist() == [slow_longest(one, training) for one in documents]


def test_a_copy_is_known_from_end_to_end() -> None:
    document = ids(range(100))
    found = reuse([document], Text([ids([7]), document, ids([8])]))

    assert found.known.tolist() == [1.0]
    assert found.longest.tolist() == [100]


def test_no_run_crosses_from_one_training_document_to_the_next() -> None:
    training = Text([ids(range(10)), ids(range(10, 20))])
    found = reuse([ids(range(20))], training)

    assert found.longest.tolist() == [10]
    assert found.known.tolist() == [pytest.approx(6 / 13)]


def test_nor_from_one_document_to_the_next() -> None:
    found = reuse([ids(range(10)), ids(range(10, 20))], Text([ids(range(20))]))

    assert found.longest.tolist() == [10, 10]


def test_a_document_of_fewer_than_eight_tokens_has_no_share() -> None:
    found = reuse([ids(range(7)), ids([])], Text([ids(range(50))]))

    assert np.isnan(found.known).all()
    assert found.longest.tolist() == [7, 0]


def test_training_is_looked_through_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    training = [ids(draw.integers(0, 3, 200)) for _ in range(20)]
    documents = [ids(draw.integers(0, 3, 100)) for _ in range(5)]
    documents.append(training[13][50:90])
    whole = reuse(documents, Text(training))
    monkeypatch.setattr("tct.trainer.evaluation.novelty._BLOCK", 64)
    parts = reuse(documents, Text(training))

    assert whole.longest[-1] == 40
    np.testing.assert_array_equal(whole.longest, parts.longest)
    np.testing.assert_array_equal(whole.known, parts.known)
