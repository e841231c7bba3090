"""How a store is made.

    sources ─▶ parts: parse ─▶ canonical JSON ─▶ tokenizer ─▶ merge ─▶ writer ─▶ store
                                                   ▲
    compiler/  JSON Schema ─▶ grammar ─────────────┤
    merges ─▶ vocabulary ──────────────────────────┘

    prepare.py       the path as a whole
      cache_key.py     what a store is made from     stat_cache.py  without reading it
      staging.py       where it is made, and how it takes its place
      parts.py         the unit of work              outcomes.py    what inputs become
      engines.py       who does it                   ray_engine.py  or a cluster
      earlier.py       what the old store knows
      merge.py         parts ─▶ store                selection.py   which documents
                                                     near_duplicates.py

`prepare` walks through it once; `train_tokenizer` makes another tokenizer than the one
that ships; `walkthrough`, `violations` and `tokenizer_stats` look into documents;
`inspector/` shows the windows of a store.  `commands` has the commands of this room.
"""
