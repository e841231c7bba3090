"""What GitHub asks of a workflow beyond its schema.

    places.py     the rule of the whole document     rule.py    what a rule can say
    events.py     of `on`                            jobs.py    of `jobs`
    contexts.py   contexts and functions by place    forms.py   the languages of texts
    github.json   GitHub's own schema                schema.py  its types

All of it is data, with its sources.  `tokenizer/strict/` makes masks of the first six,
which say what to write; `check/` reads by `forms.py` and GitHub's own schema, which say
what is accepted.
"""
