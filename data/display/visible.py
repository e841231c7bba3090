r"""Escape text from inputs before it is shown.

A file name, a key or a message may contain characters that clear or colour a terminal,
hide text or reverse it.  Like `repr`, these functions write them as escapes (`\x1b`,
`\u202e`, `\n`); visible characters of any script stay.
"""

import html

__all__ = ["to_html", "visible", "visible_lines"]


def visible(text: str) -> str:
    """Escape controls, line ends, bidi marks and lone surrogates: one line."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )


def visible_lines(text: str) -> str:
    r"""Escape each line of `text`; `\n` and tabs stay."""
    return "\n".join("\t".join(map(visible, x.split("\t"))) for x in text.split("\n"))


def to_html(text: str) -> str:
    """Escape `text` for HTML or XML, as text or in an attribute: one line."""
    return html.escape(visible(text))
