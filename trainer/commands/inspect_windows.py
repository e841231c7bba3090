"""`tct inspect-windows`: options, and the mode they ask for."""

import json
import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...data.display.visible import visible
from ...data.windows import POLICIES
from ...data.windows.layouts import LAYOUTS

if TYPE_CHECKING:
    from ...data.windows.batches import Batches
    from ..inspect.view import View

__all__ = ["inspect_windows", "parse_epochs"]

_PATH = click.Path(path_type=Path)
_COUNT, _FROM_0 = click.IntRange(min=1), click.IntRange(0, 2**62)

# Options that go with each mode; "" is the mode without an option of its own.
_MODES = {
    "prove": {"prove", "plot"},
    "when": {"when", "epochs"},
    "step": {"step", "epoch", "rank", "world", "limit"},
    "epochs": {"epochs", "doc", "plot"},
    "doc": {"doc", "epoch", "plot"},
    "": {"epoch", "limit", "plot"},
}
# Goes with every mode, but for --windows, which --prove refuses.
_ORDER = ("split", "batch_size", "seed", "policy", "layout", "rows")
_OF_RUN = {"data.context": "context", "run.steps": "steps"}
_ANYWHERE = {"run_folder", *_ORDER, *_OF_RUN.values()}
_MAX_EPOCHS = 10_000
_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_DEFAULT_LIMITS = {"": 20, "step": 6}
_DEFAULT_EPOCHS = (0, 1, 2, 3)


def parse_epochs(text: str) -> list[int]:
    """Parse `0-31`, `7`, or several of these, `0,4,8-11`; ascending, each once.

    Raises:
        ValueError: `text` has another form, or too many epochs.
    """
    found: set[int] = set()
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        first, last = match.groups(default="") if match else ("1", "0")
        numbers = range(int(first), int(last or first) + 1)
        if not numbers:
            expected = "expected A-B with A <= B, a number, or several with commas"
            raise ValueError(f"found {text!r}, {expected}")
        if len(numbers) > _MAX_EPOCHS:
            raise ValueError(f"found {text!r}, expected at most {_MAX_EPOCHS:,} epochs")
        found.update(numbers)
    return sorted(found)


