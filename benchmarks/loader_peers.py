"""The loaders that a user would pick instead of `Batches`, each by its own rules.

Every design is prepared once from the training split of the same store, is opened from
what it wrote, and gives batches of 32 x 1,024 targets in one process.  Libraries are
called as their guides say; designs without a library are written from their rules.
"""

import importlib
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from tct.data.store import Store
from tct.data.tokenizer import PAD
from tct.data.windows import CONTEXT, STRIDE, Policy, WindowPlan
from tct.trainer.training.loader import DeviceBatch

BATCH = 32
WIDTH = CONTEXT + 1
"""Tokens of a row: a position token or one more of the text, then the targets."""

Tokens = NDArray[np.uint16]
Window = tuple[int, int]
"""A document and the first token of a window in it."""
Epochs = Callable[[], Iterator[Any]]
"""Each call gives the batches of another epoch, in another order."""

MEGATRON = "megatron.core.datasets.gpt_dataset"
# `import streaming` also imports its part for images, which needs torchvision, whose
# operators do not load beside torch's CPU build.
sys.modules.setdefault("streaming.vision", types.ModuleType("streaming.vision"))


def missing(module: str | None) -> str | None:
    """Import the module of a peer; return why that fails, or None."""
    try:
        if module:
            importlib.import_module(module)
    except ModuleNotFoundError as error:
        return f"not installed ({error.name})"
    except Exception as error:  # whatever a peer raises while it is imported
        return f"does not import: {str(error).splitlines()[0]}"
    return None


def describe(batch: Any) -> tuple[str, int]:
    """The type of a batch's ids, and how many tokens there are to predict."""
    if isinstance(batch, DeviceBatch):
        batch = batch.micro_batches[0].inputs, batch.micro_batches[0].targets
    if isinstance(batch, dict):
        batch = batch["tokens"], batch["labels"]
    x, y = batch if isinstance(batch, list | tuple) else (batch, batch[:, 1:])
    targets = np.asarray(y)
    return str(np.asarray(x).dtype), int(((targets >= 0) & (targets != PAD)).sum())


def versions() -> str:
    """The settings of a measurement, and the available peers."""
    peers = "datasets", "litdata", "mosaicml-streaming", "megatron-core"
    installed = {each.name: each.version for each in metadata.distributions()}
    names = "numpy", "torch", *peers
    return ", ".join(f"{name} {installed.get(name, 'not installed')}" for name in names)


# -- shared by several -----------------------------------------------------------------


def documents_of(store: Store) -> list[Tokens]:
    """The documents of the training split; views of the map."""
    return [store.tokens(row) for row in store.rows("train").tolist()]


def list_windows(lengths: Iterable[int], epoch: int) -> list[Window]:
    """The author's rule: a list of tuples.

    Documents shorter than the context appear at offset 0 only; longer ones give full
    windows from the epoch's offset on.
    """
    offset, windows = STRIDE * epoch % CONTEXT, []
    for document, length in enumerate(lengths):
        if length < CONTEXT:
            if offset == 0:
                windows.append((document, 0))
        else:
            for start in range(offset, length - CONTEXT + 1, CONTEXT):
                windows.append((document, start))
    return windows


def cut_rows(documents: Sequence[Tokens], policy: Policy, epoch: int) -> Tokens:
    """The windows of an epoch, each behind its position token; (n, 1,025)."""
    lengths = [len(document) for document in documents]
    windows = WindowPlan(lengths, epoch=epoch, policy=policy).all()
    rows = np.full((len(windows), WIDTH), PAD, dtype=np.uint16)
    rows[:, 0] = windows.position
    columns = (windows.document.tolist(), windows.start.tolist(), windows.end.tolist())
    for row, document, start, end in zip(rows, *columns, strict=True):
        row[1 : 1 + end - start] = documents[document][start:end]
    return rows


# -- the author's ----------------------------------------------------------------------


def save_tensors(store: Store, work: Path) -> Path:
    path = work / "documents.pt"
    if not path.exists():
        torch.save([torch.from_numpy(i.astype(int)) for i in documents_of(store)], path)
    return path


