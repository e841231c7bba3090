"""Looking at runs: reading them back, comparing them, drawing them."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tct.cli import main
from tct.data.errors import ConfigError, FormatError
from tct.data.store import Store
from tct.trainer.config import Config, to_dict
from tct.trainer.presets import override, preset
from tct.trainer.runs.compare import compare
from tct.trainer.runs.history import read_history
from tct.trainer.runs.plot import plot_runs, smooth
from tct.trainer.training.loop import train

MakeRun = Callable[..., Path]
NUM_BYTES = 3000


def trained(step: int, loss: float, *, targets: int = 100) -> dict[str, Any]:
    figures = {"loss": loss, "targets": targets, "tokens": 10 * step, "lr": 0.1}
    return {"kind": "train", "step": step, **figures, "tokens_per_s": 50.0}


def evaluated(step: int, loss: float, *, num_bytes: int = NUM_BYTES) -> dict[str, Any]:
    bits = loss * 1000 / math.log(2) / num_bytes
    figures = {"val_loss": loss, "val_tokens": 1000, "bits_per_byte": bits}
    return {"kind": "eval", "step": step, "tokens": 10 * step, **figures}


def bits(loss: float) -> float:
    return loss * 1000 / math.log(2) / NUM_BYTES


RECORDS = [
    trained(10, 8.0),
    evaluated(10, 8.5),
    trained(20, 7.0),
    {"kind": "samples", "step": 20, "free_valid": 0.5},
    trained(30, 6.0, targets=300),
    evaluated(30, 6.5),
]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Write the files of a run by hand."""

    def make(
        name: str,
        records: list[dict[str, Any]] = RECORDS,
        *,
        windows: str = "plan",
        store: str = "a" * 64,
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        config = override(preset("workflow-27m"), [f"windows={windows}"])
        described = {
            "config": to_dict(config),
            "data": {"documents": 5, "tokens": 150, "windows_per_epoch": [7, 9]},
            "store": {"name": "store", "digest": store},
        }
        (folder / "config.json").write_text(json.dumps(described))
        lines = [json.dumps(record) + "\n" for record in records]
        (folder / "metrics.jsonl").write_text("".join(lines))
        return folder

    return make


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_a_run_is_read_by_kind_and_column(make_run: MakeRun) -> None:
    found = read_history(make_run("run"))

    assert found.train["step"].tolist() == [10, 20, 30]
    assert found.train["loss"].tolist() == [8.0, 7.0, 6.0]
    assert found.evaluations["val_loss"].tolist() == [8.5, 6.5]
    assert found.train["perplexity"].tolist() == [math.inf] * 3
    assert found.config.model.parameters == 27_525_888
    assert (found.tokens, found.windows_per_epoch) == (150, (7, 9))


def test_a_line_that_is_being_written_is_left_out(make_run: MakeRun) -> None:
    folder = make_run("run")
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "train", "st')

    assert len(read_history(folder).train) == 3


@pytest.mark.parametrize("line", ["{", "[]", '{"kind": "eval"}', '{"step": 3}', "3"])
def test_a_line_that_is_no_record_is_named(make_run: MakeRun, line: str) -> None:
    folder = make_run("run")
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(line + "\n")

    with pytest.raises(FormatError, match=r"metrics\.jsonl: line 7 is not a record"):
        read_history(folder)


def test_a_run_without_records_is_empty(make_run: MakeRun) -> None:
    folder = make_run("run")
    (folder / "metrics.jsonl").unlink()

    assert len(read_history(folder).train) == 0


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"found no config\.json.*that tct train wro"):
        read_history(tmp_path)


def test_a_configuration_of_another_version_is_refused(make_run: MakeRun) -> None:
    folder = make_run("run")
    described = json.loads((folder / "config.json").read_text())
    del described["data"]
    (folder / "config.json").write_text(json.dumps(described))

    with pytest.raises(FormatError, match=r"config\.json: run\.data: missing"):
        read_history(folder)


def test_runs_are_compared_where_all_have_seen_as_much(make_run: MakeRun) -> None:
    short = [evaluated(5, 9.0), evaluated(20, 8.0)]
    runs = [make_run("long"), make_run("short", short, windows="overlap")]

    found = compare([read_history(run) for run in runs], ["long", "short"])

    # After 200 tokens: half way between the evaluations at 100 and at 300.
    assert found.equal_tokens == 200
    assert found.obstacle is None
    first, second = found.runs
    assert first.bits_per_byte_at_equal_tokens == pytest.approx(bits(7.5))
    assert first.bits_per_byte == pytest.approx(bits(6.5))
    assert second.bits_per_byte_at_equal_tokens == pytest.approx(bits(8.0))
    assert (first.windows, second.windows) == ("plan", "overlap")


def test_the_gap_is_to_what_was_trained_since_the_evaluation_before(
    make_run: MakeRun,
) -> None:
    (figures,) = compare([read_history(make_run("run"))], ["run"]).runs

    assert figures.train_loss == (7.0 * 100 + 6.0 * 300) / 400
    assert figures.gap == 6.5 - 6.25
    assert figures.best_val_loss == 6.5
    assert (figures.steps, figures.tokens, figures.passes) == (30, 300, 2.0)
    assert figures.tokens_per_s == pytest.approx(50)


def test_a_run_that_was_not_evaluated_compares_with_none(make_run: MakeRun) -> None:
    runs = [make_run("a"), make_run("b", [trained(10, 8.0)])]
    found = compare([read_history(run) for run in runs], ["a", "b"])

    assert (found.equal_tokens, found.obstacle) == (None, "b has no evaluation yet")
    assert found.runs[0].bits_per_byte_at_equal_tokens is None
    assert found.runs[1].gap is None


