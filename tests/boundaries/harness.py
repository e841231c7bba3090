"""Mutate valid inputs, and allow three outcomes: a right result, a reject, a TctError.

One test module per boundary (YAML, JSON, tables, archives, store, checkpoint, export,
HTTP) gives valid inputs and a function that reads one.  Every mutation is a pure
function of (boundary, number), so a failure names all that is needed to repeat it.
"""

import json
import mmap
import os
import random
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tct.data.errors import TctError
from tct.data.rejects import RejectedError

__all__ = [
    "NUM_SHORT",
    "NUM_SLOW",
    "attack",
    "attack_in_child",
    "mutate",
    "mutate_in_place",
    "mutate_json",
    "mutations",
]

Mutate = Callable[[bytes, Sequence[bytes], random.Random], bytes]

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


def mutate_in_place(
    data: bytes, others: Sequence[bytes], choose: random.Random
) -> bytes:
    """`data` with one to three bytes or numbers in it changed; as long as it was."""
    changed = bytearray(data)
    for _ in range(choose.randint(1, 3)):
        size = choose.choice([1, 1, 2, 4, 4, 8, 8])
        at = choose.randrange(max(1, len(changed) - size)) // size * size
        found = int.from_bytes(changed[at : at + size], "little")
        top = 1 << (8 * size)
        bit, any_number = choose.randrange(8 * size), choose.randrange(top)
        edges = [0, top - 1, top // 2, top // 2 - 1]
        near = [found ^ 1 << bit, found + 1, found - 1, found * 2]
        number = choose.choice([*edges, *near, any_number])
        changed[at : at + size] = (number % top).to_bytes(size, "little")
    return bytes(changed[: len(data)])


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


def mutations(
    name: str, valid: Sequence[bytes], number: int, mutate: Mutate = mutate
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
    *,
    mutate: Mutate = mutate,
    begin: Callable[[int], object] = lambda n: None,
) -> Counter[str]:
    """Read `number` mutations of `valid`; count how they ended.

    `read` returns when the result is right (it checks that itself, by assertions) and
    raises RejectedError or TctError when the input is refused.  `mutate` makes the
    inputs; `begin` is told the number of each.

    Returns:
        How often each outcome was seen: "read", "reject:<reason>" or the error's name.

    Raises:
        AssertionError: something else was raised; says which mutation, and where its
            bytes were saved.
    """
    outcomes: Counter[str] = Counter()
    for n, data in mutations(name, valid, number, mutate):
        begin(n)
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


def attack_in_child(
    name: str,
    valid: Sequence[bytes],
    read: Callable[[bytes], object],
    number: int = NUM_SHORT,
    *,
    mutate: Mutate = mutate,
) -> Counter[str]:
    """`attack` in a process of its own, whose crash is a failure like any other."""
    with mmap.mmap(-1, 8) as current, tempfile.TemporaryFile() as answer:

        def begin(n: int) -> None:
            current[:] = n.to_bytes(8, "little")

        with warnings.catch_warnings():
            # Python warns of threads, which the child does not use.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            try:
                found = attack(name, valid, read, number, mutate=mutate, begin=begin)
                content: dict[str, Any] = {"outcomes": found}
            except BaseException as error:
                content = {"failure": str(error)}
            answer.write(json.dumps(content).encode())
            answer.flush()
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        at = int.from_bytes(current[:], "little")
        assert status == 0, f"{name}: mutation {at} ended the process: {status}"
        answer.seek(0)
        content = json.loads(answer.read())
    assert "failure" not in content, content["failure"]
    return Counter(content["outcomes"])
