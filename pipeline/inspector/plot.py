"""A view as a PNG, an SVG, or a page of HTML that needs nothing else."""

import io
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from ...data.errors import ConfigError
from ...data.files import write_atomic
from .views import View

if TYPE_CHECKING:  # an optional dependency
    from matplotlib.figure import Figure

__all__ = ["check_plot", "save_plot"]

_SUFFIXES = (".png", ".svg", ".html")
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ color: CanvasText; background: Canvas; font: 16px/1.4 system-ui, sans-serif;
       margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }}
svg {{ width: 100%; height: auto; }}
pre {{ font: 13px/1.35 ui-monospace, monospace; overflow-x: auto; }}
</style>
<h1>{title}</h1>
<figure style="margin: 0">
{svg}
</figure>
<pre>
{text}
</pre>
</html>
"""


def check_plot(path: Path) -> None:
    """Refuse what cannot be plotted, before anything is counted.

    Raises:
        ConfigError: a file of another kind, or Matplotlib is not installed.
    """
    if path.suffix not in _SUFFIXES:
        raise ConfigError(
            f"--plot {path}: found suffix {path.suffix!r}, "
            f"expected {' or '.join(_SUFFIXES)}",
            "choose one of these",
        )
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "--plot: matplotlib is not installed",
            "install the extra with pip install 'tct-workflows[plot]'",
        ) from error


def save_plot(path: Path, view: View, lines: list[Text | str]) -> None:
    """Write the figure of a view, atomically; the same view gives the same SVG.

    Args:
        path: a .png, .svg or .html file.
        view: one that has a figure.
        lines: what the terminal shows, for a page.
    """
    assert view.figure is not None
    figure = view.figure()
    if path.suffix == ".html":
        data = _page(figure, lines).encode()
    else:
        data = _image(figure, path.suffix[1:])
    write_atomic(path, lambda file: file.write(data))


def _image(figure: "Figure", kind: str, *, transparent: bool = False) -> bytes:
    from matplotlib import rc_context

    buffer = io.BytesIO()
    metadata = {"Date": None, "Creator": "tct"} if kind == "svg" else {"Software": None}
    # Without the salt, the ids in an SVG are drawn at random.
    with rc_context({"svg.hashsalt": "tct", "svg.fonttype": "none"}):
        figure.savefig(
            buffer,
            format=kind,
            dpi=150,
            metadata=metadata,
            transparent=transparent,
        )
    return buffer.getvalue()


def _page(figure: "Figure", lines: list[Text | str]) -> str:
    from .figures import INK

    # The page has a background of its own, light or dark.
    svg = _image(figure, "svg", transparent=True).decode()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor").strip()
    texts = [line.plain if isinstance(line, Text) else line for line in lines]
    return _PAGE.format(
        title=escape(texts[0]), svg=svg, text=escape("\n".join(texts[1:])).strip("\n")
    )