def test_other_validation_documents_do_not_compare(make_run: MakeRun) -> None:
    other = [evaluated(10, 8.0, num_bytes=5000)]
    runs = [make_run("a"), make_run("b", other, store="b" * 64)]
    found = compare([read_history(run) for run in runs], ["a", "b"])

    assert found.obstacle == "validation splits differ: 3,000 bytes of a, 5,000 of b"


def test_curves_that_do_not_overlap_do_not_compare(make_run: MakeRun) -> None:
    runs = [make_run("a"), make_run("b", [evaluated(5, 8.0)])]
    found = compare([read_history(run) for run in runs], ["a", "b"])

    assert found.obstacle == "evaluations of different runs do not overlap"


def test_compare_prints_a_column_for_each_run(make_run: MakeRun) -> None:
    result = run("compare", make_run("[a]"), make_run("b", windows="spread"))

    assert (result.exit_code, result.stderr) == (0, "")
    lines = dict(
        (line[:25].strip(), line[25:].split()) for line in result.stdout.splitlines()
    )
    assert lines["run"] == ["[a]", "b"]
    assert lines["windows"] == ["plan", "spread"]
    assert lines["overfitting gap"] == ["+0.2500", "+0.2500"]
    assert lines["at 300 tokens"] == [f"{bits(6.5):.4f}"] * 2
    assert "store" not in lines


def test_compare_gives_programs_the_same(make_run: MakeRun) -> None:
    result = run("compare", make_run("a"), make_run("b", []), "--json")

    assert result.stderr == "not compared at equal tokens: b has no evaluation yet\n"
    first, second = map(json.loads, result.stdout.splitlines())
    assert (first["run"], first["gap"], first["equal_tokens"]) == ("a", 0.25, None)
    assert (second["run"], second["gap"]) == ("b", None)


def test_runs_of_one_name_are_told_apart_by_their_paths(
    make_run: MakeRun, tmp_path: Path
) -> None:
    left, right = tmp_path / "x", tmp_path / "y"
    for parent in (left, right):
        parent.mkdir()
        make_run("run").rename(parent / "run")
    result = run("compare", left / "run", right / "run", "--json")

    names = [json.loads(line)["run"] for line in result.stdout.splitlines()]
    assert names == [str(left / "run"), str(right / "run")]


def test_smoothing_is_a_mean_of_what_there_is() -> None:
    values = np.array([4.0, 8.0, 8.0])

    assert smooth(values, 1).tolist() == values.tolist()
    # Weights fall by a half: (4 / 2 + 8) / 1.5, then (4 / 4 + 8 / 2 + 8) / 1.75.
    assert smooth(values, 3) == pytest.approx([4, 10 / 1.5, 13 / 1.75])
    assert smooth(np.full(9, 2.0), 5) == pytest.approx([2.0] * 9)


@pytest.mark.parametrize("kind", ["png", "svg", "html"])
def test_plot_draws_runs(make_run: MakeRun, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"runs.{kind}"
    result = run("plot", make_run("a_$x"), make_run("b"), "-o", path)

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"{path}: written\n"
    content = path.read_bytes()
    if kind == "png":
        assert content.startswith(b"\x89PNG")
    else:
        for text in ("a_$x", "b", "bits per byte", "learning rate", "tokens seen"):
            assert text in content.decode()


def test_the_figure_holds_what_the_runs_wrote(make_run: MakeRun) -> None:
    figure = plot_runs([read_history(make_run("a"))], ["a"], records=1)
    loss, bits_axes, rate, _ = figure.axes

    def points(line: Any) -> list[tuple[float, float]]:
        return list(zip(line.get_xdata(), line.get_ydata(), strict=True))

    raw, mean, validation = map(points, loss.lines)
    assert raw == mean == [(100, 8.0), (200, 7.0), (300, 6.0)]
    assert validation == [(100, 8.5), (300, 6.5)]
    assert points(bits_axes.lines[0]) == [(100, bits(8.5)), (300, bits(6.5))]
    assert points(rate.lines[0]) == [(100, 0.1), (200, 0.1), (300, 0.1)]


def test_what_cannot_be_drawn_is_one_line(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [make_run(f"run-{i}") for i in range(7)]
    cases: list[tuple[list[str | Path], str]] = [
        ([*runs, "-o", tmp_path / "a.png"], "found 7 runs, expected at most 6"),
        ([runs[0], "-o", tmp_path / "a.gif"], "found suffix '.gif', expected .png"),
        ([make_run("new", []), "-o", tmp_path / "a.png"], "found no record of traini"),
    ]
    for arguments, message in cases:
        result = run("plot", *arguments)
        assert result.exit_code == 1
        assert message in result.stderr


def test_a_real_run_can_be_read_compared_and_drawn(
    make_store: Callable[..., Store], small: Config, tmp_path: Path
) -> None:
    store = make_store([20, 33, 64, 8, 50, 100], [30, 70])
    for windows in ("plan", "overlap"):
        train(store, tmp_path / windows, override(small, [f"windows={windows}"]))

    runs = [tmp_path / "plan", tmp_path / "overlap"]
    result = run("compare", *runs, "--json")
    plan, overlap = map(json.loads, result.stdout.splitlines())
    assert plan["windows_per_epoch"] == [7, 8]
    assert overlap["windows_per_epoch"] == [8, 8]
    assert plan["parameters"] == 548_928
    assert plan["equal_tokens"] == min(plan["tokens"], overlap["tokens"])
    assert run("plot", *runs, "-o", tmp_path / "runs.svg").exit_code == 0
