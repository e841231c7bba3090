"""What does one GPU achieve: checks, the speed of a step, its profile, a model.

Runs in pieces, each of which leaves OUT/<piece>.json and is not repeated, so that an
interrupted benchmark continues where it stopped, on another machine if need be:

    environment   the device, and its two ceilings: copies and bfloat16 products
    tests         the tests that need CUDA
    steps         every layout, eager and compiled, beside the original recipe
    profile       where a step of the plan spends its time
    plan, fast    a model trained for the minutes that are left, in equal parts

OUT/gpu.md reports all finished pieces.  Needs no network.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import click
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from train import ORIGINAL, Original, Ours, Timed

from tct import __version__
from tct.data.store import Store
from tct.trainer.config import Config
from tct.trainer.model.cost import peak_flops
from tct.trainer.model.gpt import Layer
from tct.trainer.model.loss import softcap_loss
from tct.trainer.presets import preset
from tct.trainer.training import learner
from tct.trainer.training.distributed import World
from tct.trainer.training.loop import train

PRESET = "workflow-27m"
ROUNDS, STEPS = 5, 20
NO_GRAPHS = "padded, compiled, no CUDA graphs"
# A layer is compiled once instead of twelve times.  On a CPU the first step of the
# preset then takes 16 seconds instead of 44, and later ones as long as before.
REGIONS = "packed, compiled, a region per layer"
DESIGNS: dict[str, list[str]] = {
    "packed, compiled": ["layout=packed"],
    "packed, compiled, Muon": ["layout=packed", "optimizer=muon"],
    REGIONS: ["layout=packed"],
    "padded, compiled": ["layout=padded"],
    "packed": ["layout=packed", "compile=false"],
    "padded": ["layout=padded", "compile=false"],
    "bucketed, passes of 8": ["layout=bucketed", "micro_batch=8", "compile=false"],
    "packed, compiled, dropout": ["layout=packed", "dropout=0.1"],
    "padded, compiled, passes of 16": ["layout=padded", "micro_batch=16"],
    "padded, compiled, 64 windows": [
        "layout=padded",
        "batch_size=64",
        "micro_batch=64",
    ],
    "padded, compiled, passes of 8": ["layout=padded", "micro_batch=8"],
    NO_GRAPHS: ["layout=padded"],
}
"""Every other setting is that of the preset: 32 windows a step, all rows at once."""

TRAINED: dict[str, list[str]] = {
    "plan": ["layout=padded"],
    "fast": [
        "layout=packed",
        "optimizer=muon",
        "lr=3e-3",
        "schedule=linear",
        "min_lr_ratio=0.01",
    ],
}

_OTHERWISE = {"plan": 45, "fast": 90}
"""Seconds that a model takes besides training, mostly to compile each shape."""

_KINDS = {
    "attention": ("flash", "fmha", "attention"),
    "products": ("gemm", "nvjet", "cutlass", "xmma", "cublas"),
    "optimiser and clipping": ("adam", "multi_tensor", "lpnorm"),
    "other fused kernels": ("triton",),
    "copies": ("memcpy", "memset"),
}


@dataclass
class Bench:
    """The inputs of every piece."""

    store: Store
    out: Path
    deadline: float
    world: World = field(default_factory=lambda: World(device=torch.device("cuda")))

    @property
    def left(self) -> float:
        """Seconds until this run should end."""
        return self.deadline - time.monotonic()


# -- pieces ------------------------------------------------------------------------


def environment(bench: Bench) -> dict[str, Any]:
    device = bench.world.device
    source = torch.empty(2**30, dtype=torch.uint8, device=device).random_()
    target = torch.empty_like(source)
    a, b = (
        torch.randn(8192, 8192, device=device, dtype=torch.bfloat16) for _ in range(2)
    )
    return {
        "gpu": torch.cuda.get_device_name(device),
        "memory": torch.cuda.get_device_properties(device).total_memory,
        "torch": str(torch.__version__),
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "tct": __version__,
        "bytes_per_s": 2 * source.numel() / seconds_of(lambda: target.copy_(source)),
        "flops": 2 * 8192**3 / seconds_of(lambda: a @ b),
        "data_sheet_flops": peak_flops(device).flops,
    }


def tests(bench: Bench) -> dict[str, Any]:
    root = Path(__file__).parents[1]
    files = [
        f"tests/trainer/test_{name}.py" for name in ("cuda", "attention", "loader")
    ]
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider"]
    command += files
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR", "E  "))]
    return {
        "exit": done.returncode,
        "summary": lines[-1] if lines else done.stderr[-500:],
        "passed": [line for line in lines if line.startswith("PASSED")],
        "failed": failed[:60],
    }


def steps(bench: Bench) -> dict[str, Any]:
    found = {}
    for name in (ORIGINAL, *DESIGNS):
        if bench.left < 45:
            break
        click.echo(f"{name} …", err=True)
        try:
            found[name] = measure(bench, name)
        except Exception as error:  # the others may still work
            found[name] = {"error": f"{type(error).__name__}: {error}"[:600]}
        torch._dynamo.reset()
        torch.cuda.empty_cache()
        click.echo(f"{name}: {json.dumps(found[name])}", err=True)
    return found


def measure(bench: Bench, name: str) -> dict[str, Any]:
    """Speed and memory of one design."""
    device = bench.world.device
    config = preset(PRESET, ["warmup_steps=0", *DESIGNS.get(name, [])])
    make = Original if name == ORIGINAL else Ours
    options = learner._ON_CUDA if name == NO_GRAPHS else learner._ON_ONE_GPU
    forward = Layer.forward
    if name == REGIONS:
        forward = torch.compiler.nested_compile_region(forward)
    with (
        patch.object(learner, "_ON_ONE_GPU", options),
        patch.object(Layer, "forward", forward),
    ):
        design = make(bench.store, config, bench.world)
        began = time.perf_counter()
        design.round(2 * STEPS, Timed())
        warm_up = time.perf_counter() - began
    torch.cuda.reset_peak_memory_stats(device)
    timed = Timed()
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        design.round(STEPS, timed)
        seconds.append((time.perf_counter() - began) / STEPS)
    if isinstance(design, Ours):
        design.loader.close()
    positions = median(timed.positions)
    return {
        "step_ms": 1e3 * median(seconds),
        "targets_per_s": median(timed.rates),
        "positions_per_s": positions,
        "mfu": median(timed.flops) / peak_flops(device).flops,
        # As others count it: every position costs as much as in a whole window.
        "mfu_padded": positions * 174.6e6 / peak_flops(device).flops,
        # What CUDA graphs hold counts as reserved, not as allocated.
        "memory": torch.cuda.max_memory_reserved(device),
        "loader_wait": median(timed.wait),
        "warm_up_s": warm_up,
        "loss": timed.loss,
    }


def profile_step(bench: Bench) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("padded, compiled", "packed, compiled"):
        config = preset(PRESET, ["warmup_steps=0", *DESIGNS[name]])
        design = Ours(bench.store, config, bench.world)
        design.round(3 * STEPS, Timed())  # so that every shape is compiled
        began = time.perf_counter()
        design.round(STEPS, Timed())
        wall = (time.perf_counter() - began) / STEPS
        with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as log:
            design.round(5, Timed())
        design.loader.close()
        times: Counter[str] = Counter()
        for event in log.key_averages():
            is_kernel = not event.key.startswith("Optimizer.")  # a range of kernels
            if is_kernel and event.device_type == torch.autograd.DeviceType.CUDA:
                times[event.key] += event.self_device_time_total / 5e3
        kinds: Counter[str] = Counter()
        for kernel, ms in times.items():
            kinds[_kind(kernel)] += ms
        found[name] = {
            "wall_ms": 1e3 * wall,
            "kernels_ms": sum(times.values()),
            "kinds_ms": dict(kinds.most_common()),
            "kernels": [[k[:110], ms] for k, ms in times.most_common(25)],
        }
        torch._dynamo.reset()
    found["alone_ms"] = _alone(preset(PRESET))
    return found


def _alone(config: Config) -> dict[str, float]:
    """Parts of a step of 32 x 1,024 positions by themselves, forward and backward."""
    device, dtype = torch.device("cuda"), torch.bfloat16
    model, positions = config.model, 32 * config.model.context
    hidden = torch.randn(positions, model.width, device=device, dtype=dtype)
    hidden.requires_grad_()
    weight = torch.randn(model.vocab_size, model.width, device=device) * 0.05
    weight.requires_grad_()
    targets = torch.randint(0, model.vocab_size, (positions,), device=device)
    shape = 32, model.heads, model.context, model.head_width
    q, k, v = (
        torch.randn(shape, device=device, dtype=dtype, requires_grad=True)
        for _ in range(3)
    )
    upstream = torch.randn(shape, device=device, dtype=dtype)

    def whole() -> None:
        logits = F.linear(hidden, weight.to(dtype)).float()
        logits = model.softcap * torch.tanh(logits / model.softcap)
        F.cross_entropy(logits, targets, reduction="sum").backward()  # type: ignore[no-untyped-call]

    def chunked() -> None:
        softcap_loss(hidden, weight, targets, model.softcap).backward()  # type: ignore[no-untyped-call]

    def attend() -> None:
        mixed: Tensor = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        mixed.backward(upstream)  # type: ignore[no-untyped-call]

    def x1000(function: Callable[[], Any]) -> float:
        return 1e3 * seconds_of(function)

    def peak(function: Callable[[], Any]) -> float:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        function()
        return (torch.cuda.max_memory_allocated() - before) / 1e6

    found = {}
    for name, function in (("whole logits", whole), ("in chunks", chunked)):
        compiled = torch.compile(function)
        found[f"loss, {name}, eager"] = x1000(function)
        found[f"loss, {name}, compiled"] = x1000(compiled)
        found[f"MB: loss, {name}, eager"] = peak(function)
        found[f"MB: loss, {name}, compiled"] = peak(compiled)
    found[f"attention of {model.layers} layers"] = model.layers * x1000(attend)
    return found


def train_model(bench: Bench, name: str) -> dict[str, Any]:
    """Train for as long as this piece may take, on a schedule that ends then."""
    speeds = _read(bench.out, "steps") or {}
    design = "padded, compiled" if name == "plan" else "packed, compiled, Muon"
    step_ms = speeds.get(design, {}).get("step_ms", 20.0)
    ahead = [n for n in TRAINED if n == name or not _path(bench.out, n).exists()]
    seconds = (bench.left - sum(_OTHERWISE[n] for n in ahead)) / len(ahead)
    num_steps = max(100, min(50_000, int(0.9 * 1e3 * seconds / step_ms)))
    settings = [f"steps={num_steps}", f"eval_every={-(-num_steps // 5)}"]
    settings += [f"save_every={num_steps}", "log_every=50"]
    config = preset(PRESET, [*settings, *TRAINED[name]])
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        began = time.perf_counter()
        train(bench.store, run, config, device="cuda")
        wall = time.perf_counter() - began
        lines = (run / "metrics.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    steps_ = [r for r in records if r["kind"] == "train"]
    return {
        "settings": [*settings, *TRAINED[name]],
        "wall_s": wall,
        "steps": num_steps,
        "step_ms": 1e3 * steps_[-1]["seconds"] / num_steps,
        "tokens_per_s": median(r["tokens_per_s"] for r in steps_),
        "mfu": median(r["mfu"] for r in steps_),
        "loader_wait": median(r["loader_wait"] for r in steps_),
        "memory": steps_[-1]["memory"],
        "train": [
            [r["step"], r["tokens"], r["loss"]]
            for r in steps_[:: 1 + len(steps_) // 40]
        ],
        "evaluations": [r for r in records if r["kind"] == "eval"],
    }


PIECES: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "environment": environment,
    "tests": tests,
    "steps": steps,
    "profile": profile_step,
    "plan": lambda bench: train_model(bench, "plan"),
    "fast": lambda bench: train_model(bench, "fast"),
}


# -- report ------------------------------------------------------------------------


def report(out: Path) -> Iterator[str]:
    there = {name: found for name in PIECES if (found := _read(out, name))}
    if found := there.get("environment"):
        yield f"# One {found['gpu']}"
        yield (
            f"tct {found['tct']}, torch {found['torch']}, CUDA {found['cuda']}, Python "
            f"{found['python']}; copies move {found['bytes_per_s'] / 1e12:.2f} TB/s, "
            f"bfloat16 products of 8,192 reach {found['flops'] / 1e12:.0f} of "
            f"{found['data_sheet_flops'] / 1e12:.0f} TFLOP/s."
        )
    if found := there.get("tests"):
        yield f"Tests that need CUDA: {found['summary']}"
        yield from (f"    {line}" for line in found["failed"])
    if found := there.get("steps"):
        yield f"## A step of `{PRESET}`, 32 windows"
        yield _steps_table(found)
    if found := there.get("profile"):
        yield "## Where a step spends its time"
        yield _profile_tables(found)
    for name in TRAINED:
        if found := there.get(name):
            yield f"## `{name}`, trained for {found['wall_s'] / 60:.1f} minutes"
            yield _training(found)


def _steps_table(found: dict[str, Any]) -> str:
    lines = [
        "| | ms a step | targets/s | x original | MFU, targets | MFU, positions | "
        "memory | loader wait | warm-up | last loss |",
        "|---" * 10 + "|",
    ]
    base = found.get(ORIGINAL, {}).get("targets_per_s", float("nan"))
    for name, row in found.items():
        if "error" in row:
            lines.append(f"| {name} | {row['error'][:80]} |" + " |" * 8)
            continue
        lines.append(
            f"| {name} | {row['step_ms']:.1f} | {row['targets_per_s']:,.0f} | "
            f"{row['targets_per_s'] / base:.2f} | {row['mfu']:.1%} | "
            f"{row['mfu_padded']:.1%} | {row['memory'] / 1e9:.2f} GB | "
            f"{row['loader_wait']:.2%} | {row['warm_up_s']:.0f} s | {row['loss']:.3f} |"
        )
    return "\n".join(lines)


def _profile_tables(found: dict[str, Any]) -> str:
    lines = []
    for name, row in found.items():
        if name == "alone_ms":
            continue
        lines += [
            f"{name}: {row['wall_ms']:.1f} ms, of which kernels run "
            f"{row['kernels_ms']:.1f} ms",
            "",
            "| kind | ms |",
            "|---|---|",
        ]
        lines += [f"| {kind} | {ms:.2f} |" for kind, ms in row["kinds_ms"].items()]
        lines += [""]
    lines += ["| part alone, forward and backward | ms or MB |", "|---|---|"]
    lines += [f"| {part} | {ms:.2f} |" for part, ms in found["alone_ms"].items()]
    return "\n".join(lines)


def _training(found: dict[str, Any]) -> str:
    lines = [
        f"{found['steps']:,} steps of {found['step_ms']:.1f} ms, "
        f"{found['tokens_per_s']:,.0f} targets/s, MFU {found['mfu']:.1%} of targets, "
        f"loader wait {found['loader_wait']:.2%}, {found['memory'] / 1e9:.1f} GB; "
        f"`{' '.join(found['settings'])}`",
        "",
        "| step | tokens | validation loss | bits per byte |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {r['step']:,} | {r['tokens']:,} | {r['val_loss']:.4f} | "
        f"{r['bits_per_byte']:.4f} |"
        for r in found["evaluations"]
    ]
    return "\n".join(lines)


# -- helpers -----------------------------------------------------------------------


def seconds_of(function: Callable[[], Any], *, repeats: int = 20) -> float:
    """Median seconds of one call on the device."""
    for _ in range(3):
        function()
    found = []
    for _ in range(repeats):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        function()
        end.record()
        end.synchronize()
        found.append(begin.elapsed_time(end) / 1e3)
    return median(found)


def _kind(kernel: str) -> str:
    lower = kernel.lower()
    for kind, parts in _KINDS.items():
        if any(part in lower for part in parts):
            return kind
    return "other"


def _path(out: Path, name: str) -> Path:
    return out / f"{name}.json"


def _read(out: Path, name: str) -> dict[str, Any] | None:
    path = _path(out, name)
    return json.loads(path.read_text()) if path.exists() else None


@contextmanager
def _reported(out: Path) -> Iterator[None]:
    try:
        yield
    finally:
        (out / "gpu.md").write_text("\n\n".join(report(out)) + "\n")


@click.command()
@click.option("--store", "folder", type=Path, required=True, help="A prepared store.")
@click.option("--minutes", default=25.0, show_default=True, help="For this run.")
@click.option("-o", "--out", type=Path, required=True, help="Of pieces and report.")
@click.option("--only", multiple=True, type=click.Choice(list(PIECES)))
def main(folder: Path, minutes: float, out: Path, only: tuple[str, ...]) -> None:
    """Run the missing pieces for this many minutes; write OUT/gpu.md."""
    out.mkdir(parents=True, exist_ok=True)
    bench = Bench(Store.open(folder), out, time.monotonic() + 60 * minutes)
    os.environ.setdefault(
        "TORCHINDUCTOR_CACHE_DIR", str(Path(tempfile.gettempdir()) / "inductor")
    )
    with _reported(out):
        for name in only or PIECES:
            if _path(out, name).exists() or bench.left < 60:
                continue
            began = time.monotonic()
            found = PIECES[name](bench)
            _path(out, name).write_text(json.dumps(found, indent=1))
            click.echo(f"{name}: {time.monotonic() - began:.0f} s", err=True)
    click.echo((out / "gpu.md").read_text())


if __name__ == "__main__":
    main()
