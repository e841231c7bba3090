"""How fast does `tct train` learn, next to a plain loop with transformers?

Both begin with the weights of one export and learn from the same windows, in one
process, taking turns.  A rate is useful tokens per second: targets of whole steps, so
PAD does not count.  The loss is also timed alone, next to one over all logits at once.
"""

import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import click
import torch
import torch.nn.functional as F
import transformers
from torch import Tensor, nn
from train import Ours, Timed

import tct
from tct.data.store import Store
from tct.data.tokenizer import PAD
from tct.trainer.config import Config
from tct.trainer.export.transformers import from_nanochat
from tct.trainer.model.loss import softcap_loss
from tct.trainer.training.distributed import World
from tct.trainer.training.splits import training_batches

IGNORED = -100
"""Label of a position without a loss, as transformers has it."""


class Peer:
    """The loop that one would write: pad, forward, backward, clip, AdamW."""

    def __init__(self, store: Store, config: Config, export: Path, pad_to: int) -> None:
        """Load the export; rows are padded to `pad_to`, or to the longest if that is 0.

        A mask of attention is left out: behind a row, PAD changes nothing before it,
        and without a mask attention is faster.
        """
        self.config, self.pad_to = config, pad_to
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(export)
        self.model: nn.Module = model.train()
        optim = config.optim
        self.optimizer = torch.optim.AdamW(
            model.parameters(),
            lr=optim.lr,
            betas=(optim.beta1, optim.beta2),
            weight_decay=optim.weight_decay,
        )
        self.store = store
        self.batches = training_batches(
            store, config, World(device=torch.device("cpu"))
        )
        self.step = 0

    def round(self, steps: int, timed: Timed) -> None:
        """Learn from the next steps."""
        targets = positions = 0
        begun = time.perf_counter()
        for _ in range(steps):
            ids, labels = self._batch()
            targets += int((labels != IGNORED).sum())
            positions += ids.numel()
            # The targets lie where they are predicted; labels would be shifted.
            options = {"labels": labels, "shift_labels": labels, "use_cache": False}
            loss = self.model(input_ids=ids, **options).loss
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.optim.clip)
            self.optimizer.step()
            self.optimizer.zero_grad()
            timed.loss = loss.item()
            self.step += 1
        seconds = time.perf_counter() - begun
        timed.rates.append(targets / seconds)
        timed.positions.append(positions / seconds)

    def _batch(self) -> tuple[Tensor, Tensor]:
        """(B, T) ids and targets of the next step."""
        steps = self.batches.num_steps(0)
        windows = self.batches.windows(self.step // steps, self.step % steps)
        columns = (windows.document, windows.start, windows.end)
        rows = [
            (start // self.batches.stride, self.store.tokens(row)[start:end].tolist())
            for row, start, end in zip(*(c.tolist() for c in columns), strict=True)
        ]
        width = self.pad_to or max(len(content) for _, content in rows)
        ids = torch.full((len(rows), width), PAD)
        targets = torch.full_like(ids, IGNORED)
        for row, (position, content) in enumerate(rows):
            ids[row, : len(content)] = torch.tensor([position, *content[:-1]])
            targets[row, : len(content)] = torch.tensor(content)
        return ids, targets


def whole_loss(hidden: Tensor, weight: Tensor, targets: Tensor, cap: float) -> Tensor:
    """`softcap_loss` by autograd, over all logits at once."""
    logits = cap * torch.tanh(F.linear(hidden, weight) / cap)
    return F.cross_entropy(logits, targets, reduction="sum")


def milliseconds(
    loss: Callable[..., Tensor], config: Config, num_positions: int
) -> float:
    """Time a forward and a backward pass of a loss."""
    generator = torch.Generator().manual_seed(0)
    shape, size = config.model.width, config.model.vocab_size
    hidden = torch.randn(num_positions, shape, generator=generator).requires_grad_()
    weight = torch.randn(size, shape, generator=generator).requires_grad_()
    targets = torch.randint(size, (num_positions,), generator=generator)
    begun = time.perf_counter()
    loss(hidden, weight, targets, config.model.softcap).backward()
    return 1000 * (time.perf_counter() - begun)


def print_losses(config: Config, rounds: int) -> None:
    """The loss of some positions, forward and backward, in both ways in turn."""
    print("\n| positions | loss of tct, ms | over all logits, ms | ratio |")
    print("|---|---|---|---|")
    for num_positions in (128, 512, 1024):
        pairs = [
            [milliseconds(loss, config, num_positions) for loss in _LOSSES]
            for _ in range(1 + rounds)
        ][1:]
        ours, whole = (median(column) for column in zip(*pairs, strict=True))
        ratio = median(b / a for a, b in pairs)
        print(f"| {num_positions:,} | {ours:.1f} | {whole:.1f} | {ratio:.2f} |")


_LOSSES = (softcap_loss, whole_loss)


def print_rates(designs: dict[str, Ours | Peer], rounds: int, steps: int) -> None:
    """Let all designs take turns; the first of them is the one to compare with."""
    timed = {name: Timed() for name in designs}
    for design in designs.values():
        design.round(steps, Timed())
    for _ in range(rounds):
        for name, design in designs.items():
            design.round(steps, timed[name])
    print("| | useful tokens/s | tct is faster by | positions/s | last loss |")
    print("|---|---|---|---|---|")
    ours = next(iter(timed.values()))
    for name, found in timed.items():
        ratio = median(a / b for a, b in zip(ours.rates, found.rates, strict=True))
        print(
            f"| {name} | {median(found.rates):,.0f} | {ratio:.2f} "
            f"| {median(found.positions):,.0f} | {found.loss:.3f} |"
        )


def first_losses(designs: dict[str, Ours | Peer]) -> Iterator[str]:
    """The loss of the first step of each design, from the exported weights."""
    for name, design in designs.items():
        timed = Timed()
        design.round(1, timed)
        yield f"{name} {timed.loss:.4f}"


@click.command()
@click.option("--store", "folder", type=Path, required=True, help="A prepared store.")
@click.option("--preset", default="tiny", show_default=True)
@click.option("--rounds", default=7, show_default=True)
@click.option("--steps", default=4, show_default=True, help="Of a round.")
@click.option("--threads", default=1, show_default=True)
def main(folder: Path, preset: str, rounds: int, steps: int, threads: int) -> None:
    """Print tables in Markdown."""
    torch.set_num_threads(threads)
    store = Store.open(folder)
    with tempfile.TemporaryDirectory() as made:
        run, export = Path(made, "run"), Path(made, "export")
        first = tct.preset(preset, ["run.steps=1", "run.eval_every=1"])
        tct.train(store, run, first, device="cpu")
        tct.export(run, export)
        config = tct.preset(preset, ["schedule=constant", "warmup_steps=0"])
        designs: dict[str, Ours | Peer] = {
            "tct": Ours(store, config, World(device=torch.device("cpu"))),
            "transformers, padded to the longest": Peer(store, config, export, 0),
            "transformers, padded to the context": Peer(
                store, config, export, config.model.context
            ),
        }
    ours, peer, _ = designs.values()
    assert isinstance(ours, Ours)
    ours.learner.model.load_state_dict(from_nanochat(peer.model.state_dict()))
    print(f"# Training {preset} beside transformers\n")
    print(
        f"tct {tct.__version__}, transformers {transformers.__version__}, torch "
        f"{torch.__version__}, Python {platform.python_version()}, "
        f"{platform.machine()}, {threads} threads, {rounds} rounds of {steps} steps of "
        f"{config.data.batch_size} windows\n"
    )
    print(f"Loss of the first step: {', '.join(first_losses(designs))}.\n")
    print_rates(designs, rounds, steps)
    ours.loader.close()
    print_losses(config, rounds)


if __name__ == "__main__":
    main()
