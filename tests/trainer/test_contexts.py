"""A context that changes in the course of a run: settings, training, resuming."""

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch

from tct.data.errors import CheckpointError, ConfigError
from tct.data.records import typed
from tct.data.store import Store
from tct.data.store.mixture import MixStage, mix
from tct.data.windows.layouts import LAYOUTS, Layout
from tct.tests.trainer.progress import Notes, StopAfter
from tct.trainer.config import Config, differences, from_dict, to_dict
from tct.trainer.planning.dry_run import dry_run
from tct.trainer.planning.minutes import plan_minutes
from tct.trainer.presets import override, override_from, preset
from tct.trainer.runs.checkpoint import find_checkpoints, load_model, read_state
from tct.trainer.training.distributed import World
from tct.trainer.training.loop import train
from tct.trainer.training.splits import (
    run_notes,
    training_batches,
    validation_parts,
)

MakeStore = Callable[..., Store]

LENGTHS = [20, 33, 64, 8, 50, 100, 40, 9, 130, 64]
ALONE = World(device=torch.device("cpu"))
TWO = "data.context=[[0, 32], [0.5, 64]]"

# -- settings --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value", "phases"),
    [
        ("none", None, [(0, 1024)]),
        ("1024", 1024, [(0, 1024)]),
        ("512", 512, [(0, 512)]),
        ("[[0, 512]]", ((0, 512),), [(0, 512)]),
        (
            "[[0, 512], [0.3, 64], [0.5, 1024]]",
            ((0, 512), (0.3, 64), (0.5, 1024)),
            [(0, 512), (3, 64), (5, 1024)],
        ),
    ],
)
def test_a_context_is_a_number_or_a_list(
    tmp_path: Path, text: str, value: Any, phases: list[tuple[int, int]]
) -> None:
    config = preset("tiny", [f"data.context={text}", "steps=10"])

    assert (config.data.context, config.phases) == (value, phases)
    stored = json.loads(json.dumps(to_dict(config)))
    for read in (from_dict(stored), typed(Config, stored, "config")):
        assert read == config
        assert differences(read, config) == []
    if text != "none":
        file = tmp_path / "a.toml"
        file.write_text(f"[data]\ncontext = {text}\n[run]\nsteps = 10\n")
        assert override_from(preset("tiny"), file) == config


