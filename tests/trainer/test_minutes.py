"""Runs that are given a time: their plan, their pace, and their end."""

import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tct.cli import main
from tct.data.errors import ConfigError
from tct.data.store import Store
from tct.trainer.config import Config
from tct.trainer.optim.lr_schedule import learning_rate, with_steps
from tct.trainer.planning.dry_run import measured_speed
from tct.trainer.planning.minutes import fit, plan_minutes
from tct.trainer.presets import override
from tct.trainer.runs.checkpoint import find_checkpoints, load_model
from tct.trainer.runs.history import read_history
from tct.trainer.runs.state import read_state_file
from tct.trainer.training.distributed import join
from tct.trainer.training.loop import train
from tct.trainer.training.splits import training_batches

MakeStore = Callable[..., Store]
LINEAR = ["schedule=linear", "min_lr_ratio=0"]


def rates(config: Config, steps: range) -> list[float]:
    return [learning_rate(step, config.optim, steps=config.run.steps) for step in steps]


# -- the schedule ----------------------------------------------------------------------


def test_another_length_bends_the_line_where_the_run_is(small: Config) -> None:
    config = override(small, [*LINEAR, "lr=1", "warmup_steps=0", "steps=11"])
    assert rates(config, range(3)) == pytest.approx([1.0, 0.9, 0.8])

    longer = with_steps(config, step=3, steps=19)

    assert rates(longer, range(3, 19)) == pytest.approx(
        [0.8 * (1 - n / 16) for n in range(1, 17)]
    )


@given(
    st.integers(20, 400).flatmap(
        lambda steps: st.tuples(
            st.just(steps), st.lists(st.integers(1, 50), min_size=1, max_size=4)
        )
    ),
    st.integers(1, 300),
)
def test_the_rate_never_jumps_and_ends_at_zero(
    drawn: tuple[int, list[int]], more: int
) -> None:
    steps, gaps = drawn
    config = override(Config(), [*LINEAR, f"steps={steps}", "lr=1"])
    step = steps // 10  # after the warm-up
    for gap in gaps:
        step = min(step + gap, config.run.steps - 1)
        before = learning_rate(step - 1, config.optim, steps=config.run.steps)
        config = with_steps(config, step=step, steps=step + more)
        assert config.run.steps == step + more
        kept = learning_rate(step - 1, config.optim, steps=config.run.steps)
        assert kept == pytest.approx(before)
    rest = rates(config, range(step - 1, config.run.steps))
    assert rest == sorted(rest, reverse=True)
    assert rest[-1] == 0


# -- the plan --------------------------------------------------------------------------


def test_a_plan_fills_the_time(small: Config) -> None:
    config = override(small, ["batch_size=8"])

    plan = fit(config, seconds=1000, evaluation=10, window_seconds=0.1)

    # 5 seconds around the run and 10 for the last evaluation; 4 others are 4 % of it.
    assert plan.run.seconds == 985
    assert plan.data.batch_size == 8
    assert plan.run.steps == int((985 - 4 * 10) / 0.1 / 8) == 1181
    assert plan.run.eval_every == 237  # a fifth
    assert (plan.optim.schedule, plan.optim.min_lr_ratio) == ("linear", 0)
    assert plan.run.save_every == 394  # a third, of 985 seconds
    assert plan.model == config.model


def test_short_runs_take_smaller_steps(small: Config) -> None:
    config = override(small, ["batch_size=12"])

    plan = fit(config, seconds=105, evaluation=0, window_seconds=0.05)

    # 2,000 windows: 166 steps of 12, 333 of 6, 666 of 3.
    assert (plan.data.batch_size, plan.run.steps) == (3, 666)
    shared = fit(config, seconds=105, evaluation=0, window_seconds=0.05, processes=5)
    assert (shared.data.batch_size, shared.run.steps) == (5, 400)
    assert plan.run.eval_every == 67


def test_too_little_time_is_an_error(small: Config) -> None:
    with pytest.raises(ConfigError, match=r"time for 2 steps beside 7 seconds of eval"):
        fit(small, seconds=14, evaluation=7, window_seconds=1)
    with pytest.raises(ConfigError, match=r"time for 0 steps"):
        fit(small, seconds=1, evaluation=7, window_seconds=1)


def test_a_plan_is_made_of_the_measured_speed(
    make_store: MakeStore, small: Config
) -> None:
    store = make_store([20, 33, 64, 8, 50, 100, 40, 9, 12, 64], [30, 70])

    plan = plan_minutes(
        store, small, until=time.perf_counter() + 60, device="cpu", seconds=0
    )

    tokens = plan.config.run.steps * plan.config.data.batch_size * 800 / 23
    assert plan.passes == pytest.approx(tokens / 400)
    assert plan.config.run.seconds is not None
    assert 40 < plan.config.run.seconds < 55
    assert str(plan).startswith(f"{plan.config.run.steps:,} steps of 4 windows, ")
    assert str(plan).endswith("measured on 1 of a step's 4 passes")


