"""How a store is made.

    sources ─▶ parse ─▶ canonical JSON ─▶ tokenizer ─▶ writer ─▶ store
                                             ▲
              clauses ─▶ schema ─▶ simplify ─┴─ merges (train_tokenizer)

`prepare` walks through it once.
"""