def test_a_context_by_itself_is_that_of_the_model() -> None:
    assert preset("tiny", ["context=512"]) == preset("tiny", ["model.context=512"])
    assert preset("tiny", context=512).data.context is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[0.1, 512]]", "a first start of 0"),
        ("[[0, 512], [0.5, 64], [0.2, 32]]", "starts that rise"),
        ("[[0, 512], [0, 64]]", "starts that rise"),
        ("[[0, 512], [1, 64]]", "starts from 0 to below 1, shares of the run's steps"),
        ("[[0, 512], [-0.1, 64]]", "starts from 0 to below 1"),
        ("[[0, 512], [NaN, 64]]", "starts from 0 to below 1"),
        ("[[0, 500]]", "lengths that are multiples of 32 up to 1,024"),
        ("[[0, 0]]", "lengths that are multiples of 32"),
        ("2048", "lengths that are multiples of 32"),
        ("[]", "an integer, or a list such as [[0, 512], [0.5, 1024]]"),
        ("[0, 512]", "an integer, or a list such as"),
        ("[[0, 512, 3]]", "an integer, or a list such as"),
        ("[[0, 512.0]]", "an integer, or a list such as"),
        ("[[true, 512]]", "an integer, or a list such as"),
        ('["0512"]', "an integer, or a list such as"),
        ("512.5", "an integer, or a list such as"),
        ("{}", "an integer, or a list such as"),
        ("long", "an integer, or a list such as"),
        ("[" * 100_000, "an integer, or a list such as"),
    ],
)
def test_a_context_that_does_not_fit_is_refused_by_name(
    text: str, expected: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        preset("tiny", [f"data.context={text}"])
    assert str(caught.value).startswith("data.context: found ")
    assert f", expected {expected}" in str(caught.value)


@pytest.mark.parametrize("text", ["1024", "[[0, 512], [0.5, 1024]]"])
def test_no_context_is_above_the_models(text: str) -> None:
    with pytest.raises(ConfigError, match=r"expected at most 512 \(model\.context\)"):
        preset("tiny", [f"data.context={text}", "model.context=512"])


def test_a_phase_without_a_step_is_refused() -> None:
    starts = "data.context=[[0, 512], [0.01, 1024]]"
    assert preset("tiny", [starts, "steps=100"]).phases[1] == (1, 1024)
    with pytest.raises(ConfigError) as caught:
        preset("tiny", [starts, "steps=99"])
    assert "phase 2 of data.context: begins at step 0, expected one after 0 and " in (
        str(caught.value)
    )


def test_a_run_whose_steps_change_has_one_context(
    make_store: MakeStore, small: Config
) -> None:
    config, message = override(small, [TWO]), r"run\.seconds: data\.context has several"
    with pytest.raises(ConfigError, match=message):
        plan_minutes(make_store(LENGTHS), config, until=1e12)
    with pytest.raises(ConfigError, match=message):
        training_batches(
            make_store(LENGTHS), override(config, ["run.seconds=60"]), ALONE
        )
    assert override(small, ["data.context=32", "run.seconds=60"]).run.seconds == 60


# -- training --------------------------------------------------------------------------


def weights_of(run: Path, step: int = 12) -> bytes:
    return (run / f"checkpoints/step-{step:06}/model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def store(make_store: MakeStore) -> Store:
    return make_store(LENGTHS, [30, 70])


@pytest.fixture(scope="module")
def mixed(store: Store, make_store: MakeStore) -> Store:
    """Two stores whose mix changes before the context does."""
    return mix(
        [store, make_store([90, 3, 41, 65], [20])],
        [
            MixStage(after=Fraction(0), weights=(Fraction(1), Fraction(3, 10))),
            MixStage(after=Fraction(4), weights=(Fraction(1), Fraction(1))),
        ],
    )


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("is_mixture", [False, True])
def test_a_resumed_run_goes_on_exactly_across_a_switch(
    store: Store,
    mixed: Store,
    small: Config,
    tmp_path: Path,
    layout: Layout,
    is_mixture: bool,
) -> None:
    """Stopped before the switch at step 6, at it, and after it."""
    data = mixed if is_mixture else store
    config = override(small, [TWO, f"layout={layout}", "micro_batch=2"])
    train(data, tmp_path / "whole", config, device="cpu")
    for stop in (5, 6, 7):
        run = tmp_path / f"run-{stop}"
        stopped = replace(config, run=replace(config.run, save_every=stop))
        with pytest.raises(KeyboardInterrupt):
            train(data, run, stopped, device="cpu", progress=StopAfter(stop + 1))
        assert list(find_checkpoints(run)) == [stop]
        report = train(data, run, stopped, device="cpu", resume=True)
        assert report.step == 12
        assert weights_of(run) == weights_of(tmp_path / "whole")


def test_a_context_that_does_not_change_changes_nothing(
    store: Store, small: Config, tmp_path: Path
) -> None:
    for name, text in (("a", "none"), ("b", "64"), ("c", "[[0, 64]]")):
        config = override(small, [f"data.context={text}"])
        train(store, tmp_path / name, config, device="cpu")
    assert weights_of(tmp_path / "a") == weights_of(tmp_path / "b")
    assert weights_of(tmp_path / "a") == weights_of(tmp_path / "c")
    states = [
        read_state(tmp_path / name / "checkpoints/step-000012") for name in ("a", "b")
    ]
    assert states[0].loader == states[1].loader
    assert "phases" not in states[0].loader


def test_the_layout_does_not_change_what_is_learnt(
    store: Store, small: Config, tmp_path: Path
) -> None:
    found = []
    for layout in LAYOUTS:
        config = override(small, [TWO, f"layout={layout}"])
        train(store, tmp_path / layout, config, device="cpu")
        model, *_ = load_model(tmp_path / layout)
        found.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    for other in found[1:]:
        assert float((other - found[0]).norm() / found[0].norm()) < 1e-5


def test_validation_has_the_models_context_in_every_phase(
    store: Store, small: Config, tmp_path: Path
) -> None:
    """At a rate of almost 0, the loss is that of the initial weights."""
    losses = []
    for text in ("64", "32", "[[0, 32], [0.9, 64]]"):
        config = override(small, [f"data.context={text}", "lr=1e-30"])
        report = train(store, tmp_path / text, config, device="cpu")
        assert report.validation is not None
        losses.append(report.validation.nats)
    assert losses[0] == losses[1] == losses[2]


def test_a_run_resumes_with_its_own_phases_only(
    store: Store, small: Config, tmp_path: Path
) -> None:
    config = override(small, [TWO])
    with pytest.raises(KeyboardInterrupt):
        train(store, tmp_path / "run", config, device="cpu", progress=StopAfter(5))
    other = override(small, ["data.context=[[0, 32], [0.75, 64]]"])
    with pytest.raises(ConfigError, match=r"data\.context"):
        train(store, tmp_path / "run", other, device="cpu", resume=True)
    longer = override(config, ["steps=24"])  # the switch would be at step 12
    source = tmp_path / "run"
    with pytest.raises(CheckpointError, match=r"phases is \[\[0, 32, 7\], \[6, 64, 4"):
        train(store, tmp_path / "branch", longer, device="cpu", resume=source)


def test_a_run_says_what_its_phases_are(
    store: Store, small: Config, tmp_path: Path
) -> None:
    notes = Notes()
    train(store, tmp_path / "run", override(small, [TWO]), device="cpu", progress=notes)
    phases = "32 tokens, 7 windows per step; from step 6: 64 tokens, 4 windows per step"
    assert notes.texts == [f"context: {phases}"]
    described = json.loads((tmp_path / "run/config.json").read_text())
    assert described["config"]["data"]["context"] == [[0, 32], [0.5, 64]]


def test_a_dry_run_counts_each_phase_by_its_steps(store: Store, small: Config) -> None:
    facts = [
        dry_run(store, override(small, [f"data.context={text}"]), device="cpu").facts
        for text in ("32", "64", "[[0, 32], [0.75, 64]]")
    ]
    short, long, both = facts
    assert (short.phases, long.phases) == ([(0, 32, 7)], [])
    assert both.phases == [(0, 32, 7), (9, 64, 4)]
    for name in ("step_targets", "step_flops"):
        expected = 0.75 * getattr(short, name) + 0.25 * getattr(long, name)
        # The switch breaks a pass off, of which a sample is counted.
        assert getattr(both, name) == pytest.approx(expected, rel=0.1)
    assert both.step_targets == pytest.approx(long.step_targets, rel=0.1)
    assert both.memory == long.memory


def test_the_notes_of_a_plain_run_say_nothing_of_its_context(
    store: Store, small: Config
) -> None:
    parts = validation_parts(store, small, ALONE)
    assert run_notes(training_batches(store, small, ALONE), parts) == []
