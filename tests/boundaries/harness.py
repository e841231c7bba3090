"""Mutate valid inputs, and allow three outcomes: a right result, a reject, a TctError.

One test module per boundary (YAML, JSON, tables, archives, store, checkpoint, export,
HTTP) gives valid inputs and a function that reads one.  Every mutation is a pure
function of (boundary, number), so a failure names all that is needed to repeat it.
"""

import json
import mmap
import os
import random
import resource
import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from tct.data.documents.rejects import RejectedError
from tct.data.errors import TctError

__all__ = [
    "NUM_SHORT",
    "NUM_SLOW",
    "attack",
    "attack_apart",
    "mutate",
    "mutate_json",
    "mutation",
    "mutations",
    "overwrite",
]

NUM_SHORT = 400
"""Inputs per boundary in CI."""

NUM_SLOW = 1_000_000
"""Inputs per boundary under `-m slow`."""

_PER_CHILD = 5000  # inputs that one process reads
_MAX_SECONDS = 60  # for one input; only what does not end takes that
_MAX_BYTES = 4 << 30  # for one process, over what it has when it starts

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


HOSTILE_VALUES: list[Any] = [
    None,
    True,
    -1,
    0,
    0.5,
    1e308,
    2**31,
    2**63,
    10**30,
    "",
    "x",
    "../../x",
    "\x1b[2J",
    "[/x]",
    "9" * 30,
    [],
    {},
    [[]],
    {"": None},
]
"""Values that break readers of JSON, put where something else stood."""

Change: TypeAlias = Callable[[bytes, Sequence[bytes], random.Random], bytes]
"""Changes a valid input, given others and what chooses."""


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


def overwrite(data: bytes, others: Sequence[bytes], choose: random.Random) -> bytes:
    """`data` after one to four changes that leave all else in its place.

    What has offsets falls apart at once if anything moves; this gets farther.
    """
    changed = bytearray(data)
    for _ in range(choose.randint(1, 4)):
        other = choose.choice(others)
        at, start = choose.randrange(len(changed)), choose.randrange(len(other))
        size = choose.choice([1, 1, 2, 4, 8, 64])
        new = choose.choice(
            [
                bytes([changed[at] ^ 1 << choose.randrange(8)]),
                choose.randbytes(1),
                choose.choice([b"\0", b"\x7f", b"\xff", b"\x80"]) * size,
                choose.choice(HOSTILE),
                other[start : start + size],
                _near(changed, choose),
            ]
        )
        if len(new) in (2, 4, 8):
            at -= at % len(new)  # where a number of this size is likely to be
        changed[at : at + len(new)] = new
    return bytes(changed[: len(data)])


def _near(data: bytearray, choose: random.Random) -> bytes:
    """A little-endian number near one of `data`, or at the edge of its type."""
    size = choose.choice([2, 4, 8])
    at = choose.randrange(max(1, len(data) - size)) // size * size
    found = int.from_bytes(data[at : at + size], "little")
    top = 1 << (8 * size)
    edges = [0, top - 1, top // 2, top // 2 - 1]
    near = choose.choice([*edges, found + 1, found - 1, found * 2])
    return (near % top).to_bytes(size, "little")


def mutate_json(data: bytes, others: Sequence[bytes], choose: random.Random) -> bytes:
    """A JSON text in which one or two values are others; `others` are not looked at."""
    value = json.loads(data)
    for _ in range(choose.randint(1, 2)):
        container, key = value, None
        while isinstance(container[key] if key is not None else value, dict | list):
            container = container[key] if key is not None else value
            keys = list(container) if isinstance(container, dict) else None
            places = keys if keys is not None else range(len(container))
            if not places:
                break
            key = choose.choice(places)
            if choose.random() < 0.15:
                break
        if key is None or not container:
            break
        _change(container, key, choose)
    return json.dumps(value).encode()


def _change(container: Any, key: Any, choose: random.Random) -> None:
    """Change what stands at `key`: remove it, nudge it, or put something else there."""
    found = container[key]
    match choose.randrange(4):
        case 0:
            del container[key]
        case 1 if isinstance(found, int | float) and not isinstance(found, bool):
            container[key] = found + choose.choice([-1, 1, -found, found, 0.5])
        case 2 if isinstance(found, list) and found:
            container[key] = found * 2 if choose.random() < 0.5 else found[:-1]
        case _:
            container[key] = choose.choice(HOSTILE_VALUES)


def mutation(
    name: str, valid: Sequence[bytes], n: int, change: Change = mutate
) -> bytes:
    """Mutation `n` of `valid` at the boundary `name`."""
    choose = random.Random(f"{name} {n}")
    return change(choose.choice(valid), valid, choose)


def mutations(
    name: str, valid: Sequence[bytes], number: int
) -> Iterator[tuple[int, bytes]]:
    """The first `number` mutations of `valid` at the boundary `name`, numbered."""
    for n in range(number):
        yield n, mutation(name, valid, n)


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
        outcomes[_outcome(name, n, data, read)] += 1
    return outcomes


def _outcome(name: str, n: int, data: bytes, read: Callable[[bytes], object]) -> str:
    try:
        read(data)
    except RejectedError as reject:
        return f"reject:{reject.reason}"
    except TctError as error:
        return type(error).__name__
    except Exception as error:
        raise AssertionError(_failure(name, n, data, repr(error))) from error
    return "read"


def _failure(name: str, n: int, data: bytes, how: str) -> str:
    folder = os.environ.get("TCT_FAILING_INPUTS", tempfile.gettempdir())
    saved = Path(folder) / f"tct-{name}-{n}.bin"
    saved.write_bytes(data)
    return f"{name}: mutation {n} ended in {how}; its input is {saved}"


# -- what may crash --------------------------------------------------------------------


def attack_apart(
    name: str,
    valid: Sequence[bytes],
    read: Callable[[bytes], object],
    number: int = NUM_SHORT,
    change: Change = mutate,
) -> Counter[str]:
    """As `attack`, in processes of their own: what crashes or hangs is a failure, too.

    Each may take 4 GiB of address space more than this one, so a size that is declared
    and not there is not allocated unseen.
    """
    outcomes: Counter[str] = Counter()
    for first in range(0, number, _PER_CHILD):
        numbers = range(first, min(first + _PER_CHILD, number))
        outcomes += _in_a_child(name, valid, read, numbers, change)
    return outcomes


def _in_a_child(
    name: str,
    valid: Sequence[bytes],
    read: Callable[[bytes], object],
    numbers: range,
    change: Change,
) -> Counter[str]:
    reader, writer = os.pipe()
    at = mmap.mmap(-1, 8)  # which mutation is being read, seen by both processes
    child = os.fork()
    if child == 0:
        os.close(reader)
        outcomes: Counter[str] = Counter()
        result: object = outcomes
        try:
            _limit_memory()
            for n in numbers:
                at[:] = n.to_bytes(8, "little")
                signal.alarm(_MAX_SECONDS)
                data = mutation(name, valid, n, change)
                outcomes[_outcome(name, n, data, read)] += 1
        except BaseException as error:
            result = str(error)
        finally:
            os.write(writer, json.dumps(result).encode())
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        written = pipe.read()
    _, status = os.waitpid(child, 0)
    if not written:
        n = int.from_bytes(at[:], "little")
        how = f"signal {os.WTERMSIG(status)}"
        data = mutation(name, valid, n, change)
        raise AssertionError(_failure(name, n, data, how))
    found = json.loads(written)
    if isinstance(found, str):
        raise AssertionError(found)
    return Counter(found)


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * mmap.PAGESIZE + _MAX_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
