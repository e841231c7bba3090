"""Generation: valid by construction, and the same sample whatever is around it."""

from pathlib import Path

import jsonschema_rs
import numpy as np
import pytest
import torch
from torch.utils.dlpack import from_dlpack

from tct.data.errors import CheckpointError, ConfigError, PromptError
from tct.data.json_text import Json
from tct.data.store import Store
from tct.data.tokenizer import Tokenizer
from tct.pipeline.workflow_schema import workflow_schema
from tct.trainer.generate import Sample, Sampling, draw, generate, open_prompt
from tct.trainer.loop import train
from tct.trainer.presets import resolve

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
    train(store, folder, resolve("tiny", SMALL), device="cpu")
    return folder


@pytest.fixture(scope="module")
def tokenizer(store: Store) -> Tokenizer:
    return store.tokenizer


def write(
    run: Path, number: int = 1, prompt: Json = None, **options: int
) -> list[Sample]:
    sampling = Sampling(**{"max_tokens": 60, **options})
    samples = generate(
        run, num_samples=number, sampling=sampling, prompt=prompt, device="cpu"
    )
    return list(samples)


def test_every_sample_of_an_untrained_model_is_a_valid_workflow(
    run: Path, tokenizer: Tokenizer
) -> None:
    for sample in write(run, 4):
        assert VALIDATOR.is_valid(sample.value)
        assert tokenizer.decode(sample.tokens) == sample.value
        assert len(sample.tokens) <= 60


def test_a_sample_depends_on_its_seed_and_number_alone(run: Path) -> None:
    three, one = write(run, 3), write(run, 1)
    assert [sample.number for sample in three] == [0, 1, 2]
    assert three[0] == one[0]
    assert three[1].tokens != three[0].tokens
    assert write(run, 1, seed=1)[0].tokens != one[0].tokens


def test_temperature_zero_takes_the_likeliest_whatever_the_seed(run: Path) -> None:
    first, second = (write(run, temperature=0, seed=seed)[0] for seed in (0, 1))
    assert first.tokens == second.tokens


def test_a_sample_that_uses_up_its_budget_says_so(run: Path) -> None:
    sample = write(run, max_tokens=8)[0]
    assert sample.is_cut
    assert len(sample.tokens) <= 8
    assert VALIDATOR.is_valid(sample.value)


PROMPT: Json = {
    "name": "Mine",
    "on": {"push": {"branches": ["main"]}},
    "jobs": {"build": {"runs-on": "ubuntu-latest", "steps": [{"uses": "a/b@v1"}]}},
}


def test_a_prompt_is_kept_and_its_open_parts_are_continued(run: Path) -> None:
    value = write(run, prompt=PROMPT, max_tokens=120)[0].value
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


@pytest.mark.parametrize(
    "prompt",
    [
        {},
        {"name": "x"},
        {"on": "push", "jobs": None},
        {"on": "push", "jobs": {"a": None}},
        {"on": "push", "jobs": {"a": {"runs-on": "x", "steps": None}}},
        {"on": "push", "jobs": {"a": {"runs-on": "x", "steps": []}}},
        {"on": "push", "jobs": {"a": {"runs-on": "x", "strategy": {}}}},
        {"on": "push", "jobs": {"a": {"runs-on": "x", "steps": [{}]}}},
    ],
)
def test_what_is_missing_at_the_end_of_a_prompt_is_left_to_the_model(
    tokenizer: Tokenizer, prompt: Json
) -> None:
    ids, state = open_prompt(tokenizer, prompt)
    assert not state.is_complete
    value = tokenizer.decode([*ids, *state.shortest_completion()])
    assert VALIDATOR.is_valid(value)


def test_the_ids_of_a_prompt_lead_to_its_state(tokenizer: Tokenizer) -> None:
    ids, state = open_prompt(tokenizer, PROMPT)
    walked = tokenizer.start()
    for token in ids:
        walked = walked.advance(token)
    assert walked == state


def test_a_prompt_that_breaks_the_schema_is_refused_where_it_does(
    tokenizer: Tokenizer,
) -> None:
    with pytest.raises(PromptError, match=r"breaks the workflow schema after .*jobs"):
        open_prompt(tokenizer, {"jobs": {"a": {"runs-on": 5}}, "on": "push"})
    with pytest.raises(PromptError, match="breaks the workflow schema"):
        open_prompt(tokenizer, {"unknown": 1, "on": "push"})


def test_a_prompt_longer_than_the_budget_is_refused(run: Path) -> None:
    with pytest.raises(PromptError, match="found a budget of 5"):
        write(run, prompt=PROMPT, max_tokens=5)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"temperature": -1}, "temperature: found -1, expected 0 or more"),
        ({"top_k": 0}, "top-k: found 0"),
        ({"top_p": 0}, "top-p: found 0"),
        ({"max_tokens": 4096}, "max-tokens: found 4096, expected 1 to 1,024"),
    ],
)
def test_impossible_options_are_refused(
    run: Path, options: dict[str, int], problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        write(run, **options)


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
        write(copy)


# -- drawing ---------------------------------------------------------------------------

LOGITS = np.log(np.array([0.5, 0.2, 0.2, 0.1], dtype=np.float32))
ALL = np.ones(4, dtype=bool)


def shares(allowed: np.ndarray, sampling: Sampling) -> list[float]:
    """How often each id is drawn, over evenly spaced uniforms."""
    uniforms = (np.arange(1000) + 0.5) / 1000
    drawn = [draw(LOGITS, allowed, float(u), sampling) for u in uniforms]
    return [round(share, 2) for share in np.bincount(drawn, minlength=4) / 1000]


@pytest.mark.parametrize(
    ("allowed", "sampling", "expected"),
    [
        (ALL, Sampling(), [0.5, 0.2, 0.2, 0.1]),
        (ALL, Sampling(top_k=1), [1, 0, 0, 0]),
        (ALL, Sampling(top_p=0.5), [1, 0, 0, 0]),
        (ALL, Sampling(top_p=0.6), [0.71, 0.29, 0, 0]),
        (ALL, Sampling(temperature=0), [1, 0, 0, 0]),
        (ALL, Sampling(temperature=0.5), [0.74, 0.12, 0.12, 0.03]),
        (np.array([False, True, True, True]), Sampling(), [0, 0.4, 0.4, 0.2]),
        (np.array([False, False, False, True]), Sampling(top_k=2), [0, 0, 0, 1]),
    ],
)
def test_tokens_are_drawn_with_their_probabilities(
    allowed: np.ndarray, sampling: Sampling, expected: list[float]
) -> None:
    assert shares(allowed, sampling) == expected


def test_a_mask_is_a_tensor_without_a_copy() -> None:
    mask = Tokenizer.default().start().allowed()
    tensor = from_dlpack(mask)
    assert tensor.dtype == torch.bool
    assert tensor.data_ptr() == mask.ctypes.data
