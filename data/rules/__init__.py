"""What GitHub asks of a workflow beyond its schema.

    places.py     the rule of the whole document     rule.py    what a rule can say
    events.py     of `on`                            jobs.py    of `jobs`
    contexts.py   contexts and functions by place    forms.py   the languages of texts

All of it is data, with its sources; `tokenizer/strict/` makes masks of it.
"""
