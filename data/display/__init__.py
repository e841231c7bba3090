"""Output of all commands: escaped text, the terminal, figures, pages.

visible.py   escape control characters
screen.py    a rich console that shows text as text
progress.py  progress, as a job reports it      bars.py   and as it is shown
figures.py   Matplotlib to PNG, SVG or HTML     html.py   pages without scripts
"""
