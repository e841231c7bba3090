r"""How text that came from an input is shown: in one line, and harmless.

A file name, a key or a message may hold what clears a terminal, colours it, hides text
or turns it round.  Like `repr`, these functions write such characters as escapes
(`\x1b`, `\u202e`, `\n`); visible characters stay as they are, in any script.
"""

import html

__all__ = ["to_html", "visible", "visible_lines"]


def visible(text: str) -> str:
    """`text` in one line: controls, line ends, bidi marks, lone surrogates escaped."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )


def visible_lines(text: str) -> str:
    r"""`text` with the lines that `\n` ends, each of them visible; tabs stay."""
    return "\n".join("\t".join(map(visible, x.split("\t"))) for x in text.split("\n"))


def to_html(text: str) -> str:
    """`text` as HTML or XML text, or as the value of an attribute, in one line."""
    return html.escape(visible(text))
