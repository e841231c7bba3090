"""Make stores and tokenizers from documents.

sources ─▶ parts: parse ─▶ canonical JSON ─▶ tokenizer ─▶ merge ─▶ store
                                                ▲
compiler     JSON Schema ─▶ grammar ────────────┤
vocabulary   merges ─▶ tokens that save most ───┘

sources/              where inputs come from, and how each format is read
prepare/              documents to a store, in parts that survive a kill
compiler/             JSON Schema to grammar
vocabulary/           learn a tokenizer, and measure one
report/               summaries as tables, JSON and HTML
commands/             `tct prepare`, `tct store`, `tct tokenizer`
workflow_schema.py    the schema of GitHub Actions workflows
schema_file.py        the schema of another kind of documents
"""
