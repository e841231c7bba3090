"""What people are told of a store and a tokenizer.

    summary.py        figures of a store, as report.json holds them
    tables.py         tables of `tct prepare` and `tct tokenizer`
    store_tables.py   tables of `tct store`
    page.py           report.html

Nothing here counts anew what a manifest already says.
"""
