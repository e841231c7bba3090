import json
from pathlib import Path

import pytest
import torch

from tct.data.errors import ConfigError
from tct.trainer.config import (
    Config,
    ModelConfig,
    OptimConfig,
    differences,
    from_dict,
    to_dict,
)
from tct.trainer.model import GPT
from tct.trainer.presets import PRESETS, compose, override, override_from, preset


def test_a_preset_is_what_its_name_gives_without_overrides() -> None:
    for name, config in PRESETS.items():
        assert preset(name) == config


def test_the_plan_is_the_default() -> None:
    plan = preset("workflow-27m")

    assert (plan.run.steps, plan.data.batch_size, plan.optim.lr) == (50_000, 32, 3e-4)
    assert plan.optim.warmup_steps == 1500


def test_an_override_changes_one_key_and_the_last_one_wins() -> None:
    config = preset("tiny", ["optim.lr=1", "optim.lr = 1e-3"])

    assert config.optim.lr == 1e-3
    assert [key for key, _, _ in differences(config, PRESETS["tiny"])] == ["optim.lr"]


def test_the_last_part_of_a_key_will_do() -> None:
    assert preset("tiny", ["steps=20"]).run.steps == 20


def test_compile_is_a_flag_or_none() -> None:
    assert preset("tiny", ["compile=True"]).run.compile is True
    assert preset("tiny", ["compile=false"]).run.compile is False
    assert preset("tiny", ["compile=none"]).run.compile is None


def test_a_configuration_has_three_layers(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[run]\nsteps = 7\ncompile = true\n[optim]\nlr = 0.1\n")

    config = compose("tiny", file, ["steps=9"])

    assert (config.run.steps, config.optim.lr) == (9, 0.1)
    assert config.run.compile is True
    assert config.model == PRESETS["tiny"].model
    assert compose(config, None, []) == config


def test_presets_have_the_sizes_in_their_names() -> None:
    sizes = {}
    for name, config in PRESETS.items():
        with torch.device("meta"):
            model = GPT(config.model)
        sizes[name] = sum(p.numel() for p in model.parameters())
        assert sizes[name] == config.model.parameters

    assert sizes == {
        "tiny": 2_883_840,
        "tiny-fast": 2_883_840,
        "workflow-20m": 20_448_000,
        "workflow-27m": 27_525_888,
        "workflow-27m-fast": 27_525_888,
        "workflow-100m": 97_519_104,
    }


@pytest.mark.parametrize(
    ("name", "rates"),
    [("tiny", []), ("workflow-27m", [("optim.lr", 3e-4, 3e-3)])],
)
def test_a_fast_preset_differs_in_its_recipe_only(
    name: str, rates: list[tuple[str, float, float]]
) -> None:
    changed = differences(PRESETS[name], PRESETS[f"{name}-fast"])

    assert changed == [
        ("optim.optimizer", "adamw", "muon"),
        *rates,
        ("optim.min_lr_ratio", 0.1, 0.0),
        ("optim.schedule", "cosine", "linear"),
    ]


def test_micro_batch_is_a_number_or_none() -> None:
    assert preset("tiny", ["micro_batch=3"]).run.micro_batch == 3
    assert preset("tiny", ["micro_batch=none"]).run.micro_batch is None
    assert preset("tiny", ["layout=packed", "layout=none"]).run.layout is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "optim.lrr=1",
            r"optim\.lrr: no such configuration key.*did you mean optim\.l",
        ),
        ("stesp=1", r"stesp: no such configuration key.*did you mean run\.steps\?"),
        ("zzz=1", r"zzz: no such configuration key.*known keys: model\.vocab_size"),
        ("lr", r"override 'lr': found no '='"),
        ("lr=fast", r"optim\.lr: found 'fast', expected a number"),
        ("steps=1e3", r"run\.steps: found '1e3', expected an integer"),
        ("compile=1", r"run\.compile: found '1', expected true or false or none"),
        ("dropout=1", r"model\.dropout: found 1\.0, expected at least 0 and below 1"),
        ("optimizer=sgd", r"optim\.optimizer: found 'sgd', expected adamw or muon"),
        ("patience=0", r"run\.patience: found 0, expected at least 1"),
        ("samples=0", r"run\.samples: found 0, expected at least 1"),
        ("sample_every=0", r"run\.sample_every: found 0, expected at least 1"),
        ("micro_batch=x", r"run\.micro_batch: found 'x', expected an integer or none"),
        ("schedule=step", r"optim\.schedule: found 'step', expected cosine or linear"),
        ("decay_ratio=0", r"optim\.decay_ratio: found 0\.0, expected above 0 and at"),
        ("lr=0", r"optim\.lr: found 0\.0, expected a number above 0"),
        ("lr=nan", r"optim\.lr: found nan, expected a number above 0"),
        ("steps=0", r"run\.steps: found 0, expected at least 1"),
        ("keep_last=0", r"run\.keep_last: found 0, expected at least 1"),
        ("beta2=1", r"optim\.beta2: found 1\.0, expected at least 0 and below 1"),
        ("min_lr_ratio=2", r"optim\.min_lr_ratio: found 2\.0, expected 0 to 1"),
        ("seed=-1", r"data\.seed: found -1, expected 0 to"),
        (
            "context=2048",
            r"model\.context: found 2048, expected a multiple of 32 up to",
        ),
        ("context=100", r"model\.context: found 100, expected a multiple of 32"),
        ("width=130", r"model\.width: found 130, expected a multiple of 8"),
        ("vocab_size=100", r"model\.vocab_size: found 100, expected at least 8,193"),
    ],
)
def test_a_bad_override_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        preset("tiny", [text])


