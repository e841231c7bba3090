"""How a store is made.

    sources ─▶ parse ─▶ canonical JSON ─▶ tokenizer ─▶ writer ─▶ store
                                             ▲
    compiler/  JSON Schema ─▶ grammar ───────┤
    merges ─▶ vocabulary ────────────────────┘

`prepare` walks through it once; `train_tokenizer` makes another tokenizer than the one
that ships; `walkthrough`, `violations` and `tokenizer_stats` look into documents;
`inspector/` shows the windows of a store.  `commands` has the commands of this room.
"""
