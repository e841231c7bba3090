"""Files in other filesystems: named by a URI, fetched once, checked before use.

    uri.py        a URI: its filesystem, its name in messages, what of it is no secret
    download.py   one file, to a temporary name, compared with its sha256, renamed
    fetcher.py    several files by a few threads, in the order in which they are needed

Nothing here knows what is in the files.
"""

from .download import Expected, is_intact
from .fetcher import FETCHERS, Fetcher
from .uri import HUB, Place, is_uri, public_uri, reaching, resolve

__all__ = [
    "FETCHERS",
    "HUB",
    "Expected",
    "Fetcher",
    "Place",
    "is_intact",
    "is_uri",
    "public_uri",
    "reaching",
    "resolve",
]