def open_author(path: Path, *, number: int) -> Epochs:
    """Documents as int64 tensors in memory, windows as a list, one DataLoader."""
    documents = torch.load(path, weights_only=True)

    def epoch() -> Iterator[Any]:
        windows = list_windows(map(len, documents), number)
        rows: Any = _AuthorRows(documents, windows)
        return iter(DataLoader(rows, batch_size=BATCH, shuffle=True, num_workers=0))

    return epoch


@dataclass
class _AuthorRows:
    documents: list[Tensor]
    windows: list[Window]

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        document, start = self.windows[number]
        content = self.documents[document][start : start + CONTEXT]
        window = torch.cat([torch.tensor([start // STRIDE]), content])
        x, y = window[:-1].clone(), window[1:].clone()
        if empty := CONTEXT - len(x):
            x = torch.cat([x, torch.full((empty,), PAD)])
            y = torch.cat([y, torch.full((empty,), -1)])
        return x, y


# -- nanoGPT ---------------------------------------------------------------------------


def write_stream(store: Store, work: Path) -> Path:
    """One document after the other as bare uint16."""
    path = work / "train.bin"
    if not path.exists():
        np.concatenate(documents_of(store)).tofile(path)
    return path


def open_crops(path: Path) -> Epochs:
    """Random crops of one stream, which is mapped anew for each batch."""

    def epoch() -> Iterator[Any]:
        for _ in range(path.stat().st_size // 2 // CONTEXT // BATCH):
            stream = np.memmap(path, dtype=np.uint16, mode="r")
            starts = torch.randint(len(stream) - CONTEXT, (BATCH,))
            yield tuple(
                torch.stack(
                    [torch.from_numpy(stream[i : i + CONTEXT].astype(int)) for i in at]
                )
                for at in (starts, starts + 1)
            )

    return epoch


# -- Hugging Face datasets -------------------------------------------------------------


def save_rows(
    store: Store, work: Path, *, policy: Policy | None, epoch: int = 0
) -> Path:
    """One row per window of an epoch, or without a policy one per document."""
    from datasets import Dataset, Features, Sequence, Value

    folder = work / (policy or "documents")
    if not folder.exists():
        documents = documents_of(store)
        tokens: Any = cut_rows(documents, policy, epoch) if policy else documents
        length = WIDTH if policy else -1
        kind = Features({"tokens": Sequence(Value("uint16"), length=length)})
        Dataset.from_dict({"tokens": tokens}, features=kind).save_to_disk(folder)
    return folder


def open_rows(folder: Path) -> Epochs:
    """Windows as rows; batches by lists of shuffled indices."""
    from datasets import load_from_disk

    rows = load_from_disk(folder).with_format("numpy")

    def epoch() -> Iterator[Any]:
        order = np.random.default_rng().permutation(len(rows)).tolist()
        for first in range(0, len(order) - BATCH + 1, BATCH):
            yield rows[order[first : first + BATCH]]["tokens"]

    return epoch


def open_documents(folder: Path) -> Epochs:
    """Documents as rows; the windows of epoch 0 are cut and padded on access."""
    import pyarrow.compute as pc
    from datasets import load_from_disk

    documents = load_from_disk(folder).with_format("numpy")
    column = documents.data.column("tokens")
    lengths = pc.list_value_length(column).to_pylist()

    def epoch() -> Iterator[Any]:
        windows = np.array(list_windows(lengths, 0))
        np.random.default_rng().shuffle(windows)
        for first in range(0, len(windows) - BATCH + 1, BATCH):
            rows = np.full((BATCH, WIDTH), PAD, dtype=np.uint16)
            chosen = windows[first : first + BATCH]
            found = documents[chosen[:, 0].tolist()]["tokens"]
            for row, tokens, start in zip(rows, found, chosen[:, 1], strict=True):
                content = tokens[start : start + CONTEXT]
                row[0], row[1 : 1 + len(content)] = start // STRIDE, content
            yield rows

    return epoch


# -- litdata, MosaicML streaming, Megatron ---------------------------------------------


def write_chunks(store: Store, work: Path) -> Path:
    import litdata
    from litdata.streaming.item_loader import TokensLoader

    folder = work / "chunks"
    litdata.optimize(
        fn=_read_stream,
        inputs=[str(write_stream(store, work))],
        output_dir=str(folder),
        chunk_size=WIDTH * 8000,
        item_loader=TokensLoader(),
        num_workers=1,
        verbose=False,
    )
    return folder


def _read_stream(path: str) -> Iterator[Tensor]:
    """One piece of the stream after the other; documents would do as well."""
    stream = torch.from_numpy(np.fromfile(path, dtype=np.uint16))
    yield from stream.split(8 * WIDTH)


def open_chunks(folder: Path) -> Epochs:
    """Blocks of a stream; chunks are shuffled, then blocks within them."""
    import litdata
    from litdata.streaming.item_loader import TokensLoader

    loader = TokensLoader(block_size=WIDTH)
    rows = litdata.StreamingDataset(str(folder), item_loader=loader, shuffle=True)
    batches = litdata.StreamingDataLoader(rows, batch_size=BATCH, num_workers=0)
    return lambda: iter(batches)


def write_mds(store: Store, work: Path) -> Path:
    from streaming import MDSWriter

    folder = work / "mds"
    columns = {"tokens": f"ndarray:uint16:{WIDTH}"}
    with MDSWriter(out=str(folder), columns=columns) as writer:
        for row in cut_rows(documents_of(store), "original", 1):
            writer.write({"tokens": row})
    return folder


def open_mds(folder: Path) -> Epochs:
    """One sample per window in local shards, through a DataLoader."""
    from streaming import StreamingDataset
    from streaming.base.util import clean_stale_shared_memory

    clean_stale_shared_memory()
    rows = StreamingDataset(local=str(folder), shuffle=True, batch_size=BATCH)
    batches = DataLoader(rows, batch_size=BATCH, num_workers=0)
    return lambda: (batch["tokens"] for batch in batches)


def write_megatron(store: Store, work: Path) -> Path:
    from megatron.core.datasets.indexed_dataset import IndexedDatasetBuilder

    prefix = work / "megatron"
    builder = IndexedDatasetBuilder(f"{prefix}.bin", dtype=np.uint16)
    for document in documents_of(store):
        builder.add_document(document, [len(document)])
    builder.finalize(f"{prefix}.idx")
    open_megatron(prefix)  # writes its index, which later runs find
    return prefix


def open_megatron(prefix: Path) -> Epochs:
    """Windows of the stream by sample index and shuffle index, made once and kept."""
    from megatron.core.datasets import gpt_dataset
    from megatron.core.datasets.indexed_dataset import IndexedDataset
    from megatron.core.datasets.utils import Split

    tokenizer = types.SimpleNamespace(
        eod=PAD, eos=PAD, pad=PAD + 1, unique_identifiers={}, vocab_size=PAD + 1
    )
    config = gpt_dataset.GPTDatasetConfig(
        random_seed=0,
        sequence_length=CONTEXT,
        split="1",
        path_to_cache=str(prefix.parent / "megatron-index"),
        tokenizer=tokenizer,
        reset_position_ids=False,
        reset_attention_mask=False,
        eod_mask_loss=False,
        create_attention_mask=False,
    )
    stream = IndexedDataset(str(prefix))
    documents = np.arange(len(stream), dtype=np.int32)
    rows = gpt_dataset.GPTDataset(
        stream, str(prefix), documents, None, Split.train, config
    )
    return lambda: iter(DataLoader(rows, batch_size=BATCH, drop_last=True))


# -- limits ----------------------------------------------------------------------------


def open_copies(folder: Path, *, scattered: bool) -> Epochs:
    """Copies of as many bytes: one block, or 32 rows from anywhere."""
    tokens = Store.open(folder, verify="off").shards[0]
    rows, last = sliding_window_view(tokens, WIDTH), len(tokens) - BATCH * WIDTH

    def epochs() -> Iterator[Any]:
        starts = np.random.default_rng().integers(last, size=(10_000, BATCH))
        if scattered:
            yield from (rows[at] for at in starts)
        else:
            for start in starts[:, 0].tolist():
                yield tokens[start : start + BATCH * WIDTH].copy().reshape(BATCH, WIDTH)

    return epochs