def test_an_unknown_preset_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"'tinny'.*one of tiny, .*did you mean tiny"):
        preset("tinny")


def test_overrides_can_be_laid_on_any_config() -> None:
    config = Config(model=ModelConfig(width=64, heads=2))

    assert override(config, ["layers=3"]).model == ModelConfig(
        width=64, heads=2, layers=3
    )


def test_a_config_survives_json() -> None:
    config = Config(optim=OptimConfig(lr=0.1 + 0.2))

    assert from_dict(json.loads(json.dumps(to_dict(config)))) == config


def test_a_key_of_another_version_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"optim\.momentum: no such configuration key"
    ):
        from_dict({"optim": {"momentum": 0.9}})
    with pytest.raises(ConfigError, match="plots: no such configuration key"):
        from_dict({"plots": {}})


def test_differences_name_the_key_and_both_values() -> None:
    ours, theirs = preset("tiny", ["lr=1", "layers=2"]), preset("tiny", ["lr=2"])

    assert differences(ours, theirs) == [
        ("model.layers", 2, PRESETS["tiny"].model.layers),
        ("optim.lr", 1.0, 2.0),
    ]


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_file_replaces_what_it_names(tmp_path: Path) -> None:
    text = """
    [optim]
    lr = 1
    schedule = "linear"
    [run]
    micro_batch = 2
    layout = "packed"
    """
    config = override_from(PRESETS["tiny"], write(tmp_path / "a.toml", text))

    changed = {key: value for key, value, _ in differences(config, PRESETS["tiny"])}
    assert changed == {
        "optim.lr": 1.0,
        "optim.schedule": "linear",
        "run.micro_batch": 2,
        "run.layout": "packed",
    }
    assert type(config.optim.lr) is float


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr = 1", r"found lr outside any table; put it below its section"),
        (
            "[optim]\nlrr = 1",
            r"a\.toml: optim\.lrr: no such .*did you mean optim\.lr\?",
        ),
        ("[optimm]\nlr = 1", r"optimm\.lr: no such .*did you mean optim\.lr\?"),
        ('[optim]\nlr = "1"', r"a\.toml: optim\.lr: found '1', expected a number"),
        ("[run]\nsteps = 1.5", r"run\.steps: found 1\.5, expected an integer"),
        ("[run]\nsteps = true", r"run\.steps: found True, expected an integer"),
        ("[run]\nlayout = 3", r"run\.layout: found 3, expected a text in quotes"),
        ('[run]\nlayout = "x"', r"run\.layout: found 'x', expected padded or"),
        ("[run]\nsteps = 0", r"run\.steps: found 0, expected at least 1"),
        ("[run", r"a\.toml: not readable as TOML"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        override_from(PRESETS["tiny"], write(tmp_path / "a.toml", text))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"b\.toml: not readable as TOML \(No such"):
        override_from(PRESETS["tiny"], tmp_path / "b.toml")
