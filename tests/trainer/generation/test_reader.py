"""Reading in a batch: the logits of one plain pass, whatever is read beside."""

import copy

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tct.trainer.config import ModelConfig
from tct.trainer.generation.forward import Reader
from tct.trainer.model import GPT

CONTEXT = 128
each_cache = pytest.mark.parametrize("is_batched", [False, True])


@pytest.fixture(scope="module")
def model() -> GPT:
    model = GPT(ModelConfig(context=CONTEXT, width=32, layers=2, heads=2))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 5)
    return model.eval()


def document(number: int, length: int) -> list[int]:
    ids: list[int] = np.random.default_rng(number).integers(0, 8192, length).tolist()
    return ids


def slow(model: GPT, tokens: list[int], start: int) -> NDArray[np.float32]:
    """The logits after `tokens` in one pass over the window that begins at `start`."""
    ids = torch.tensor([[start // 32, *tokens[start:]]])
    with torch.inference_mode():
        array: NDArray[np.float32] = model(ids)[0, -1, :8192].numpy()
    return array


@each_cache
def test_documents_are_read_as_in_one_pass(model: GPT, is_batched: bool) -> None:
    reader = Reader(model, 3, is_batched=is_batched)
    lengths = {0: 1, 1: 40, 2: 100}
    for grown in (0, 1, 2, 12, 13):
        documents = {row: document(row, n + grown) for row, n in lengths.items()}
        found = reader.read(documents)
        for row, logits in zip(documents, found, strict=True):
            expected = slow(model, documents[row], 0)
            assert np.abs(logits - expected).max() < 1e-4


@each_cache
@pytest.mark.parametrize(
    ("length", "start"),
    [(126, 0), (127, 0), (128, 64), (191, 64), (192, 128), (400, 320)],
)
def test_a_window_slides_by_multiples_of_32(
    model: GPT, length: int, start: int, is_batched: bool
) -> None:
    """127 tokens and their position token fill 128 positions."""
    reader = Reader(model, 1, is_batched=is_batched)
    tokens = document(0, length)
    for size in range(1, length + 1):
        logits = reader.read({0: tokens[:size]})[0]

    assert np.abs(logits - slow(model, tokens, start)).max() < 1e-4


def test_a_long_beginning_is_read_from_half_a_context_before_its_end(
    model: GPT,
) -> None:
    tokens = document(0, 1000)
    logits = Reader(model, 1).begin(tokens)

    assert np.abs(logits - slow(model, tokens, 960)).max() < 1e-4


@each_cache
def test_rows_begin_with_what_was_read_for_all(model: GPT, is_batched: bool) -> None:
    reader, shared = Reader(model, 2, is_batched=is_batched), document(0, 20)
    reader.begin(shared)
    reader.read({0: document(1, 50)})
    reader.restart(0)
    reader.restart(1)
    documents = {0: [*shared, 5], 1: [*shared, 6, 7, 8]}
    for row, logits in zip(documents, reader.read(documents), strict=True):
        assert np.abs(logits - slow(model, documents[row], 0)).max() < 1e-4


@each_cache
def test_what_is_read_beside_a_document_changes_no_bit(
    model: GPT, is_batched: bool
) -> None:
    def read(others: int) -> list[bytes]:
        reader, found = Reader(model, others + 1, is_batched=is_batched), []
        for size in (1, 2, 9, 30, 31, 126, 140):
            documents = {others: document(0, size)}
            documents |= {row: document(row + 1, size + row) for row in range(others)}
            found.append(reader.read(documents)[0].tobytes())
        return found

    assert read(0) == read(1) == read(7) == read(40)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_gpu_reads_what_a_cpu_does(model: GPT, dtype: torch.dtype) -> None:
    on_gpu = copy.deepcopy(model).to("cuda")
    on_gpu.pack(dtype)
    reader = Reader(on_gpu, 40)
    for grown in (0, 1, 9, 60):
        documents = {row: document(row, 1 + 2 * row + grown) for row in range(40)}
        found = reader.read(documents)
        for row, logits in zip(documents, found, strict=True):
            difference = np.abs(logits - slow(model, documents[row], 0)).max()
            assert difference < (1e-3 if dtype == torch.float32 else 0.3)
