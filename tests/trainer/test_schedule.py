import pytest

from tct.trainer.config import OptimConfig
from tct.trainer.schedule import learning_rate

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
