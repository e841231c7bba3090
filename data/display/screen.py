"""The terminal, as all commands write to it: what they show is text, nothing else."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from .visible import visible, visible_lines

__all__ = ["Screen"]


class Screen(Console):
    """A rich console that reads no markup in texts and lets no control through.

    A `str`, also one in a table, becomes one line; a `Text` keeps its lines.  Colours
    and movements come from rich alone.
    """

    def __init__(self, **options: Any) -> None:
        """Write to stdout, or with `stderr=True` there; options are those of rich."""
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Escape before the text is measured and laid out."""
        return super().render_str(visible(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Escape what came as `Text`."""
        for segment in super().render(renderable, options):
            yield (
                segment
                if segment.control
                else segment._replace(text=visible_lines(segment.text))
            )
