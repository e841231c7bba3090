from collections import Counter

import pytest

from tct.data.documents.json_text import Json
from tct.data.tokenizer import Tokenizer
from tct.trainer.evaluation.distributions import distance, profile

from .workflows import UNFINISHED, document, workflow

TOKENIZER = Tokenizer.default()

EVERYTHING: dict[str, Json] = {
    "on": {"push": None, "pull_request": {"branches": ["main"]}},
    "jobs": {
        "a": {
            "runs-on": ["self-hosted", "linux"],
            "steps": [
                {"uses": "actions/checkout@v4"},
                {"uses": "actions/checkout@v3"},
                {"uses": "./local"},
                {"run": "x"},
                {"run": "y"},
            ],
        },
        "b": {"runs-on": {"group": "g", "labels": "big"}, "steps": [{"run": "z"}]},
        "c": {"uses": "o/r/.github/workflows/w.yml@main"},
    },
}


def test_every_value_counts_once_per_document() -> None:
    counts = profile(
        [document(EVERYTHING), document(workflow()), UNFINISHED], TOKENIZER
    )

    assert counts["triggers"] == {"push": 2, "pull_request": 1}
    assert counts["runners"] == {
        "self-hosted": 1,
        "linux": 1,
        "big": 1,
        "ubuntu-latest": 1,
    }
    assert counts["actions"] == {"actions/checkout": 1, "./local": 1}
    assert counts["jobs"] == {"4": 1, "1": 1}
    assert counts["steps"] == {"8": 1, "1": 1}
    assert counts["tokens"].total() == 2


def test_what_is_off_the_schema_is_counted_as_far_as_it_goes() -> None:
    values: list[Json] = [{"on": 3, "jobs": [1]}, {"jobs": {"a": 7, "b": {"steps": 1}}}]
    counts = profile([document(value) for value in values], TOKENIZER)

    assert not counts["triggers"]
    assert counts["jobs"] == {"0": 1, "1": 1}


def test_total_variation_is_half_the_sum_of_differences() -> None:
    one, other = Counter(a=3, b=1), Counter(b=1, c=1)

    assert distance(one, one) == 0
    assert distance(one, other) == distance(other, one) == pytest.approx(0.75)
    assert distance(Counter(a=1), Counter(b=9)) == 1
    assert distance(one, Counter()) is None
