"""Merge parts into a store, in the order of the inputs.

Memory holds every column but the tokens, a few hundred bytes per input: the documents
must be chosen among all inputs.  Tokens are the bulk, so they are then copied into
shards one part at a time.
"""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...data.store import DOCS_SCHEMA, REJECTS_SCHEMA
from ...data.store.writer import ShardWriter, split_column
from .encode import OUTCOMES_SCHEMA
from .selection import Dropped, Limited, Rules, select
from .selection.near_duplicates import Rows

__all__ = ["Merged", "merge"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """The tables and counts of a store."""

    docs: pa.Table
    """DOCS_SCHEMA."""
    rejects: pa.Table
    """REJECTS_SCHEMA."""
    violations: Counter[str]
    """Number of documents with each violation."""
    duplicates: dict[str, int]
    """Counts of duplicates, see `Selection.duplicates`."""


def merge(
    parts: Sequence[Path], folder: Path, rules: Rules, limited: Limited
) -> Merged:
    """Choose documents and write their shards; return the store's tables.

    Args:
        parts: Arrow files of OUTCOMES_SCHEMA, in the order of the inputs.
        folder: gets the shards.
        rules: which documents are kept.
        limited: has the rejects that are in no part.
    """
    needless = {"tokens"} if rules.near_duplicates else {"tokens", "signature"}
    names = [name for name in OUTCOMES_SCHEMA.names if name not in needless]
    none = OUTCOMES_SCHEMA.empty_table().select(names)
    inputs = pa.concat_tables([none, *(_read_columns(part, names) for part in parts)])
    selection = select(inputs, rules)
    shard, offset = _write_shards(parts, selection.kept, folder)
    columns = {
        "group": selection.groups,
        "split": split_column(selection.splits),
        "shard": pa.array(shard, pa.uint16()),
        "offset": pa.array(offset, pa.int64()),
    }
    rows = pa.array(selection.kept)
    found = {
        name: inputs[name].take(rows)
        for name in DOCS_SCHEMA.names
        if name not in columns
    }
    docs = pa.table({**found, **columns}).select(DOCS_SCHEMA.names).cast(DOCS_SCHEMA)
    broken = pc.list_flatten(inputs["violations"].take(rows))
    rejects = _rejects(inputs, selection.dropped)
    return Merged(
        docs=docs,
        rejects=pa.concat_tables([rejects, limited.rejects]).combine_chunks(),
        violations=Counter(broken.to_pylist()),
        duplicates=selection.duplicates,
    )


def _read_columns(part: Path, names: Sequence[str]) -> pa.Table:
    """Copy some columns of a part.

    Views would keep the part's file mapped, tokens included; `take` copies.
    """
    with pa.memory_map(os.fsencode(part)) as file:
        table = pa.ipc.open_file(file).read_all().select(names)
        return table.take(pa.array(range(len(table)), pa.int64()))


def _write_shards(
    parts: Sequence[Path], kept: Rows, folder: Path
) -> tuple[list[int], list[int]]:
    """Copy the tokens of the kept inputs; return shard and offset of each."""
    writer = ShardWriter(folder)
    places, begun = [], 0
    for part in parts:
        with pa.memory_map(os.fsencode(part)) as file:
            tokens = pa.ipc.open_file(file).read_all()["tokens"].chunk(0)
        offsets, ids = _views(tokens)
        # `kept` is ascending, so the rows of this part are a slice of it.
        here = kept[np.searchsorted(kept, begun) :]
        here = here[: np.searchsorted(here, begun + len(tokens))] - begun
        for row in here.tolist():
            places.append(writer.add(ids[offsets[row] : offsets[row + 1]]))
        begun += len(tokens)
    writer.close()
    return [shard for shard, _ in places], [offset for _, offset in places]


def _views(tokens: pa.ListArray) -> tuple[list[int], NDArray[np.uint16]]:
    """Offsets of a part's lists, and its ids as a view of the map.

    Slicing NumPy arrays is much cheaper than making an Arrow scalar per document.
    """
    offsets = np.frombuffer(tokens.buffers()[1], dtype=np.int32)[: len(tokens) + 1]
    values = tokens.buffers()[3]
    ids = np.frombuffer(values or b"", dtype=np.uint16)
    return offsets.tolist(), ids


def _rejects(inputs: pa.Table, dropped: Sequence[Dropped]) -> pa.Table:
    """A row for each input that is not in the store, in the order of the inputs.

    An input may have been rejected when it was read, or dropped by the selection.
    """
    names = {"sha256": "source_sha256"}
    early = np.flatnonzero(inputs["reason"].is_valid())
    rows = np.union1d(early, [drop.row for drop in dropped]).astype(np.int64)
    found = inputs.take(pa.array(rows))
    columns = {
        name: found[names.get(name, name)].to_pylist() for name in REJECTS_SCHEMA.names
    }
    place = {row: at for at, row in enumerate(rows.tolist())}
    for drop in dropped:
        at = place[drop.row]
        columns["stage"][at] = drop.stage
        columns["reason"][at] = drop.reason
        columns["message"][at] = drop.message
    return pa.table(columns, schema=REJECTS_SCHEMA)
