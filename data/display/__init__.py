"""Show things: escaped text, the terminal, tables, figures, pages.

    visible.py    escape control characters
    screen.py     a rich console that shows text as text
    tables.py     tables of facts and of columns
    progress.py   progress, as a job reports it      bars.py   and as it is shown
    figures.py    Matplotlib to PNG, SVG or HTML     html.py   pages without scripts

Nothing here knows what it shows.
"""
