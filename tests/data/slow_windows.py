"""The rules of each policy as literal loops, to compare the arithmetic with."""

from collections.abc import Iterator, Sequence

from tct.data.windows import Policy

__all__ = ["bit_reversed", "slow_cuts", "slow_windows"]


def bit_reversed(views: int) -> list[int]:
    """The numbers below `views`, sorted by their binary digits read backwards."""
    digits = (views - 1).bit_length()
    return sorted(range(views), key=lambda number: f"{number:0{digits}b}"[::-1])


def slow_cuts(
    policy: Policy, length: int, *, epoch: int, phase: int, context: int, stride: int
) -> list[tuple[int, int]]:
    """The windows [start, end) of one document in one epoch, as a person cuts them."""
    offset = (stride * epoch) % context
    if policy == "original":
        return [
            (start, min(start + context, length))
            for start in _authors_starts(length, offset, context)
        ]
    if length <= context:
        return [(0, length)]
    if policy == "overlap":
        return list(_overlapping(length, context, stride))
    if policy == "sequential":
        offset = 0
    if policy == "spread":
        views = context // stride
        turn = bit_reversed(views)[epoch % views]
        offset = stride * ((turn + phase) % views)
    return list(_covering(length, offset, context))


def slow_windows(
    policy: Policy,
    lengths: Sequence[int],
    *,
    epoch: int,
    phases: Sequence[int],
    context: int,
    stride: int,
) -> list[tuple[int, int, int]]:
    """(document, start, end) of all windows in document order."""
    return [
        (document, start, end)
        for document, length in enumerate(lengths)
        for start, end in slow_cuts(
            policy,
            length,
            epoch=epoch,
            phase=phases[document],
            context=context,
            stride=stride,
        )
    ]


def _authors_starts(length: int, offset: int, context: int) -> Iterator[int]:
    if length < context:
        if offset == 0:
            yield 0
    else:
        pos = offset
        while pos + context <= length:
            yield pos
            pos += context


def _covering(length: int, offset: int, context: int) -> Iterator[tuple[int, int]]:
    """A head up to the offset, full windows, and a tail."""
    if offset > 0:
        yield 0, offset
    start = offset
    while start + context <= length:
        yield start, start + context
        start += context
    if start < length:
        yield start, length


def _overlapping(length: int, context: int, stride: int) -> Iterator[tuple[int, int]]:
    """Every full window, and the first one that is not, if it has anything to add."""
    start = 0
    while start + context <= length:
        yield start, start + context
        start += stride
    if start - stride + context < length:
        yield start, length