# -- the run ---------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")
def test_compiling_tells_nothing_about_the_pace(
    make_store: MakeStore, small: Config, tmp_path: Path
) -> None:
    """The first step takes as long as thousands; a plan made of it ends too early."""
    store = make_store([20, 33, 64, 8, 50, 100, 40, 9, 12, 64])
    changes = ["steps=40", "log_every=20", "save_every=40", "eval_every=40"]
    rows = ["batch_size=4", "micro_batch=4", "layout=padded", "compile=true"]
    config = override(small, [*changes, *rows])

    with join("cpu") as world:
        batches = training_batches(store, config, world)
        speed = measured_speed(batches, config, world, seconds=3)
    assert speed.sample == "4 steps"

    torch._dynamo.reset()
    train(store, tmp_path / "run", config, device="cpu")
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    first = next(r for line in lines if (r := json.loads(line))["kind"] == "train")
    assert first["step"] == 20
    assert first["eta"] < first["seconds"] / 2  # as long again, with the first step


@pytest.mark.parametrize("planned", [13, 100_000])
def test_a_run_ends_on_time_however_wrong_its_plan(
    make_store: MakeStore, small: Config, tmp_path: Path, planned: int
) -> None:
    store = make_store([20, 33, 64, 8, 50, 100, 40, 9, 12, 64])
    changes = [*LINEAR, f"steps={planned}", "warmup_steps=0", "seconds=3"]
    config = override(small, [*changes, "eval_every=1000000", "save_every=1000000"])

    report = train(store, tmp_path / "run", config, device="cpu")

    assert report.step == report.steps != planned
    assert report.step > 13
    assert report.seconds < 6  # with room for a busy machine
    history = read_history(tmp_path / "run")
    assert history.train["lr"][-1] == 0
    # The checkpoint holds the plan as it ended, so a resumed run has nothing to do.
    (checkpoint,) = find_checkpoints(tmp_path / "run").values()
    kept = read_state_file(checkpoint)[0].config
    assert kept.run.steps == report.step
    again = train(store, tmp_path / "run", kept, device="cpu", resume=True)
    assert not again.is_new


def test_a_run_on_time_keeps_its_steps(
    make_store: MakeStore, small: Config, tmp_path: Path
) -> None:
    """Too few steps to tell a pace by: exactly the run without a time."""
    store = make_store([20, 33, 64, 8, 50, 100, 40, 9, 12, 64])
    for name, changes in (("timed", ["seconds=1000"]), ("not", [])):
        config = override(small, [*LINEAR, "steps=9", *changes])
        train(store, tmp_path / name, config, device="cpu")
    timed, other = (read_history(tmp_path / name) for name in ("timed", "not"))
    assert list(timed.train["loss"]) == list(other.train["loss"])


def test_a_run_that_changed_its_steps_resumes_exactly(
    make_store: MakeStore, small: Config, tmp_path: Path
) -> None:
    """From the checkpoint after the change, which holds the new line of the rate."""
    store = make_store([20, 33, 64, 8, 50, 100, 40, 9, 12, 64])
    changes = [*LINEAR, "steps=12", "warmup_steps=0", "save_every=4", "keep_last=9"]
    config = override(small, [*changes, "seconds=1000"])
    # In steps as few as these, no pace is told, so the change is made here.
    bent = with_steps(config, step=4, steps=9)
    train(store, tmp_path / "whole", bent, device="cpu")

    broken = tmp_path / "broken"
    shutil.copytree(tmp_path / "whole", broken)
    for step in (8, 9):
        shutil.rmtree(find_checkpoints(broken)[step])
    kept = read_state_file(find_checkpoints(broken)[4])[0].config
    assert kept == bent
    train(store, broken, kept, device="cpu", resume=True)

    whole, resumed = (
        load_model(tmp_path / name)[0].state_dict() for name in ("whole", "broken")
    )
    assert read_history(broken).train["lr"][-1] == 0
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name]), name


SMALL = ["--preset=tiny", "--device=cpu", "--set=width=32", "--set=layers=1"]


def test_the_command_plans_once(store_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = ["train", str(store_folder), "-o", str(run)]
    options = [*SMALL, "--set=heads=2", "--max-minutes=0.2", "--measure=0"]

    done = CliRunner().invoke(main, [*command, *options])

    assert (done.exit_code, done.exception) == (0, None), done.stderr
    assert re.match(r"plan: [\d,]+ steps of \d windows, .* tokens/s", done.stderr)
    config = json.loads((run / "config.json").read_text())["config"]
    assert 0 < config["run"]["seconds"] < 9
    again = CliRunner().invoke(main, [*command, "--resume", "--device=cpu"])
    assert again.stdout.startswith("already finished: ")
    assert "plan:" not in again.stderr


def test_a_time_and_steps_contradict_each_other() -> None:
    options = ["train", "store", "-o", "run", "--max-minutes=1", "--steps=5"]
    done = CliRunner().invoke(main, options)

    assert done.exit_code == 2
    assert "Give --max-minutes or --steps, not both." in done.stderr
