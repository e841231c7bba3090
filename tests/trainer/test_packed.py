"""Packed weights give the products that F.linear gives, whatever the number of rows."""

import os
import platform
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from tct.trainer.config import ModelConfig
from tct.trainer.model import GPT, init_weights
from tct.trainer.model.packed import multiply, pack

SHAPES = [(24, 8), (384, 128), (128, 512), (8193, 128)]


@pytest.mark.parametrize(("num_out", "num_in"), SHAPES)
def test_products_are_those_of_the_weights(num_out: int, num_in: int) -> None:
    draw = torch.Generator().manual_seed(0)
    parts = [torch.randn(num_out, num_in, generator=draw) for _ in range(2)]
    x = torch.randn(3, 16, num_in, generator=draw)
    packed = pack(parts, torch.float32)
    if packed is None:
        pytest.skip("this PyTorch has no packed products")
    with torch.inference_mode():
        found = multiply(x, packed)
        expected = F.linear(x, torch.cat(parts))
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-3)
        # Generation reads 8, 16, … rows at once, and samples must not notice.
        rows = x.flatten(0, 1)
        for count in (8, 16, 40, 48):
            torch.testing.assert_close(
                multiply(rows[:count], packed),
                found.flatten(0, 1)[:count],
                rtol=0,
                atol=0,
            )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_packed_model_gives_the_same_logits(dtype: torch.dtype) -> None:
    config = ModelConfig(width=64, layers=2, heads=2, context=64)
    model, packed = GPT(config).eval(), GPT(config).eval()
    init_weights(model, seed=0)
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():
                parameter.normal_(std=0.1, generator=draw)
    packed.load_state_dict(model.state_dict())
    packed.pack(dtype)
    model.compute_dtype = dtype
    ids = torch.randint(config.vocab_size, (2, 32), generator=draw)
    with torch.inference_mode():
        rounding = 1e-5 if dtype == torch.float32 else 0.1
        torch.testing.assert_close(packed(ids), model(ids), rtol=0, atol=rounding)


def test_other_types_are_left_as_they_are() -> None:
    assert pack([torch.ones(8, 8)], torch.float64) is None


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names an x86 processor")
def test_a_processor_without_bfloat16_multiplies_as_before() -> None:
    code = (
        "import torch; from tct.trainer.model.packed import pack\n"
        "weights = [torch.ones(8, 8)]\n"
        "print(pack(weights, torch.bfloat16) is None)"
    )
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "True\n"
