"""Mutate valid inputs, and allow three outcomes: a right result, a reject, a TctError.

One test module per boundary (YAML, JSON, tables, archives, store, checkpoint, export,
HTTP) gives valid inputs and a function that reads one.  Every mutation is a pure
function of (boundary, number), so a failure names all that is needed to repeat it.
"""

import os
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tct.data.errors import TctError
from tct.data.rejects import RejectedError

__all__ = ["NUM_SHORT", "NUM_SLOW", "attack", "mutate", "mutations"]

NUM_SHORT = 400
"""Inputs per boundary in CI."""

NUM_SLOW = 1_000_000
"""Inputs per boundary under `-m slow`."""

HOSTILE = [
    b"\0",
    b"\t",
    b"\r",
    b"\n\n",
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",  # a surrogate in UTF-8
    b"\xe2\x80\xa8",  # U+2028
    b"\xc2\x85",  # U+0085
    b"\xef\xbb\xbf",
    b"\x1b[2J",
    b"-1",
    b"1e999",
    b"9223372036854775808",
    b"NaN",
    b"null",
    b"{}",
    b"[" * 64,
    b"&a *a",
    b'"\\ud800"',
    b"../../x",
]
"""Byte strings that break readers, put where a mutation inserts something."""


def mutate(data: bytes, others: Sequence[bytes], choose: random.Random) -> bytes:
    """`data` after one to four small changes, one of them perhaps from `others`."""
    changed = bytearray(data)
    for _ in range(choose.randint(1, 4)):
        at = choose.randint(0, len(changed))
        end = min(len(changed), at + choose.choice([1, 1, 2, 4, 16, 256]))
        match choose.randrange(7):
            case 0 if at < len(changed):
                changed[at] ^= 1 << choose.randrange(8)
            case 1 if at < len(changed):
                changed[at] = choose.randrange(256)
            case 2:
                del changed[at:end]
            case 3:
                changed[at:at] = changed[at:end] * choose.choice([1, 2, 64])
            case 4:
                changed[at:at] = choose.choice(HOSTILE)
            case 5:
                del changed[at:]
            case _:
                other = choose.choice(others)
                start = choose.randint(0, len(other))
                changed[at:end] = other[start : start + choose.choice([4, 32, 512])]
    return bytes(changed)


def mutations(
    name: str, valid: Sequence[bytes], number: int
) -> Iterator[tuple[int, bytes]]:
    """The first `number` mutations of `valid` at the boundary `name`, numbered."""
    for n in range(number):
        choose = random.Random(f"{name} {n}")
        yield n, mutate(choose.choice(valid), valid, choose)


def attack(
    name: str,
    valid: Sequence[bytes],
    read: Callable[[bytes], object],
    number: int = NUM_SHORT,
) -> Counter[str]:
    """Read `number` mutations of `valid`; count how they ended.

    `read` returns when the result is right (it checks that itself, by assertions) and
    raises RejectedError or TctError when the input is refused.

    Returns:
        How often each outcome was seen: "read", "reject:<reason>" or the error's name.

    Raises:
        AssertionError: something else was raised; says which mutation, and where its
            bytes were saved.
    """
    outcomes: Counter[str] = Counter()
    for n, data in mutations(name, valid, number):
        try:
            read(data)
        except RejectedError as reject:
            outcomes[f"reject:{reject.reason}"] += 1
        except TctError as error:
            outcomes[type(error).__name__] += 1
        except Exception as error:
            folder = os.environ.get("TCT_FAILING_INPUTS", tempfile.gettempdir())
            saved = Path(folder) / f"tct-{name}-{n}.bin"
            saved.write_bytes(data)
            raise AssertionError(
                f"{name}: mutation {n} ended in {error!r}; its input is {saved}"
            ) from error
        else:
            outcomes["read"] += 1
    return outcomes
