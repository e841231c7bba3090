"""Generation: valid by construction, and the same sample whatever is around it."""

from dataclasses import replace
from pathlib import Path

import jsonschema_rs
import pytest
import torch

from tct.data.documents.json_text import Json
from tct.data.errors import CheckpointError, ConfigError, DecodeError, PromptError
from tct.data.store import Store
from tct.data.tokenizer import Prompt, State, StrictState, Tokenizer
from tct.pipeline.workflow_schema import workflow_schema
from tct.trainer.generation import Generator, Sample, Sampling
from tct.trainer.model import GPT
from tct.trainer.presets import preset
from tct.trainer.training.loop import train

VALIDATOR = jsonschema_rs.Draft7Validator(workflow_schema())
SMALL = [
    "model.width=32",
    "model.layers=1",
    "model.heads=2",
    "data.batch_size=4",
    "run.steps=3",
]


@pytest.fixture(scope="module")
def run(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three steps: its model knows next to nothing."""
    folder = tmp_path_factory.mktemp("generate") / "run"
    train(store, folder, preset("tiny", SMALL), device="cpu")
    return folder


@pytest.fixture(scope="module")
def tokenizer(store: Store) -> Tokenizer:
    return store.tokenizer


@pytest.fixture(scope="module")
def generator(run: Path) -> Generator:
    return Generator.load(run, device="cpu")


def write(
    generator: Generator, number: int = 1, prompt: Json = None, **options: int
) -> list[Sample]:
    sampling = Sampling(**{"max_tokens": 60, **options})
    opened = generator.tokenizer.open(prompt)
    return list(generator.samples(number, sampling, prompt=opened))


def test_every_sample_of_an_untrained_model_is_a_valid_workflow(
    generator: Generator, tokenizer: Tokenizer
) -> None:
    for sample in write(generator, 4):
        assert VALIDATOR.is_valid(sample.value)
        assert tokenizer.decode(sample.tokens) == sample.value
        assert len(sample.tokens) <= 60


def test_a_sample_depends_on_its_seed_and_number_alone(generator: Generator) -> None:
    three, one = write(generator, 3), write(generator, 1)
    assert [sample.number for sample in three] == [0, 1, 2]
    assert three[0] == one[0]
    assert three[1].tokens != three[0].tokens
    assert write(generator, 1, seed=1)[0].tokens != one[0].tokens


def test_temperature_zero_takes_the_likeliest_whatever_the_seed(
    generator: Generator,
) -> None:
    first, second = (write(generator, temperature=0, seed=seed)[0] for seed in (0, 1))
    assert first.tokens == second.tokens


def test_a_sample_that_uses_up_its_budget_says_so(generator: Generator) -> None:
    sample = write(generator, max_tokens=8)[0]
    assert sample.ending == "cut"
    assert len(sample.tokens) <= 8
    assert VALIDATOR.is_valid(sample.value)


PROMPT: Json = {
    "name": "Mine",
    "on": {"push": {"branches": ["main"]}},
    "jobs": {"build": {"runs-on": "ubuntu-latest", "steps": [{"uses": "a/b@v1"}]}},
}


def test_a_prompt_is_kept_and_its_open_parts_are_continued(
    generator: Generator,
) -> None:
    value = write(generator, prompt=PROMPT, max_tokens=120)[0].value
    assert isinstance(value, dict)
    assert list(value)[:3] == ["name", "on", "jobs"]
    assert value["name"] == "Mine"
    assert value["on"] == {"push": {"branches": ["main"]}}
    assert isinstance(value["jobs"], dict)
    build = value["jobs"]["build"]
    assert isinstance(build, dict)
    assert build["runs-on"] == "ubuntu-latest"
    assert isinstance(build["steps"], list)
    assert isinstance(build["steps"][0], dict)
    assert build["steps"][0]["uses"] == "a/b@v1"
    assert VALIDATOR.is_valid(value)


def test_a_prompt_longer_than_the_budget_is_refused(generator: Generator) -> None:
    with pytest.raises(PromptError, match="found a budget of 5"):
        write(generator, prompt=PROMPT, max_tokens=5)


def test_more_tokens_than_positions_can_count_are_refused(generator: Generator) -> None:
    with pytest.raises(ConfigError, match="found 262,145, expected at most 262,144"):
        write(generator, max_tokens=262_145)


def test_another_tokenizer_than_the_checkpoints_is_refused(
    run: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    other = Tokenizer(
        tokenizer.grammar,
        characters=tokenizer.characters,
        merges=tokenizer.merges[:-1],
        schema_sha256=tokenizer.schema_sha256,
    )
    copy = tmp_path / "run"
    copy.mkdir()
    (copy / "checkpoints").symlink_to(run / "checkpoints")
    other.save(copy / "tokenizer.json")
    with pytest.raises(CheckpointError, match="the checkpoint was trained with"):
        Generator.load(copy)


@pytest.mark.parametrize("constrained", [True, False])
def test_a_sample_is_the_same_whatever_is_in_its_batch(
    generator: Generator, constrained: bool
) -> None:
    sampling = Sampling(max_tokens=150)
    alone, three, all_at_once = (
        list(
            generator.samples(
                9, sampling, constrained=constrained, batch_size=batch_size
            )
        )
        for batch_size in (1, 3, 32)
    )
    rest = list(generator.samples(4, sampling, constrained=constrained, first=5))

    assert alone == three == all_at_once
    assert rest == alone[5:]
    assert [sample.number for sample in alone] == list(range(9))


def test_a_stream_gives_the_same_sample_step_by_step(generator: Generator) -> None:
    expected = list(generator.samples(3, Sampling(max_tokens=80)))[2]
    sizes = []
    for writer in generator.stream(2, Sampling(max_tokens=80)):
        sizes.append(len(writer.tokens))
        assert tuple(writer.tokens) == expected.tokens[: len(writer.tokens)]

    assert writer.sample() == expected
    assert sizes == sorted(set(sizes))


def test_a_workflow_that_is_not_finished_can_be_shown_whole(
    generator: Generator,
) -> None:
    for writer in generator.stream(1, Sampling(max_tokens=80)):
        tokens = tuple(writer.tokens)
        shown = writer.sample()
        assert VALIDATOR.is_valid(shown.value)
        assert shown.tokens[: len(tokens)] == tokens
        assert len(shown.tokens) <= 80
        assert writer.is_done or shown.ending == "cut"
        assert tuple(writer.tokens) == tokens  # looking at it changes nothing


def opened(generator: Generator) -> State | StrictState:
    """The state before the first token of a sample."""
    return generator.tokenizer.open(None, rules=generator.rules).state


def test_forced_tokens_are_not_drawn(generator: Generator) -> None:
    *steps, last = generator.stream(0, Sampling(max_tokens=200))
    state, drawn = opened(generator), 0
    for token in last.tokens:
        drawn += state.forced() is None
        state = state.advance(token)

    assert len(steps) <= drawn < len(last.tokens)


def test_the_log_probability_is_that_of_what_was_drawn(generator: Generator) -> None:
    for sample in write(generator, 3, max_tokens=300):
        state, expected, tokens = opened(generator), 0.0, list(sample.tokens)
        if sample.ending == "cut":
            continue
        with torch.inference_mode():
            logits = generator.model(torch.tensor([[0, *tokens[:-1]]]))[0, :, :8192]
        for place, token in zip(logits, tokens, strict=True):
            allowed = torch.from_numpy(state.allowed())
            place = place.masked_fill(~allowed, float("-inf")).double()
            expected += float(place.log_softmax(0)[token])
            state = state.advance(token)
        assert sample.log_prob == pytest.approx(expected, abs=1e-3)


def test_free_samples_end_where_no_document_goes_on(generator: Generator) -> None:
    endings = set()
    for sample in generator.samples(20, Sampling(max_tokens=30), constrained=False):
        endings.add(sample.ending)
        assert sample.is_whole == (sample.ending == "finished")
        decoder = generator.tokenizer.decoder()
        if sample.ending == "broken":
            decoder.feed(sample.tokens[:-1])
            with pytest.raises(DecodeError):
                decoder.feed(sample.tokens[-1:])
        else:
            decoder.feed(sample.tokens)
            assert decoder.is_complete == sample.is_whole
            assert sample.is_whole or len(sample.tokens) == 30
    assert "broken" in endings


def test_a_prompt_that_is_whole_but_for_its_end_needs_no_model(
    generator: Generator,
) -> None:
    opened = generator.tokenizer.open(PROMPT)
    closed = opened.state.shortest_completion()
    state = opened.state
    for token in closed:
        state = state.advance(token)
    prompt = Prompt((*opened.ids, *closed), state)
    samples = list(generator.samples(2, Sampling(), prompt=prompt))

    assert [sample.value for sample in samples] == [PROMPT, PROMPT]
    assert [sample.log_prob for sample in samples] == [0, 0]


def test_documents_go_on_beyond_the_context(generator: Generator) -> None:
    """With room for 64 positions, and the same sample in every batch."""
    config = replace(generator.model.config, context=64)
    model = GPT(config)
    model.load_state_dict(generator.model.state_dict())
    short = Generator(model.eval(), generator.tokenizer)
    sampling = Sampling(max_tokens=300)
    samples = list(short.samples(5, sampling))

    assert max(len(sample.tokens) for sample in samples) > 200
    assert samples == list(short.samples(5, sampling, batch_size=2))
    for sample in samples:
        assert VALIDATOR.is_valid(sample.value)
