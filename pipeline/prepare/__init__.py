"""Make a store from documents, in parts that can be lost and redone.

prepare.py              the stages: hash, select, tokenize, write
  options.py              what it is told, and what it returns
  cache_key.py            is the store up to date?
  stat_cache.py           hashes of files that have not changed
  staging.py              the folder that survives a kill
  parts.py                some hundred inputs, the unit of work
    encode.py               one input to a document or a reject
    previous_store.py       documents that need not be encoded again
  pool.py, ray_pool.py    processes that do the parts
  merge.py                parts to a store
  selection/              which inputs are parsed, which documents are kept
"""

from .options import PrepareOptions, PrepareReport
from .prepare import prepare

__all__ = [
    "PrepareOptions",
    "PrepareReport",
    "prepare",
]
