"""Every constrained sample is a workflow, whatever the model and the budget."""

import json

import jsonschema_rs
import pytest

from tct.data.documents.json_text import canonical_bytes
from tct.data.documents.parse import parse_document
from tct.data.documents.yaml_writer import to_yaml
from tct.data.tokenizer import Tokenizer
from tct.pipeline.workflow_schema import workflow_schema
from tct.trainer.generation import Generator, Sample, Sampling
from tct.trainer.model import GPT, init_weights
from tct.trainer.presets import PRESETS

VALIDATOR = jsonschema_rs.Draft7Validator(workflow_schema())
BUDGET = 256


@pytest.fixture(scope="module")
def untrained() -> Generator:
    """The preset `tiny` before its first step: every admissible token is as likely."""
    model = GPT(PRESETS["tiny"].model)
    init_weights(model, seed=0)
    return Generator(model.eval(), Tokenizer.default())


def check(sample: Sample, tokenizer: Tokenizer) -> None:
    assert sample.ending in ("finished", "cut")
    assert len(sample.tokens) <= BUDGET
    text = canonical_bytes(sample.value)
    assert json.loads(text.decode("utf-8")) == sample.value
    assert VALIDATOR.is_valid(sample.value)
    # Byte for byte, so in the same order too.
    assert canonical_bytes(tokenizer.decode(sample.tokens)) == text
    assert canonical_bytes(parse_document(to_yaml(sample.value).encode())) == text
    assert tokenizer.is_on_schema(tokenizer.encode(sample.value))


@pytest.mark.parametrize("count", [48, pytest.param(10_000, marks=pytest.mark.slow)])
def test_samples_of_an_untrained_model_are_whole_correct_and_survive_yaml(
    untrained: Generator, count: int
) -> None:
    sampling = Sampling(seed=1, max_tokens=BUDGET)
    for sample in untrained.samples(count, sampling, batch_size=64):
        check(sample, untrained.tokenizer)
