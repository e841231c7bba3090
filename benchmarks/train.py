"""How fast is a training step, next to padded rows and to the original recipe?

Every design learns from the same windows with the same initial weights, in interleaved
rounds.  Its rate is targets per second of whole steps: fetching the batch, the forward
and backward pass, clipping, the update, and reading the loss where a design reads it.
"""

import math
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import click
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tct import __version__
from tct.data.store import Store
from tct.data.tokenizer import PAD
from tct.trainer import presets
from tct.trainer.config import Config
from tct.trainer.model import GPT, IGNORE_INDEX, init_weights
from tct.trainer.model.cost import Peak, peak_flops, peak_memory, training_flops
from tct.trainer.optim.lr_schedule import learning_rate
from tct.trainer.presets import override
from tct.trainer.training.distributed import World
from tct.trainer.training.learner import Learner, make_learner
from tct.trainer.training.loader import Loader
from tct.trainer.training.splits import training_batches
from tct.trainer.training.step import train_step

REFERENCE = "padded"
DESIGNS: dict[str, list[str]] = {
    # Rows of a pass are those of the plan, or what a CPU's cache likes.
    REFERENCE: ["layout=padded", "compile=false"],
    "bucketed": ["layout=bucketed", "compile=false"],
    "packed": ["layout=packed", "compile=false"],
    "the device's choice": ["layout=none", "micro_batch=none", "compile=none"],
    "padded, compiled": ["layout=padded", "compile=true"],
    "bucketed, compiled": ["layout=bucketed", "compile=true"],
    "packed, compiled": ["layout=packed", "compile=true"],
}
ORIGINAL = "the original's recipe"


@dataclass
class Timed:
    """Measurements of one design."""

    rates: list[float] = field(default_factory=list)
    """Targets per second of each round."""
    positions: list[float] = field(default_factory=list)
    flops: list[float] = field(default_factory=list)
    wait: list[float] = field(default_factory=list)
    loss: float = math.nan
    """Of the last step, in nats per token."""


class Ours:
    """`train_step` on batches of a `Loader`."""

    def __init__(self, store: Store, config: Config, world: World) -> None:
        """First weights, first step."""
        model = GPT(config.model)
        init_weights(model, seed=config.data.seed)
        self.config, self.world = config, world
        self.learner: Learner = make_learner(model.to(world.device), config, world)
        self.loader = Loader(training_batches(store, config, world), world.device)
        self.step = 0

    def round(self, steps: int, timed: Timed) -> None:
        """Learn from the next steps."""
        targets = positions = 0
        flops, waited = 0.0, self.loader.waited
        begun = time.perf_counter()
        for _ in range(steps):
            batch = next(self.loader)
            optim, total = self.config.optim, self.config.run.steps
            lr = learning_rate(self.step, optim, steps=total)
            result = train_step(self.learner, batch, lr=lr, clip=optim.clip)
            targets += result.targets
            positions += sum(part.inputs.numel() for part in batch.micro_batches)
            flops += training_flops(self.config.model, batch.windows.length)
            self.step += 1
        timed.loss = result.loss_sum.item() / result.targets
        seconds = time.perf_counter() - begun
        timed.rates.append(targets / seconds)
        timed.positions.append(positions / seconds)
        timed.flops.append(flops / seconds)
        timed.wait.append((self.loader.waited - waited) / seconds)


