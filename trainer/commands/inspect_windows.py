"""`tct inspect-windows`: its options, and which mode they ask for."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...data.display.visible import visible
from ...data.windows import POLICIES
from ...data.windows.layouts import LAYOUTS

if TYPE_CHECKING:
    from ...data.store import Store
    from ..inspect.settings import Settings
    from ..inspect.views import View

__all__ = ["inspect_windows", "parse_epochs"]

_PATH = click.Path(path_type=Path)
_COUNT, _FROM_0 = click.IntRange(min=1), click.IntRange(0, 2**62)

# What goes with the option that chooses a mode; "" is the mode without one.
_MODES = {
    "prove": {"prove", "plot"},
    "when": {"when", "epochs"},
    "step": {"step", "epoch", "rank", "world", "limit"},
    "epochs": {"epochs", "doc", "plot"},
    "doc": {"doc", "epoch", "plot"},
    "": {"epoch", "limit", "plot"},
}
_MAX_EPOCHS = 10_000
_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_DEFAULT_LIMITS = {"": 20, "step": 6}


def parse_epochs(text: str) -> list[int]:
    """`0-31`, `7`, or several of these, `0,4,8-11`: ascending, each once.

    Raises:
        ValueError: it is nothing of the kind.
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
@click.argument("store_folder", type=_PATH, metavar="STORE")
@click.option("--epoch", type=_FROM_0, help="Pass over the data.  [default: 0]")
@click.option(
    "--epochs",
    callback=_epochs,
    metavar="A-B",
    help="How the cuts of one document move: 0-31, or 0,4,8; with --when, where to "
    "look.  [default with --when: 0-3]",
)
@click.option(
    "--doc",
    metavar="ROW|PATH|SHA256",
    help="One document: its text, and where its windows begin.",
)
@click.option(
    "--step", type=_FROM_0, help="The batch of this step of the epoch, token by token."
)
@click.option("--rank", type=_FROM_0, help="With --step: this rank's slice of it.")
@click.option("--world", type=_COUNT, help="With --step: the number of ranks.")
@click.option(
    "--when",
    metavar="ROW|PATH|SHA256",
    help="The steps in which a document is trained.",
)
@click.option(
    "--prove",
    is_flag=True,
    default=None,
    help="Count what every policy does with every token; exit code 1 if a promise "
    "is broken.",
)
@click.option(
    "--limit",
    type=_FROM_0,
    help="Most documents, or with --step most tokens of a window; 0 for all.  "
    "[default: 20, or 6]",
)
@click.option("--plot", type=_PATH, metavar="FILE", help="Also a .png, .svg or .html.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
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
    help="Which documents.  [default: train]",
)
@click.option("--batch-size", type=_COUNT, help="Windows per step.  [default: 32]")
@click.option("--seed", type=_FROM_0, help="Key of the order.  [default: 0]")
@click.option(
    "--layout",
    type=click.Choice(LAYOUTS),
    help="How the windows of a step lie in memory.  [default: padded]",
)
@click.option(
    "--micro-batch",
    "rows",
    type=_COUNT,
    help="Most rows of a forward pass.  [default: 8]",
)
def inspect_windows(
    store_folder: Path,
    plot: Path | None,
    as_json: bool,
    run_folder: Path | None,
    policy: Any,
    split: Any,
    batch_size: int | None,
    seed: int | None,
    layout: Any,
    rows: int | None,
    **asked: Any,
) -> None:
    """Show exactly which windows of which documents training sees, and when.

    Without --epochs, --doc, --step, --when or --prove it draws one epoch.

    \b
    Example:
      tct inspect-windows store --epoch 3
      tct inspect-windows store --epochs 0-31
      tct inspect-windows store --doc 12 --epoch 3
      tct inspect-windows store --step 100 --run run
      tct inspect-windows store --when 12
      tct inspect-windows store --prove --plot promises.svg
    """
    from ...data.display.figures import check_figure_path
    from ...data.store import Store
    from ..inspect.settings import Settings, of_run

    mode = _mode({**asked, "plot": plot, "policy": policy})
    if plot is not None:
        check_figure_path(plot, option="--plot")
    store = Store.open(store_folder)
    settings = Settings() if run_folder is None else of_run(run_folder, store)
    settings = settings.changed(
        split=split,
        batch_size=batch_size,
        seed=seed,
        policy=policy,
        layout=layout,
        rows=rows,
    )
    view = _view(mode, store, settings, **asked)
    lines = _print(view, as_json=as_json)
    if plot is not None:
        _save(plot, view, lines or view.lines)
    if not view.is_fine:
        raise click.exceptions.Exit(1)


def _mode(given: dict[str, Any]) -> str:
    """The mode that the options ask for.

    Raises:
        UsageError: an option does not go with it, or a rank is none of the world.
    """
    names = {name for name, value in given.items() if value is not None}
    mode = next(mode for mode in _MODES if not mode or mode in names)
    for name in sorted(names - _MODES[mode] - {"policy"}):
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


def _view(mode: str, store: "Store", settings: "Settings", **asked: Any) -> "View":
    """What a mode shows."""
    from ...data.display.bars import open_progress
    from ...data.inspection import find_document
    from ..inspect import views

    epoch, limit = asked["epoch"] or 0, asked["limit"]
    limit = (_DEFAULT_LIMITS.get(mode) if limit is None else limit) or None
    if mode == "prove":
        each = [settings.changed(policy=name).batches(store) for name in POLICIES]
        with open_progress() as progress:
            return views.promise_view(each, progress)
    rank, world = asked["rank"] or 0, asked["world"] or 1
    batches = settings.batches(store, rank=rank, world_size=world)
    name = asked["when"] if mode == "when" else asked["doc"]
    row = None if name is None else find_document(store, name)
    if mode == "step":
        return views.step_view(batches, epoch, asked["step"], limit)
    if mode == "epochs":
        return views.epochs_view(batches, row, asked["epochs"])
    if row is None:
        return views.epoch_view(batches, epoch, limit)
    if mode == "when":
        return views.when_view(batches, row, asked["epochs"] or [0, 1, 2, 3])
    return views.document_view(batches, row, epoch)


def _print(view: "View", *, as_json: bool) -> "list[Any]":
    """Show a view; the lines that were shown."""
    from ..inspect.canvas import show

    if as_json:
        for record in view.records:
            click.echo(json.dumps(record))
        return []
    lines = list(view.lines)
    show(lines)
    return lines


def _save(plot: Path, view: "View", lines: Iterable[Any]) -> None:
    """Draw a view, with its lines for those who cannot see it."""
    from ...data.display.figures import save_figure

    assert view.figure is not None  # of the modes that --plot goes with
    # A rich Text is its plain text as a str.
    title, *rest = map(str, lines)
    save_figure(plot, view.figure(), title=title, text="\n".join(rest))
    click.echo(visible(f"{plot}: written"), err=True)
