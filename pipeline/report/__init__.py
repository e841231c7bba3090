"""Report on stores and tokenizers, for people.

    summary.py        the counts of a store: report.json
    tables.py         tables of `tct prepare` and `tct tokenizer`
    store_tables.py   tables of `tct store`
    page.py           the summary as HTML

Counts that the manifest records are taken from there.
"""
