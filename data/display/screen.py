"""The terminal as all commands write to it: text cannot act as markup or control."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from .visible import visible, visible_lines

__all__ = ["Screen"]


class Screen(Console):
    """A rich console without markup that escapes control characters.

    A `str` becomes one line, in tables too; a `Text` keeps its lines.  Only rich
    itself sets colours and moves the cursor.
    """

    def __init__(self, **options: Any) -> None:
        """Write to stdout, or to stderr with `stderr=True`; options are rich's."""
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Escape before the text is measured and laid out."""
        return super().render_str(visible(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Escape a `Text`, which does not pass through `render_str`."""
        for segment in super().render(renderable, options):
            yield (
                segment
                if segment.control
                else segment._replace(text=visible_lines(segment.text))
            )
