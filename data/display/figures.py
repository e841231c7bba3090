"""The look of all figures, and how they are written.

A figure is a PNG, an SVG, or a page of HTML that loads nothing else.  Files are written
atomically, the same figure gives the same SVG, and text is legible on a light and on a
dark page.  Matplotlib, an optional dependency, is loaded when it is used.
"""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..files import write_atomic
from .html import page
from .visible import to_html

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["INK", "check_figure_path", "label_axes", "new_figure", "save_figure"]

INK = "#24292f"
"""Colour of text and lines; a page replaces it by its own."""

_WIDTH_INCHES = 9.0
_SUFFIXES = (".png", ".svg", ".html")


def check_figure_path(path: Path, *, option: str) -> None:
    """Refuse a path that cannot be drawn to, before anything is computed.

    Args:
        path: the file to write.
        option: the option that named it, for the message.

    Raises:
        ConfigError: a file of another kind, or Matplotlib is not installed.
    """
    if path.suffix not in _SUFFIXES:
        raise ConfigError(
            f"{option} {path}: found suffix {path.suffix!r}, "
            f"expected {' or '.join(_SUFFIXES)}",
            "choose one of these",
        )
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"{option}: matplotlib is not installed",
            "install the extra with pip install 'tct-workflows[plot]'",
        ) from error


def new_figure(*, height: float) -> "Figure":
    """An empty figure, `height` inches high, of the common width."""
    from matplotlib.figure import Figure

    return Figure(figsize=(_WIDTH_INCHES, height), layout="constrained")


def label_axes(axes: "Axes", *, title: str, x: str = "", y: str = "") -> None:
    """Label axes, in the common style."""
    axes.set_title(title, fontsize=9, color=INK, loc="left", parse_math=False)
    axes.set_xlabel(x, fontsize=8, color=INK)
    axes.set_ylabel(y, fontsize=8, color=INK)
    axes.tick_params(labelsize=7, colors=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(INK)
    axes.patch.set_alpha(0)


def save_figure(path: Path, figure: "Figure", *, title: str, text: str) -> None:
    """Write a figure, atomically.

    Args:
        path: a .png, .svg or .html file.
        figure: made by `new_figure`.
        title: heading of an HTML page.
        text: monospaced lines below the figure of an HTML page.
    """
    if path.suffix == ".html":
        data = _page(figure, title, text).encode()
    else:
        data = _image(figure, path.suffix[1:])
    write_atomic(path, lambda file: file.write(data))


def _image(figure: "Figure", kind: str, *, transparent: bool = False) -> bytes:
    from matplotlib import rc_context

    buffer = io.BytesIO()
    metadata = {"Date": None, "Creator": "tct"} if kind == "svg" else {"Software": None}
    # Without a salt, the ids in an SVG are random.
    with rc_context({"svg.hashsalt": "tct", "svg.fonttype": "none"}):
        figure.savefig(
            buffer,
            format=kind,
            dpi=150,
            metadata=metadata,
            transparent=transparent,
        )
    return buffer.getvalue()


def _page(figure: "Figure", title: str, text: str) -> str:
    # The page has a background of its own, light or dark.
    svg = _image(figure, "svg", transparent=True).decode()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor").strip()
    shown = "\n".join(map(to_html, text.strip("\n").split("\n")))
    drawn = f'<figure style="margin: 0">\n{svg}\n</figure>'
    return page(title, [drawn, f"<pre>\n{shown}\n</pre>"])
