"""Our batched Muon takes the steps of PyTorch's."""

import pytest
import torch
from torch import Tensor, nn

from tct.trainer.optim.muon import Muon, orthogonalize

SHAPES = [(8, 8), (16, 4), (8, 8), (4, 16), (16, 4)]


def draw(*size: int, seed: int = 0) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed))


def matrices() -> list[nn.Parameter]:
    return [nn.Parameter(draw(*size, seed=i)) for i, size in enumerate(SHAPES)]


def test_it_takes_the_steps_of_pytorch() -> None:
    ours, theirs = matrices(), matrices()
    ours_step = Muon(ours, lr=0.02, weight_decay=0.1)
    theirs_step = torch.optim.Muon(
        theirs, lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
    )
    start = [matrix.detach().clone() for matrix in ours]
    for number in range(5):
        for i, (left, right) in enumerate(zip(ours, theirs, strict=True)):
            left.grad = draw(*left.shape, seed=100 * number + i)
            right.grad = left.grad.clone()
        ours_step.step()
        theirs_step.step()  # type: ignore[no-untyped-call]

    for left, right, first in zip(ours, theirs, start, strict=True):
        # PyTorch's products are in bfloat16, of 8 bits.
        assert (left - right).norm() < 0.02 * (right - first).norm()
        momentum = theirs_step.state[right]["momentum_buffer"]
        assert torch.allclose(ours_step.state[left]["momentum_buffer"], momentum)


@pytest.mark.parametrize("size", SHAPES[:2])
def test_singular_values_become_nearly_one(size: tuple[int, int]) -> None:
    values = torch.linalg.svdvals(orthogonalize(draw(3, *size)))

    assert 0.5 < values.min() < values.max() < 1.3


def test_a_zero_gradient_stays_zero() -> None:
    assert not orthogonalize(torch.zeros(2, 4, 4)).any()
