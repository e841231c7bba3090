"""Named configurations, and overrides by a file and by `--set key=value`."""

import difflib
import json
import tomllib
import types
import typing
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..data.errors import ConfigError
from ..data.files import open_regular
from .config import (
    SECTIONS,
    Config,
    DataConfig,
    ModelConfig,
    OptimConfig,
    RunConfig,
    from_dict,
    to_dict,
)

Value = int | float | str

__all__ = ["PRESETS", "compose", "override", "override_from", "preset"]

_FAST = OptimConfig(optimizer="muon", schedule="linear", min_lr_ratio=0.0)

PRESETS = {
    # 2,883,840 parameters, for two CPU cores and the example corpus.  The rate is near
    # the highest that trains (1e-2 does not), and many small steps learn faster than
    # few large ones: after six epochs in steps of four windows the validation loss is
    # 1.6, in steps of eight 2.2.
    "tiny": Config(
        model=ModelConfig(width=128, layers=4, heads=4),
        data=DataConfig(batch_size=4),
        optim=OptimConfig(lr=5e-3, warmup_steps=50),
        run=RunConfig(steps=500, eval_every=100, save_every=250),
    ),
    # 9 % fewer bits per byte at equal tokens
    # (benchmarks/results/recipes_2-core-x86_2026-11-26.md).
    "tiny-fast": Config(
        model=ModelConfig(width=128, layers=4, heads=4),
        data=DataConfig(batch_size=4),
        optim=replace(_FAST, lr=5e-3, warmup_steps=50),
        run=RunConfig(steps=500, eval_every=100, save_every=250),
    ),
    # 20,448,000 parameters: two thirds of the layers of workflow-27m.
    "workflow-20m": Config(model=ModelConfig(layers=8)),
    # 27,525,888 parameters, about 18 passes over 90,000 documents.
    "workflow-27m": Config(),
    # 13 % fewer bits per byte after 1,000 steps, and 12 % at a rate of 1e-3
    # (benchmarks/results/gpu_h100_2026-11-27.md).
    "workflow-27m-fast": Config(optim=replace(_FAST, lr=3e-3)),
    # 97,519,104 parameters, for more documents: with 183 million, 90,000 documents were
    # soon memorised.
    "workflow-100m": Config(model=ModelConfig(width=768, heads=12)),
}

_KEYS = {
    f"{section}.{name}": hint
    for section, kind in SECTIONS.items()
    for name, hint in typing.get_type_hints(kind).items()
    if name != "SECTION"
}
_KINDS = {int: "an integer", float: "a number", bool: "true or false"}
_UNIONS = (typing.Union, types.UnionType)
_BOOLS = {"true": True, "false": False}
_LISTED = "data.context"
"""The key whose value may be a list, which is written as in JSON and in TOML."""


def preset(
    name: str, overrides: Sequence[str] = (), /, **settings: Value | None
) -> Config:
    """The preset of this name with some settings changed.

        preset("tiny", ["optim.lr=1e-3"])
        preset("tiny", steps=100, lr=1e-3)

    Args:
        name: a key of PRESETS.
        overrides: each `key=value`, as for `override`; the last one to name a key wins.
        settings: the same as arguments, by the last part of a key.

    Raises:
        ConfigError: an unknown preset or key, or a value that does not fit.
    """
    if name not in PRESETS:
        raise ConfigError(
            f"preset {name!r}: no such preset, expected one of {', '.join(PRESETS)}",
            _did_you_mean(name, PRESETS, "give one of these with --preset"),
        )
    changes = [f"{key}={value}" for key, value in settings.items()]
    return override(PRESETS[name], [*overrides, *changes])


def compose(start: str | Config, file: Path | None, overrides: Sequence[str]) -> Config:
    """Compose a configuration of three layers; the last one to name a key wins.

    Args:
        start: the name of a preset, or the configuration of a run.
        file: settings in TOML, or None.
        overrides: each `key=value`.

    Raises:
        ConfigError: an unknown preset or key, no TOML, or a value that does not fit.
    """
    config = preset(start) if isinstance(start, str) else start
    if file is not None:
        config = override_from(config, file)
    return override(config, overrides)