class Original:
    """The step of the original trainer, by its rules.

    Rows padded to the context; batches made from Python lists as int64, x and y each;
    bfloat16 by autocast on a GPU; a mean over the batch's targets; decay on every
    tensor; the rate from a cosine of a tensor; the loss read in every step.
    """

    def __init__(self, store: Store, config: Config, world: World) -> None:
        """First weights, first step."""
        self.config, self.device = config, world.device
        self.model = GPT(config.model)
        init_weights(self.model, seed=config.data.seed)
        self.model.to(self.device)
        optim = config.optim
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=optim.lr,
            betas=(optim.beta1, optim.beta2),
            weight_decay=optim.weight_decay,
        )
        self.batches = training_batches(store, config, world)
        self.store, self.step = store, 0

    def _rows(self) -> Iterator[tuple[list[int], list[int]]]:
        steps = self.batches.num_steps(0)
        windows = self.batches.windows(self.step // steps, self.step % steps)
        context = self.config.model.context
        columns = (windows.document, windows.start, windows.end)
        for row, start, end in zip(*(c.tolist() for c in columns), strict=True):
            content = self.store.tokens(row)[start:end].tolist()
            rest = context - len(content)
            yield (
                [start // self.batches.stride, *content[:-1], *[PAD] * rest],
                [*content, *[IGNORE_INDEX] * rest],
            )

    def round(self, steps: int, timed: Timed) -> None:
        """Learn from the next steps."""
        targets = positions = 0
        flops = 0.0
        begun = time.perf_counter()
        for _ in range(steps):
            rows = list(self._rows())
            x, y = (
                torch.tensor(part, dtype=torch.int64).to(self.device)
                for part in zip(*rows, strict=True)
            )
            timed.loss = self._learn(x, y)
            lengths = (y != IGNORE_INDEX).sum(1).cpu().numpy()
            targets += int(lengths.sum())
            positions += x.numel()
            flops += training_flops(self.config.model, lengths)
            self.step += 1
        seconds = time.perf_counter() - begun
        timed.rates.append(targets / seconds)
        timed.positions.append(positions / seconds)
        timed.flops.append(flops / seconds)
        timed.wait.append(math.nan)

    def _learn(self, x: Tensor, y: Tensor) -> float:
        is_gpu = self.device.type == "cuda"
        with torch.autocast("cuda", torch.bfloat16) if is_gpu else nullcontext():
            logits = self.model(x)
            loss = F.cross_entropy(
                logits.flatten(0, 1), y.flatten(), ignore_index=IGNORE_INDEX
            )
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.optim.clip)
        angle = torch.tensor(math.pi * self.step / self.config.run.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.optim.lr * (0.55 + 0.45 * torch.cos(angle)).item()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if is_gpu:
            torch.cuda.synchronize()
        return loss.item()


Design = Ours | Original


def make(name: str, store: Store, config: Config, world: World) -> Design:
    if name == ORIGINAL:
        return Original(store, override(config, DESIGNS[REFERENCE]), world)
    return Ours(store, override(config, DESIGNS[name]), world)


def memory_of_process(name: str, arguments: list[str]) -> int:
    """Peak memory of two steps, in a process that does nothing else."""
    click.echo(f"memory: {name}", err=True)
    command = [sys.executable, __file__, *arguments, "--memory-of", name]
    return int(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def table(results: dict[str, Timed], memory: dict[str, int], peak: Peak) -> str:
    def ratio(name: str, to: str) -> str:
        pairs = zip(results[name].rates, results[to].rates, strict=True)
        return f"{median(ours / theirs for ours, theirs in pairs):.2f}"

    lines = [
        "| | targets/s | x padded | x original | positions/s | MFU | memory | "
        "loader wait | last loss |",
        "|---" * 9 + "|",
    ]
    for name, timed in results.items():
        wait = median(timed.wait)
        lines.append(
            f"| {name} | {median(timed.rates):,.0f} | {ratio(name, REFERENCE)} | "
            f"{ratio(name, ORIGINAL)} | {median(timed.positions):,.0f} | "
            f"{median(timed.flops) / peak.flops:.1%} | {memory[name] / 1e9:.2f} GB | "
            f"{'-' if math.isnan(wait) else f'{wait:.2%}'} | {timed.loss:.4f} |"
        )
    return "\n".join(lines)


def measure(
    names: list[str], build: Callable[[str], Design], *, rounds: int, steps: int
) -> dict[str, Timed]:
    """Interleaved rounds; the first steps of each design are not timed."""
    designs = {name: build(name) for name in names}
    results = {name: Timed() for name in names}
    for name, design in designs.items():
        click.echo(f"warming up: {name}", err=True)
        design.round(steps, Timed())
    for number in range(rounds):
        for name, design in designs.items():
            design.round(steps, results[name])
        click.echo(f"round {number + 1} of {rounds}", err=True)
    for design in designs.values():
        if isinstance(design, Ours):
            design.loader.close()
    return results


@click.command()
@click.option("--store", "folder", type=Path, required=True, help="A prepared store.")
@click.option("--preset", default="workflow-27m", show_default=True)
@click.option("--device", default="auto", show_default=True)
@click.option("--batch-size", default=32, show_default=True)
@click.option("--micro-batch", default=8, show_default=True, help="Rows of a pass.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--steps", default=1, show_default=True, help="Of a round.")
@click.option("--only", multiple=True, help="A design, to leave out others.")
@click.option("--memory-of", hidden=True)
def main(
    folder: Path,
    preset: str,
    device: str,
    batch_size: int,
    micro_batch: int,
    rounds: int,
    steps: int,
    only: tuple[str, ...],
    memory_of: str | None,
) -> None:
    """Print a table in Markdown."""
    from tct.trainer.training.device import pick_device

    store, world = Store.open(folder), World(device=pick_device(device))
    settings = [f"batch_size={batch_size}", f"micro_batch={micro_batch}"]
    settings += ["warmup_steps=0"]  # or there would be no loss to compare
    config = presets.preset(preset, settings)

    def build(name: str) -> Design:
        return make(name, store, config, world)

    if memory_of is not None:
        build(memory_of).round(2, Timed())
        click.echo(peak_memory(world.device))
        return
    names = [n for n in (ORIGINAL, *DESIGNS) if not only or n in only]
    names = list(dict.fromkeys([ORIGINAL, REFERENCE, *names]))
    arguments = sys.argv[1:]
    memory = {name: memory_of_process(name, arguments) for name in names}
    results = measure(names, build, rounds=rounds, steps=steps)
    peak = peak_flops(world.device)
    where = platform.machine()
    if world.device.type == "cuda":
        where = torch.cuda.get_device_name(world.device)
    click.echo(f"# A step of {preset}, {batch_size} windows\n")
    click.echo(
        f"tct {__version__}, torch {torch.__version__}, numpy {np.__version__}, "
        f"Python {platform.python_version()}; {where}, {torch.get_num_threads()} "
        f"threads, {rounds} interleaved rounds of {steps} steps, medians; peak "
        f"{peak.flops / 1e12:.3g} TFLOP/s, {peak.source}\n"
    )
    shown: list[Any] = ["python", "benchmarks/train.py", "--store", "STORE"]
    shown += arguments[2:] if arguments[0] == "--store" else []
    click.echo("    " + " ".join(map(str, shown)) + "\n")
    click.echo(table(results, memory, peak))


if __name__ == "__main__":
    main()