def _epochs(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> list[int] | None:
    try:
        return None if value is None else parse_epochs(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


@click.command("inspect-windows")
@click.argument("stores", nargs=-1, required=True, metavar="STORE[=WEIGHT]…")
@click.option("--epoch", type=_FROM_0, help="The epoch to show.  [default: 0]")
@click.option(
    "--epochs",
    callback=_epochs,
    metavar="A-B",
    help="Show how the cuts of one document move: 0-31, or 0,4,8; with --when, the "
    "epochs to search.  [default with --when: 0-3]",
)
@click.option(
    "--doc",
    metavar="ROW|PATH|SHA256",
    help="Show one document: its text, and where its windows begin.",
)
@click.option(
    "--step",
    type=_FROM_0,
    help="Show the batch of this step of the epoch, token by token.",
)
@click.option(
    "--rank", type=_FROM_0, help="With --step: show only the slice of this rank."
)
@click.option("--world", type=_COUNT, help="With --step: the number of ranks.")
@click.option(
    "--when",
    metavar="ROW|PATH|SHA256",
    help="Show the steps that train a document.",
)
@click.option(
    "--prove",
    is_flag=True,
    default=None,
    help="Count what every policy does with every token; exit code 1 if a "
    "guarantee is broken.",
)
@click.option(
    "--limit",
    type=_FROM_0,
    help="Show at most this many documents, or with --step tokens of a window; 0 "
    "for all.  [default: 20, or 6]",
)
@click.option(
    "--plot",
    type=_PATH,
    metavar="FILE",
    help="Also draw a figure to a .png, .svg or .html file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.option(
    "--run",
    "run_folder",
    type=_PATH,
    metavar="RUN",
    help="Take the options below from a training run.",
)
@click.option(
    "--windows",
    "policy",
    type=click.Choice(POLICIES),
    help="How documents are cut.  [default: plan]",
)
@click.option(
    "--split",
    type=click.Choice(["train", "val"]),
    help="Which split to show.  [default: train]",
)
@click.option(
    "--context",
    metavar="N|LIST",
    help="Content tokens of a window, or a list such as [[0, 512], [0.5, 1024]]: "
    "starts are shares of --steps.  [default: 1024]",
)
@click.option("--steps", type=_COUNT, help="Steps of the run.  [default: 50000]")
@click.option("--batch-size", type=_COUNT, help="Windows per step.  [default: 32]")
@click.option("--seed", type=_FROM_0, help="Seed of the data order.  [default: 0]")
@click.option(
    "--layout",
    type=click.Choice(LAYOUTS),
    help="How the windows of a step lie in memory.  [default: padded]",
)
@click.option(
    "--micro-batch",
    "rows",
    type=_COUNT,
    help="Rows per forward pass, at most.  [default: 8]",
)
def inspect_windows(
    stores: tuple[str, ...], plot: Path | None, as_json: bool, **asked: Any
) -> None:
    """Show exactly which windows of which documents training sees, and when.

    Several stores are shown as `tct train` mixes them.
    Without --epochs, --doc, --step, --when or --prove, it shows one epoch.

    \b
    Example:
      tct inspect-windows store --epoch 3
      tct inspect-windows store --epochs 0-31
      tct inspect-windows store --doc 12 --epoch 3
      tct inspect-windows store --step 100 --run run
      tct inspect-windows store --when 12
      tct inspect-windows store --prove --plot policies.svg
    """
    from ...data.display.figures import check_figure_path
    from ...data.display.progress import print_note
    from ...data.store import open_stores
    from ..config import Config
    from ..inspect.run import open_batches, run_config
    from ..presets import override

    mode = _mode({**asked, "plot": plot})
    if plot is not None:
        check_figure_path(plot, option="--plot")
    store = open_stores(stores, note=print_note)
    run_folder = asked.pop("run_folder")
    config = Config() if run_folder is None else run_config(run_folder, store)
    given = {key: asked.pop(name) for key, name in _OF_RUN.items()}
    config = override(config, [f"{k}={v}" for k, v in given.items() if v is not None])
    order = {name: asked.pop(name) for name in _ORDER}
    view = _view(mode, partial(open_batches, store, config, **order), **asked)
    lines = _print(view, as_json=as_json)
    if plot is not None:
        _save(plot, view, lines or view.lines)
    if not view.is_fine:
        raise click.exceptions.Exit(1)


def _mode(given: dict[str, Any]) -> str:
    """The mode that the options ask for.

    Raises:
        UsageError: an option does not go with the mode, or the rank is not below the
            world size.
    """
    names = {name for name, value in given.items() if value is not None}
    mode = next(mode for mode in _MODES if not mode or mode in names)
    for name in sorted(names - _MODES[mode] - _ANYWHERE):
        _refuse(name, mode)
    if mode == "prove" and "policy" in names:
        raise click.UsageError("--windows does not go with --prove, which shows all")
    rank, world = given["rank"] or 0, given["world"] or 1
    if rank >= world:
        expected = f"expected 0 to {world - 1} with --world {world}"
        raise click.UsageError(f"--rank: found {rank}, {expected}")
    return mode


def _refuse(name: str, mode: str) -> None:
    spelled = {key: f"--{key}" if key else "the picture of an epoch" for key in _MODES}
    if name in _MODES and name != "epochs":  # a mode of its own
        raise click.UsageError(f"--{name} and --{mode} exclude each other")
    places = (spelled[key] for key, options in _MODES.items() if name in options)
    raise click.UsageError(
        f"--{name} does not go with {spelled[mode]}, only with {' or '.join(places)}"
    )


def _view(mode: str, batches_of: "Callable[..., Batches]", **asked: Any) -> "View":
    """Load the module of one mode, and call it."""
    epoch, epochs, limit = asked["epoch"] or 0, asked["epochs"], asked["limit"]
    limit = (_DEFAULT_LIMITS.get(mode) if limit is None else limit) or None
    if mode == "prove":
        return _prove(batches_of)
    batches = batches_of(rank=asked["rank"] or 0, world_size=asked["world"] or 1)
    row = _row(batches, asked["when"] if mode == "when" else asked["doc"])
    if mode == "step":
        from ..inspect.step import step_view

        return step_view(batches, epoch, asked["step"], limit)
    if mode == "epochs":
        from ..inspect.epochs import epochs_view

        return epochs_view(batches, row, epochs)
    if row is None:
        from ..inspect.epoch import epoch_view

        return epoch_view(batches, epoch, limit)
    if mode == "when":
        from ..inspect.when import when_view

        return when_view(batches, row, epochs or _DEFAULT_EPOCHS)
    from ..inspect.document import document_view

    return document_view(batches, row, epoch)


def _prove(batches_of: "Callable[..., Batches]") -> "View":
    from ...data.display.bars import open_progress
    from ..inspect.guarantees import guarantee_view

    each = [batches_of(policy=name) for name in POLICIES]
    with open_progress() as progress:
        return guarantee_view(each, progress)


def _row(batches: "Batches", name: str | None) -> int | None:
    from ...data.store.find import find_document

    return None if name is None else find_document(batches.store, name)


def _print(view: "View", *, as_json: bool) -> "list[Any]":
    """Print a view; return the lines that were printed."""
    from ..inspect.view import show

    if as_json:
        for record in view.records:
            click.echo(json.dumps(record))
        return []
    lines = list(view.lines)
    show(lines)
    return lines


def _save(plot: Path, view: "View", lines: Iterable[Any]) -> None:
    """Draw a view; an HTML page also has its lines, for readers who cannot see it."""
    from ...data.display.figures import save_figure

    assert view.figure is not None  # of the modes that --plot goes with
    # A rich Text is its plain text as a str.
    title, *rest = map(str, lines)
    save_figure(plot, view.figure(), title=title, text="\n".join(rest))
    click.echo(visible(f"{plot}: written"), err=True)
