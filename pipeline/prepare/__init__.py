"""Documents to a store, in parts that can be repeated.

    prepare.py                            the whole of it
    cache_key.py, stat_cache.py           is the store up to date?
    staging.py, parts.py, encode.py       work that survives a kill
    pool.py, ray_pool.py                  processes that do it
    previous_store.py                     what an old store already has
    merge.py, selection.py, splits.py, near_duplicates.py   which documents are kept

A part is a function of its inputs, so it can be lost and done again.
"""

from .prepare import PrepareOptions, PrepareReport, prepare

__all__ = [
    "PrepareOptions",
    "PrepareReport",
    "prepare",
]
