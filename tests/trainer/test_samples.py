"""Workflows that a run writes on its way."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import torch

from tct.data.store import Store
from tct.data.tokenizer import Tokenizer
from tct.pipeline.workflow_schema import workflow_schema
from tct.trainer.config import Config, ModelConfig
from tct.trainer.model import GPT, init_weights
from tct.trainer.presets import override, preset
from tct.trainer.runs.state import SampleRates
from tct.trainer.training.loop import train
from tct.trainer.training.samples import Written, rates, write_samples

VALIDATOR = jsonschema_rs.Draft7Validator(workflow_schema())
SETTINGS = ["width=32", "layers=1", "heads=2", "steps=4", "eval_every=4", "samples=2"]


@pytest.fixture
def model() -> GPT:
    """It writes every token equally often."""
    model = GPT(ModelConfig(context=64, width=32, layers=1, heads=2))
    init_weights(model, seed=0)
    return model


@pytest.fixture
def config() -> Config:
    return override(preset("tiny"), [*SETTINGS, "sample_every=2"])


def records(run: Path, kind: str) -> list[dict[str, Any]]:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [found for line in lines if (found := json.loads(line))["kind"] == kind]


def test_masks_make_every_workflow_valid_and_without_them_hardly_any_is(
    model: GPT, store: Store
) -> None:
    model.train()
    written = write_samples(model, store.tokenizer, 5, seed=3)

    assert written is not None
    assert model.training
    assert [one.number for one in written] == [*range(5), *range(5)]
    assert [one.is_free for one in written] == [False] * 5 + [True] * 5
    for one in written[:5]:
        assert one.is_valid
        assert VALIDATOR.is_valid(json.loads(one.text))
    for one in written[5:]:
        assert not one.is_finished
        assert not one.is_valid
    found = rates(written)
    assert (found.constrained_valid, found.free_valid) == (1.0, 0.0)


def test_the_same_weights_write_the_same(model: GPT, store: Store) -> None:
    first, again, other = (
        write_samples(model, store.tokenizer, 2, seed=seed) for seed in (3, 3, 4)
    )

    assert first == again
    assert first != other


def test_a_free_workflow_that_is_whole_counts(store: Store) -> None:
    """A model that knows one document by heart writes it with and without masks."""
    value = {
        "on": "push",
        "jobs": {"a": {"runs-on": "ubuntu-latest", "steps": [{"run": "y"}]}},
    }
    model = _Parrot(store.tokenizer, value)
    written = write_samples(model, store.tokenizer, 2, seed=0)

    assert written is not None
    assert [json.loads(one.text) for one in written] == [value] * 4
    assert rates(written) == SampleRates(
        constrained_finished=1.0,
        constrained_valid=1.0,
        free_finished=1.0,
        free_valid=1.0,
    )


def test_a_whole_document_that_breaks_the_schema_is_not_valid(store: Store) -> None:
    model = _Parrot(store.tokenizer, {"on": "push", "jobs": 3})
    written = write_samples(model, store.tokenizer, 1, seed=0)

    assert written is not None
    free = written[1]
    assert (free.is_finished, free.is_valid) == (True, False)


def test_rates_are_shares_of_each_kind() -> None:
    def one(number: int, free: bool, finished: bool, valid: bool) -> Written:
        return Written(
            number=number,
            is_free=free,
            is_finished=finished,
            is_valid=valid,
            text="",
        )

    found = rates(
        [
            one(0, False, True, True),
            one(1, False, False, True),
            one(0, True, True, False),
            one(1, True, False, False),
        ]
    )
    assert found == SampleRates(
        constrained_finished=0.5,
        constrained_valid=1.0,
        free_finished=0.5,
        free_valid=0.0,
    )


def test_a_run_counts_and_keeps_what_it_writes(
    store: Store, config: Config, tmp_path: Path
) -> None:
    train(store, tmp_path, config, device="cpu")

    assert [record["step"] for record in records(tmp_path, "samples")] == [2, 4]
    assert all(r["constrained_valid"] == 1 for r in records(tmp_path, "samples"))
    names = sorted(path.name for path in (tmp_path / "samples").iterdir())
    assert names == ["step-000002.jsonl", "step-000004.jsonl"]
    lines = (tmp_path / "samples" / names[0]).read_text().splitlines()
    assert len(lines) == 4
    assert VALIDATOR.is_valid(json.loads(json.loads(lines[0])["text"]))


def test_writing_changes_nothing_that_is_learnt(
    store: Store, config: Config, tmp_path: Path
) -> None:
    silent = override(config, ["sample_every=none"])
    train(store, tmp_path / "a", config, device="cpu")
    train(store, tmp_path / "b", silent, device="cpu")

    weights = [
        (tmp_path / run / "checkpoints/step-000004/model.safetensors").read_bytes()
        for run in "ab"
    ]
    assert weights[0] == weights[1]
    assert records(tmp_path / "b", "samples") == []


def test_a_stop_while_writing_is_made_up_for(
    store: Store, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os
    import signal

    from tct.trainer.training import loop

    real = write_samples

    def interrupted(*args: Any, **options: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return real(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "write_samples", interrupted)
        report = train(store, tmp_path, config, device="cpu")
    assert (report.step, report.is_stopped) == (2, True)
    assert records(tmp_path, "samples") == []

    train(store, tmp_path, config, device="cpu", resume=True)

    assert [record["step"] for record in records(tmp_path, "samples")] == [2, 4]


class _Parrot(GPT):
    """Gives the next token of one document nearly all the probability."""

    def __init__(self, tokenizer: Tokenizer, value: Any) -> None:
        super().__init__(ModelConfig(context=64, width=32, layers=1, heads=2))
        self.ids = [int(i) for i in tokenizer.encode(value)]

    def forward(self, ids: torch.Tensor, cache: Any = None, bounds: Any = None) -> Any:
        # Masks may lead it elsewhere, and then beyond its end.
        following = [self.ids[min(at, len(self.ids) - 1)] for at in cache.positions[0]]
        return 100.0 * torch.nn.functional.one_hot(torch.tensor([following]), 8193)
