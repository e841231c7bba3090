"""Training on several stores: resumed exactly, validated store by store."""

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tct.data.errors import CheckpointError, ConfigError
from tct.data.store import Store
from tct.data.store.mixture import MixStage, Mixture, mix
from tct.tests.trainer.progress import Notes, StopAfter
from tct.trainer.config import Config, RunConfig
from tct.trainer.planning.minutes import plan_minutes
from tct.trainer.runs.checkpoint import read_state
from tct.trainer.training.loop import train
from tct.trainer.training.splits import check_time_limit

MakeStore = Callable[..., Store]

TRAIN = [[30, 90, 200, 64, 65, 7], [40, 3, 130, 99, 20]]
VAL = [[50, 70], [20]]


@pytest.fixture(scope="module")
def stores(make_store: MakeStore) -> list[Store]:
    return [make_store(*each) for each in zip(TRAIN, VAL, strict=True)]


def mixture(stores: list[Store], *weights: list[float]) -> Mixture:
    """Stages that begin after equal shares of the run."""
    return mix(
        stores,
        [
            MixStage(
                after=Fraction(number, len(weights)),
                weights=tuple(Fraction(str(weight)) for weight in each),
            )
            for number, each in enumerate(weights)
        ],
    )


def weights_of(run: Path, step: int) -> bytes:
    return (run / f"checkpoints/step-{step:06}/model.safetensors").read_bytes()


def staged(stores: list[Store]) -> Mixture:
    """Stages that begin at the steps 0, 4 and 8 of 12."""
    return mixture(stores, [1, 0.3], [0, 2], [0.5, 1])


@pytest.fixture(scope="module")
def whole(
    stores: list[Store], small: Config, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An uninterrupted run; not to be written to."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    train(staged(stores), folder, small, device="cpu")
    return folder


@pytest.mark.parametrize("stop", [3, 6, 9])
def test_a_resumed_run_goes_on_exactly_across_stages(
    stores: list[Store], small: Config, whole: Path, tmp_path: Path, stop: int
) -> None:
    store, run = staged(stores), tmp_path / "run"
    config = replace(small, run=replace(small.run, save_every=stop))
    stopping = StopAfter(stop + 1)
    with pytest.raises(KeyboardInterrupt):
        train(store, run, config, device="cpu", progress=stopping)
    report = train(store, run, config, device="cpu", resume=True)
    assert report.step == 12
    assert weights_of(run, 12) == weights_of(whole, 12)
    state = read_state(run / "checkpoints/step-000012")
    assert state.loader["stages"] == [[0, "1", "3/10"], [4, "0", "2"], [8, "1/2", "1"]]


def test_each_store_is_validated_and_all_together(
    stores: list[Store], small: Config, tmp_path: Path
) -> None:
    report = train(mixture(stores, [1, 0.3]), tmp_path / "run", small, device="cpu")
    found = report.validation
    assert found is not None
    assert [each.tokens for each in found.stores.values()] == [120, 20]
    assert [each.documents for each in found.stores.values()] == [2, 1]
    assert found.tokens == 140
    assert found.nats == sum(each.nats for each in found.stores.values())
    lines = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    line = [json.loads(text) for text in lines][-1]
    for number, (name, each) in enumerate(found.stores.items()):
        assert name == stores[number].folder.name
        assert line[f"val_loss/{name}"] == each.loss
        assert line[f"bits_per_byte/{name}"] == each.bits_per_byte
    state = read_state(tmp_path / "run/checkpoints/step-000012")
    assert state.validation == found
    described = json.loads((tmp_path / "run/config.json").read_text())["store"]
    assert described["stores"] == {s.folder.name: s.digest for s in stores}
    assert described["weights"] == [["0", "1", "3/10"]]


def test_validation_documents_that_are_trained_on_are_told(
    stores: list[Store], small: Config, tmp_path: Path
) -> None:
    # Document n of each store has the same sha256: rows 5 and 6 are validation
    # documents of the second and first store, and row 5 is trained on by the first.
    config, notes = replace(small, run=RunConfig(steps=1)), Notes()
    both = mixture(stores, [1, 1])
    train(both, tmp_path / "run", config, device="cpu", progress=notes)
    assert notes.texts == ["validation documents in another training split: 1"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a, b, c: mixture([a, b], [1, 0.4]), "stages is [[0, '1', '3/10']]"),
        (lambda a, b, c: mixture([a, b], [1, 0.3], [1, 1]), "stages is [[0, '1', "),
        (lambda a, b, c: mixture([a, c], [1, 0.3]), "another store in the place of "),
        (lambda a, b, c: mixture([b, a], [0.3, 1]), "another store in the place of "),
        (lambda a, b, c: mixture([a, b, c], [1, 0.3, 1]), "on 2 stores, found 3"),
        (lambda a, b, c: a, "was trained on 2 stores, found 1"),
    ],
)
def test_a_run_goes_on_only_with_its_own_stores_and_weights(
    stores: list[Store],
    make_store: MakeStore,
    small: Config,
    tmp_path: Path,
    change: Callable[..., Any],
    message: str,
) -> None:
    config = replace(small, run=RunConfig(steps=2))
    train(mixture(stores, [1, 0.3]), tmp_path / "run", config, device="cpu")
    other = change(*stores, make_store([33, 44], [5]))
    with pytest.raises(CheckpointError) as caught:
        train(other, tmp_path / "run", config, device="cpu", resume=True)
    assert message in str(caught.value)


def test_stages_at_shares_of_the_steps_have_no_time_limit(
    stores: list[Store], small: Config
) -> None:
    message = r"^run\.seconds: a stage of the mixture begins at a share of the steps"
    with pytest.raises(ConfigError, match=message):
        plan_minutes(staged(stores), small, until=1e12)
    at_steps = mix(
        stores,
        [
            MixStage(after=Fraction(after), weights=(Fraction(1), Fraction(1, 3)))
            for after in (0, 40)
        ],
    )
    check_time_limit(at_steps, small)
    check_time_limit(stores[0], small)