def override(config: Config, overrides: Sequence[str]) -> Config:
    """Apply every `key=value` to a configuration; the last one wins.

    A key is dotted, `optim.lr`; its last part suffices.  `context` is the model's.

    Raises:
        ConfigError: an unknown key, or a value that does not fit.
    """
    values = to_dict(config)
    for text in overrides:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(
                f"override {text!r}: found no '=', expected key=value",
                "write it like --set optim.lr=1e-3",
            )
        key = _full_key(name.strip())
        section, _, item = key.partition(".")
        values[section][item] = _parse(key, value.strip())
    return from_dict(values)


def override_from(config: Config, path: Path) -> Config:
    """Apply a TOML file, whose tables are the sections, to a configuration.

    Raises:
        ConfigError: no such file, no TOML, an unknown key, or a value that does not
            fit.
    """
    try:
        with open_regular(path) as file:
            content = tomllib.load(file)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(
            f"{path}: not readable as TOML ({reason})",
            "write tables such as [optim] with lines such as lr = 1e-3",
        ) from error
    values = to_dict(config)
    for section, settings in content.items():
        if not isinstance(settings, dict):
            raise ConfigError(
                f"{path}: found {section} outside any table",
                "put it below its section, such as [optim]",
            )
        for name, value in settings.items():
            try:
                key = _full_key(f"{section}.{name}")
            except ConfigError as error:
                raise ConfigError(f"{path}: {error.problem}", error.hint) from error
            values[section][name] = _checked(path, key, value)
    return from_dict(values)


def _checked(path: Path, key: str, value: Any) -> Value:
    """Check that a value from TOML has the type of its key."""
    if key == _LISTED:
        return typing.cast("Value", value)  # which the Config checks
    kind = next(iter(typing.get_args(_KEYS[key])), _KEYS[key])
    kind = kind if kind in _KINDS else str
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        expected = _KINDS.get(kind, "a text in quotes")
        raise ConfigError(
            f"{path}: {key}: found {value!r}, expected {expected}",
            "change it, or leave it out for the preset's value",
        )
    return typing.cast("Value", value)


def _full_key(name: str) -> str:
    if name in _KEYS:
        return name
    for key in _KEYS:  # two sections have a `context`, and the model's is first
        if key.rpartition(".")[2] == name:
            return key
    expected = "a dotted key such as optim.lr"
    candidates = [*_KEYS, *(key.rpartition(".")[2] for key in _KEYS)]
    raise ConfigError(
        f"{name}: no such configuration key, expected {expected}",
        _did_you_mean(name, candidates, "known keys: " + ", ".join(_KEYS)),
    )


def _did_you_mean(name: str, known: Any, otherwise: str) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {_dotted(near[0])}?" if near else otherwise


def _dotted(name: str) -> str:
    return next((key for key in _KEYS if key.endswith(f".{name}")), name)


def _parse(key: str, text: str) -> Value | None:
    hint = _KEYS[key]
    kinds = typing.get_args(hint) if typing.get_origin(hint) in _UNIONS else (hint,)
    if types.NoneType in kinds and text.lower() == "none":
        return None
    if key == _LISTED:
        return _parse_json(text)
    kind = kinds[0]
    if kind not in _KINDS:
        return text  # one of a few words, which the Config checks
    try:
        return (
            _BOOLS[text.lower()] if kind is bool else typing.cast("Value", kind(text))
        )
    except (KeyError, ValueError):
        expected = _KINDS[kind] + (" or none" if types.NoneType in kinds else "")
        raise ConfigError(
            f"{key}: found {text!r}, expected {expected}",
            f"give another value with --set {key}=…",
        ) from None


def _parse_json(text: str) -> Value:
    try:
        return typing.cast("Value", json.loads(text))
    except (ValueError, RecursionError):
        return text  # which the Config refuses
