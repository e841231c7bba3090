"""Open what the command line gives for a store: one, several with weights, or a file.

    tct train store
    tct train github gitlab=0.3
    tct train s3://bucket/github s3://bucket/gitlab=0.3
    tct train mixture.toml

The file has a table per stage; its paths are relative to it:

    [[stage]]
    stores = { "github" = 1, "gitlab" = 0.3 }

    [[stage]]
    after = 0.8     # of the steps; a number from 1 on is a step
    stores = { "gitlab" = 1 }
"""

import os
import re
import tomllib
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

from ..errors import ConfigError
from ..files import open_regular
from ..remote import is_uri, public_uri
from .mixture import MixStage, mix
from .store import Store

__all__ = ["open_stores"]

# Exact, and with few digits: positions in a store are multiples of it.
_WEIGHT = re.compile(r"[0-9]{1,4}(\.[0-9]{1,6})?")
_MOST = 1000
_EXPECTED = f"a positive number up to {_MOST:,} such as 0.3"
_EXAMPLE = 'write stores = { "path" = 1, "other" = 0.3 } below [[stage]]'

_Weights = dict[str, Fraction]
_Stages = list[tuple[Fraction, _Weights]]


def open_stores(
    arguments: Sequence[str | Path], *, note: Callable[[str], None] = lambda text: None
) -> Store:
    """Open one store, or several as a `Mixture`.

    Args:
        arguments: `PATH`, `PATH=WEIGHT`, or one TOML file; a path may be a URI.
        note: see `Store.open`.

    Raises:
        ConfigError: a weight, a file or a combination of stores that does not fit.
        FormatError, CorruptError, SourceError: see `Store.open`.
    """
    texts = [os.fspath(argument) for argument in arguments]
    if len(texts) == 1 and texts[0].endswith(".toml") and Path(texts[0]).is_file():
        stages = _read_stages(Path(texts[0]))
    else:
        stages = [(Fraction(0), _parse(texts))]
        if list(stages[0][1].values()) == [1]:
            return Store.open(next(iter(stages[0][1])), note=note)
    paths = list(dict.fromkeys(path for _, weights in stages for path in weights))
    return mix(
        [Store.open(path, note=note) for path in paths],
        [
            MixStage(
                after=after,
                weights=tuple(weights.get(path, Fraction(0)) for path in paths),
            )
            for after, weights in stages
        ],
        arguments=list(map(_spelled, texts)),
    )


def _parse(arguments: Sequence[str]) -> _Weights:
    weights: _Weights = {}
    for argument in arguments:
        name, text = _split(argument)
        weight = _weight(text)
        if weight is None:
            raise ConfigError(
                f"{_spelled(argument)}: found weight {text!r}, expected {_EXPECTED}",
                "write PATH or PATH=WEIGHT",
            )
        key = name if is_uri(name) else str(Path(name))
        if key in weights:
            name = _spelled(name)
            raise ConfigError(
                f"{name}: found the same store twice, expected each once",
                f"give it once, with a weight such as {name}=2",
            )
        weights[key] = weight
    return weights


def _split(argument: str) -> tuple[str, str]:
    """A path and its weight."""
    name, equals, weight = argument.rpartition("=")
    if is_uri(argument):
        # The first = of an option belongs to it: s3://bucket/store?scheme=http=0.3
        option = re.split("[?&]", argument)[-1]
        is_whole = "?" in argument and option.count("=") < 2
    else:
        is_whole = Path(argument).exists()  # a folder may have = in its name
    return (argument, "1") if is_whole or not equals else (name, weight)


def _spelled(argument: str) -> str:
    """An argument without secrets."""
    if not is_uri(argument):
        return argument
    name = _split(argument)[0]
    return public_uri(name) + argument.removeprefix(name)


def _weight(text: str) -> Fraction | None:
    weight = Fraction(text) if _WEIGHT.fullmatch(text) else Fraction(0)
    return weight if 0 < weight <= _MOST else None


def _read_stages(path: Path) -> _Stages:
    try:
        with open_regular(path) as file:
            # As texts: a float would not be exact.
            content = tomllib.load(file, parse_float=str)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(
            f"{path}: not readable as TOML ({reason})", _EXAMPLE
        ) from error
    tables = content.get("stage")
    if set(content) != {"stage"} or not isinstance(tables, list) or not tables:
        _refuse(path, "found " + (", ".join(content) or "nothing"), "[[stage]] tables")
    stages = [_stage(f"{path}: stage {n}", t, path) for n, t in enumerate(tables, 1)]
    for number, (after, _) in enumerate(stages):
        if (after == 0) != (number == 0):
            expected = "none in the first stage, and one above 0 in all others"
            _refuse(f"{path}: stage {number + 1}", f"found after = {after}", expected)
    return stages


def _stage(where: str, table: Any, path: Path) -> tuple[Fraction, _Weights]:
    if not isinstance(table, dict) or not {"stores"} <= set(table) <= {
        "stores",
        "after",
    }:
        _refuse(where, f"found {', '.join(table)}", "stores, and after if it is later")
    after, stores = str(table.get("after", 0)), table["stores"]
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", after):
        expected = "a share of the steps such as 0.8, or a step such as 40000"
        _refuse(where, f"found after = {after}", expected)
    if not isinstance(stores, dict) or not stores:
        _refuse(where, "found stores without any", "a weight for each store")
    weights: _Weights = {}
    for name, value in stores.items():
        weight = None if isinstance(value, bool) else _weight(str(value))
        if weight is None:
            _refuse(f"{where}: {_spelled(name)}", f"found weight {value!r}", _EXPECTED)
        weights[name if is_uri(name) else str(path.parent / name)] = weight
    return Fraction(after), weights


def _refuse(where: object, found: str, expected: str) -> NoReturn:
    raise ConfigError(f"{where}: {found}, expected {expected}", _EXAMPLE)
