"""Make a store from documents, in parts that can be lost and redone.

prepare.py              the three stages: hash, tokenize, write
  cache_key.py            is the store up to date?
  stat_cache.py           hashes of files that have not changed
  staging.py              the folder that survives a kill
  parts.py                some hundred inputs, the unit of work
    encode.py               one input to a document or a reject
    previous_store.py       documents that need not be encoded again
  pool.py, ray_pool.py    processes that do the parts
  merge.py                parts to a store
    selection.py            which documents are kept, and in which split
    near_duplicates.py      MinHash signatures
"""

from .prepare import PrepareOptions, PrepareReport, prepare

__all__ = [
    "PrepareOptions",
    "PrepareReport",
    "prepare",
]
