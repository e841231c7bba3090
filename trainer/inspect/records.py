"""The objects of `--json`, one per line.

One epoch, and --doc: one per window.

    epoch, document, start, end, position, pad, policy     as in `window_records`
    text               --doc only: the YAML from its first token to its last

--epochs: one per epoch.

    epoch, offset, document, policy, starts, ends          of the document's windows
    num_windows        of the whole epoch

--step: one per window, in the order of the batch.

    epoch, step, rank, world, document, path, start, end
    pass, row, column  where it lies, from 0
    inputs, targets    ids, a position each; a target is null where it is masked
    pad                PAD positions behind it

--when: one per window: `document`, `policy` and the fields of `Occasion`.

--prove: one per policy: the fields of `PolicyCounts`, and `claims`, a list of objects
with `text`, `holds` and `is_promised`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from ...data.inspection import (
    Claim,
    Occasion,
    PolicyCounts,
    batch_windows,
    document_windows,
    epoch_windows,
    window_records,
    yaml_places,
)
from ...data.windows.batches import Batch, Batches

__all__ = [
    "document_records",
    "epoch_records",
    "epochs_records",
    "promise_records",
    "step_records",
    "when_records",
]

Record = dict[str, Any]


def epoch_records(batches: Batches, epoch: int) -> Iterator[Record]:
    """The windows of an epoch."""
    windows = epoch_windows(batches, epoch)
    yield from window_records(windows, epoch=epoch, batches=batches)


def document_records(batches: Batches, row: int, epoch: int) -> Iterator[Record]:
    """The windows of a document with their text."""
    windows = document_windows(batches, row, epoch)
    stops = sorted({*windows.start.tolist(), *windows.end.tolist()})
    store = batches.store
    text, places = yaml_places(store.tokenizer, store.tokens(row), stops)
    at = dict(zip(stops, places, strict=True)) | {0: 0}
    for record in window_records(windows, epoch=epoch, batches=batches):
        yield {**record, "text": text[at[record["start"]] : at[record["end"]]]}


def epochs_records(
    batches: Batches, row: int, epochs: Iterable[int]
) -> Iterator[Record]:
    """The windows of a document in some epochs."""
    for epoch in epochs:
        windows, plan = document_windows(batches, row, epoch), batches.plan(epoch)
        yield {
            "epoch": epoch,
            "offset": plan.offset,
            "document": row,
            "policy": batches.policy,
            "starts": windows.start.tolist(),
            "ends": windows.end.tolist(),
            "num_windows": plan.num_windows,
        }


def step_records(batches: Batches, batch: Batch) -> Iterator[Record]:
    """The windows of a batch as the model gets them."""
    paths = batches.store.docs["path"]
    for window in batch_windows(batch):
        targets = zip(window.targets.tolist(), window.is_target.tolist(), strict=True)
        yield {
            "epoch": batch.epoch,
            "step": batch.step,
            "rank": batches.rank,
            "world": batches.world_size,
            "document": window.document,
            "path": paths[window.document].as_py(),
            "start": window.start,
            "end": window.end,
            "pass": window.number_of_pass,
            "row": window.row,
            "column": window.column,
            "inputs": window.inputs.tolist(),
            "targets": [target if is_one else None for target, is_one in targets],
            "pad": window.pad,
        }


def when_records(
    batches: Batches, row: int, found: Iterable[Occasion]
) -> Iterator[Record]:
    """When a document is trained."""
    for each in found:
        yield {"document": row, "policy": batches.policy, **asdict(each)}


def promise_records(
    counts: Sequence[PolicyCounts], claims: Sequence[Claim]
) -> Iterator[Record]:
    """What each policy does."""
    for each in counts:
        about = [asdict(claim) for claim in claims if claim.policy == each.policy]
        for claim in about:
            del claim["policy"]
        yield {**asdict(each), "claims": about}
