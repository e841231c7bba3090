"""`tct inspect-windows`: pictures of what data/inspection/ counts.

    settings.py    what the options mean, taken from a run where one is given
    views.py       what a mode shows: lines, records and a figure
    records.py     the objects of --json
    canvas.py      lines of 80 columns that need no colour
    bars.py        documents to scale
    epoch.py       one epoch, or one document in many
    document.py    the text of a document with its cuts
    step.py        a batch token by token
    when.py        the steps that train a document
    guarantees.py  all policies compared
    figures.py     the pictures of --plot

Nothing here counts: the numbers come from data/inspection/.
"""
