"""Train or validation, by group: a document's neighbours are never on the other side.

The split depends on the group's name and the seed alone, so it stays where it is when
documents are added, removed or put in another order.
"""

import hashlib

from ...data.store import Split

__all__ = ["VAL_PER_10000", "split_of"]

VAL_PER_10000 = 1000


def split_of(group: str, *, seed: int) -> Split:
    """The split of a group: sha256(seed ‖ 0 ‖ group) mod 10,000 below 1,000 is val."""
    name = f"{seed}\0{group}".encode("utf-8", "surrogatepass")
    number = int.from_bytes(hashlib.sha256(name).digest(), "big")
    return "val" if number % 10_000 < VAL_PER_10000 else "train"
