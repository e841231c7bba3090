import io
from pathlib import Path

import pytest

from tct.data.display.screen import Screen
from tct.trainer.runs.live import (
    TrainBar,
    TrainLines,
    make_progress,
)
from tct.trainer.runs.metrics import StepRecord
from tct.trainer.runs.progress import TrainProgress
from tct.trainer.runs.report import render_report
from tct.trainer.runs.state import Best, Validation
from tct.trainer.training.run import TrainReport

RECORD = StepRecord(
    step=1010,
    epoch=3,
    offset=96,
    loss=2.34567,
    lr=3e-4,
    grad_norm=0.5,
    targets=5000,
    tokens=500_000,
    tokens_per_s=12345.6,
    positions_per_s=20_000.0,
    mfu=0.31,
    loader_wait=0.01,
    memory=2_000_000_000,
    seconds=9.0,
    eta=11_100.0,
)
EVALUATION = Validation(nats=200.0, tokens=100, documents=4, canonical_bytes=500)


def report(**changes: object) -> TrainReport:
    values = {
        "store": ("store",),
        "folder": Path("my run"),
        "checkpoint": Path("my run/checkpoints/step-002000"),
        "step": 2000,
        "steps": 2000,
        "is_stopped": False,
        "is_new": True,
        "parameters": 27_525_888,
        "train_loss": 1.5,
        "validation": EVALUATION,
        "best": Best(step=1500, loss=1.9),
        "seconds": 3725.0,
    }
    return TrainReport(**{**values, **changes})  # type: ignore[arg-type]


def rendered(report: TrainReport) -> str:
    file = io.StringIO()
    render_report(report, Screen(file=file, width=100))
    return file.getvalue()


def play(progress: TrainProgress) -> None:
    progress.start(step=1000, steps=50_000)
    progress.step(1010)
    progress.logged(RECORD)
    progress.validated(1010, EVALUATION)
    progress.note("[a note]")
    progress.finish()


def test_lines_are_plain_and_whole_where_there_is_no_terminal() -> None:
    file = io.StringIO()

    progress = make_progress(Screen(file=file, width=40))
    play(progress)

    assert isinstance(progress, TrainLines)
    assert file.getvalue() == (
        "step 1,010/50,000  loss 2.3457  lr 3.00e-04  grad 0.50  epoch 3  "
        "12,346 tokens/s  3h05 left\n"
        "step 1,010  validation loss 2.0000  perplexity 7.39  bits per byte 0.5771\n"
        "[a note]\n"
    )


def test_a_terminal_gets_a_bar_with_the_same_figures() -> None:
    file = io.StringIO()
    console = Screen(file=file, force_terminal=True, color_system=None, width=120)

    progress = make_progress(console)
    play(progress)

    assert isinstance(progress, TrainBar)
    shown = file.getvalue()
    assert "1010/50000" in shown
    assert "loss 2.346  epoch 3  12,346 tokens/s  MFU 31%  3h05 left" in shown
    assert "validation loss 2.0000" in shown
    assert "[a note]" in shown


def test_progress_is_written_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    play(make_progress())

    out, err = capsys.readouterr()
    assert out == ""
    assert "step 1,010/50,000" in err


def test_the_report_tells_what_was_reached_and_what_comes_next() -> None:
    text = rendered(report())

    assert text.splitlines()[0] == "finished 2,000 steps"
    for expected in (
        "27,525,888",
        "1.5000 nats per token",
        "2.0000 nats per token",
        "7.39",
        "0.5771",
        "1.9000 after step 1,500",
        "1:02:05",
        "my run/checkpoints/step-002000",
        "next: tct generate 'my run'",
    ):
        assert expected in text


def test_the_report_of_a_stopped_run_says_how_to_go_on() -> None:
    text = rendered(report(step=300, is_stopped=True, validation=None, best=None))

    assert text.splitlines()[0] == "stopped after step 300 of 2,000"
    assert "perplexity" not in text
    assert text.splitlines()[-1] == "next: tct train store -o 'my run' --resume"


def test_the_report_of_a_finished_run_says_that_nothing_was_done() -> None:
    assert rendered(report(is_new=False)).startswith("already finished: 2,000 steps")
