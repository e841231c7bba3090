"""Numbers that no one means: each works, or is refused by its name."""

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tct.cli import main
from tct.data.errors import NotFiniteError, TctError
from tct.data.store import Store
from tct.trainer.config import SECTIONS
from tct.trainer.export.export import export
from tct.trainer.generation.sampling import Sampling, draw
from tct.trainer.presets import override, preset
from tct.trainer.training.loop import train

NUMBERS = ["0", "-1", "nan", "inf", "-inf", "1e-320", "1e-45", "1e300", "0.5", "1", ""]
NUMBERS += [str(2**63 - 1), str(2**63), "1" + "0" * 30, "9" * 400, "9" * 5000]
SMALL = ["model.width=8", "model.layers=1", "model.heads=1", "model.context=64"]
SMALL += ["batch_size=2", "steps=2", "eval_every=1", "save_every=1", "log_every=1"]
SMALL += ["compile=false"]
KEYS = [
    f"{section}.{name}"
    for section, kind in SECTIONS.items()
    for name in kind.__dataclass_fields__
    if name != "SECTION"
]


@pytest.fixture(scope="module")
def trained(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    train(store, folder / "run", preset("tiny", SMALL), device="cpu")
    export(folder / "run", folder / "model")
    return folder / "model"


def check(key: str, number: str) -> None:
    """A configuration with this number exists, or the error names its key."""
    try:
        override(preset("tiny", SMALL), [f"{key}={number}"])
    except TctError as error:
        assert key in str(error)
        assert len(str(error).splitlines()) == 1


@pytest.mark.parametrize("key", KEYS)
def test_every_setting_is_taken_or_refused_by_name(key: str) -> None:
    for number in NUMBERS:
        check(key, number)


@pytest.mark.parametrize(
    ("key", "number"),
    [
        ("model.softcap", "1e-320"),
        ("model.softcap", "1e300"),
        ("model.rope_base", "1e300"),
        ("model.width", str(10**9)),
        ("model.vocab_size", str(10**11)),
        ("optim.lr", "1e-320"),
        ("optim.lr", "1e300"),
        ("optim.clip", "1e-320"),
        ("optim.weight_decay", "1e11"),
        ("run.micro_batch", str(10**12)),
        ("run.eval_every", str(10**12)),
    ],
)
def test_a_run_with_a_setting_at_the_edge_ends_or_says_why(
    store: Store, tmp_path: Path, key: str, number: str
) -> None:
    run_with(store, tmp_path / "run", key, number)


@pytest.mark.slow
@pytest.mark.parametrize("key", KEYS)
def test_every_setting_works_or_is_refused_by_name(
    store: Store, tmp_path: Path, key: str
) -> None:
    for at, number in enumerate(NUMBERS):
        run_with(store, tmp_path / f"run-{at}", key, number)


def run_with(store: Store, folder: Path, key: str, number: str) -> None:
    try:
        config = override(preset("tiny", SMALL), [f"{key}={number}"])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            train(store, folder, config, device="cpu")
    except TctError as error:
        assert len(str(error).splitlines()) == 1


@pytest.mark.parametrize(
    "option",
    [
        "--temperature",
        "--top-k",
        "--top-p",
        "--min-p",
        "--batch-size",
        "--seed",
        "--first",
        "--max-tokens",
        "-n",
    ],
)
def test_every_option_works_or_is_refused_by_name(trained: Path, option: str) -> None:
    command = ["generate", str(trained), "--max-tokens", "20", "--device", "cpu"]
    for number in NUMBERS:
        if option == "-n" and number == str(2**63 - 1):
            continue  # refused, too, but only since nobody waits for so many
        done = CliRunner().invoke(main, [*command, option, number])
        assert done.exception is None or isinstance(done.exception, SystemExit), number
        assert done.exit_code in (0, 1, 2)
        if done.exit_code == 1:
            assert option.strip("-") in done.stderr
            assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("temperature", [1e-320, 1e-45, 1e-9, 1e300])
def test_a_temperature_at_the_edge_draws_without_a_warning(temperature: float) -> None:
    logits = np.array([-3.0, 2.0, 15.0, -15.0], dtype=np.float32)
    sampling = Sampling(temperature=temperature)
    token, log_prob = draw(logits, None, 0.3, sampling)
    assert math.isfinite(log_prob)
    assert token == (2 if temperature < 1 else 1)


@pytest.mark.parametrize("logit", [math.nan, math.inf])
def test_logits_that_are_no_numbers_are_refused(logit: float) -> None:
    logits = np.array([0.0, logit, 1.0], dtype=np.float32)
    with pytest.raises(NotFiniteError, match=r"logits: found (nan|inf), expected fin"):
        draw(logits, None, 0.3, Sampling())


@pytest.mark.parametrize("seconds", ["nan", "inf"])
def test_a_timeout_is_a_number_of_seconds(trained: Path, seconds: str) -> None:
    done = CliRunner().invoke(main, ["serve", str(trained), "--timeout", seconds])
    assert done.exit_code == 1
    assert f"timeout: found {seconds}, expected a number of seconds" in done.stderr
