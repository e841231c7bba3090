from dataclasses import replace
from itertools import pairwise

import pytest

from tct.trainer.config import SCHEDULES, OptimConfig, Schedule
from tct.trainer.optim.lr_schedule import learning_rate

OPTIM = OptimConfig(lr=1.0, warmup_steps=10, min_lr_ratio=0.1)


def test_the_plan_has_these_rates() -> None:
    plan = OptimConfig()
    rates = {
        step: learning_rate(step, plan, steps=50_000)
        for step in (0, 749, 1499, 25_749, 49_999)
    }

    assert rates[0] == pytest.approx(2e-7)
    assert rates[749] == pytest.approx(1.5e-4)
    assert rates[1499] == pytest.approx(3e-4)
    assert rates[25_749] == pytest.approx(1.65e-4)  # half way down
    assert rates[49_999] == pytest.approx(3e-5)


def test_the_rate_rises_and_then_falls() -> None:
    rates = [learning_rate(step, OPTIM, steps=200) for step in range(200)]

    assert rates.index(max(rates)) == 9
    assert rates[:10] == sorted(rates[:10])
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[-1] == pytest.approx(0.1)


def test_the_warm_up_takes_at_most_a_tenth_of_the_run() -> None:
    rates = [learning_rate(step, OPTIM, steps=20) for step in range(20)]

    assert rates[:2] == [0.5, 1.0]


@pytest.mark.parametrize("steps", [1, 2, 9])
def test_a_very_short_run_starts_at_the_top(steps: int) -> None:
    assert learning_rate(0, OPTIM, steps=steps) == 1.0


@pytest.mark.parametrize("step", [-1, 20])
def test_a_step_outside_the_run_is_refused(step: int) -> None:
    with pytest.raises(ValueError, match=f"found {step}, expected 0 to 19"):
        learning_rate(step, OPTIM, steps=20)


def rates_of(schedule: Schedule, decay_ratio: float = 0.2) -> list[float]:
    optim = replace(OPTIM, schedule=schedule, decay_ratio=decay_ratio)
    return [learning_rate(step, optim, steps=110) for step in range(110)]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_begins_with_the_same_warm_up(schedule: Schedule) -> None:
    rates = rates_of(schedule)

    assert rates[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[-1] == pytest.approx(1.0 if schedule == "constant" else 0.1)


def test_a_linear_fall_is_a_straight_line() -> None:
    rates = rates_of("linear")

    steps = [a - b for a, b in pairwise(rates[9:])]
    assert steps == pytest.approx([0.9 / 100] * 100)


def test_a_constant_rate_does_not_fall() -> None:
    assert set(rates_of("constant")[9:]) == {1.0}


def test_warm_up_stable_decay_falls_at_the_end_only() -> None:
    rates = rates_of("wsd", decay_ratio=0.25)

    assert set(rates[9:85]) == {1.0}
    assert rates[84:] == pytest.approx([1 - 0.9 * k / 25 for k in range(26)])


def test_a_stable_phase_does_not_depend_on_the_length_of_the_run() -> None:
    optim = replace(OPTIM, schedule="wsd")
    short, long = (
        [learning_rate(step, optim, steps=steps) for step in range(80)]
        for steps in (110, 1000)
    )
    assert short == long


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_any_schedule_serves_a_very_short_run(schedule: Schedule, steps: int) -> None:
    optim = replace(OPTIM, schedule=schedule)
    rates = [learning_rate(step, optim, steps=steps) for step in range(steps)]
    assert rates[0] == 1.0
    assert all(0.1 <= rate <= 1.0 for rate in rates)
