"""Does TCT pay?  Train one small model on TCT and on BPE of JSON, and compare.

Both arms have the same preset, so equal parameters; the same documents; and as many
tokens, so equal operations but for a few in attention, which are printed.  On unseen
repositories it measures bits per byte of canonical JSON, which compares across
tokenizers, and how many written documents are whole and on the schema, freely and under
masks.
"""

import hashlib
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import torch
from engines import Cursor, Engine, peer_engines, tct_engines
from schemes import BASELINE, CORPUS, SCHEMES, OnText, Pair, Scheme, read_corpus, say
from tokenizer import PEERS, version
from writing import STAGES, Drawing, funnel

from tct import __version__
from tct.data.documents.json_text import canonical_bytes
from tct.data.files import write_json
from tct.data.store import DOCS_SCHEMA, REJECTS_SCHEMA, SPLITS, Split, Store
from tct.data.store.manifest import complete_manifest, describe_store
from tct.data.store.writer import ShardWriter, describe_files, split_column, write_table
from tct.data.tokenizer import Tokenizer
from tct.data.windows import WindowPlan
from tct.trainer.model.cost import training_flops
from tct.trainer.presets import preset
from tct.trainer.runs.checkpoint import load_model
from tct.trainer.runs.live import make_progress
from tct.trainer.training.loop import train as run_training

BATCH = 4
DRAWINGS = (
    Drawing(temperature=1.0, top_p=1.0),
    Drawing(temperature=0.7, top_p=0.9),
)

Start = Callable[[], Cursor]


@dataclass(kw_only=True)
class Arm:
    """One tokenizer, the store of its ids, and its results."""

    name: str
    scheme: Scheme
    store: Store
    starts: dict[str, Start | None]
    """Ways of writing: freely, and under the masks of each engine."""
    steps: int = 0
    flops: float = 0.0
    """Of a training; FLOPs on targets."""
    seconds: list[float] = field(default_factory=list)
    curves: list[list[float]] = field(default_factory=list)
    """Bits per byte after each part of the training, for each seed."""
    funnels: dict[tuple[str, Drawing], list[list[float]]] = field(default_factory=dict)
    """Shares for each seed, by way of writing."""


def write_store(folder: Path, splits: dict[Split, list[Pair]], scheme: Scheme) -> Store:
    """Write a store of one encoding; its tokenizer.json is an unused placeholder."""
    folder.mkdir()
    writer, rows = ShardWriter(folder), []
    for split in SPLITS:
        for number, (repository, value) in enumerate(splits[split]):
            text = canonical_bytes(value)
            ids = np.asarray(scheme.encode(value), dtype=np.uint16)
            shard, offset = writer.add(ids)
            digest = hashlib.sha256(text).digest()
            rows.append(
                {
                    "sha256": digest,
                    "path": f"{split}/{number}",
                    "group": repository,
                    "split": split,
                    "n_bytes": len(text),
                    "n_source_bytes": len(text),
                    "shard": shard,
                    "offset": offset,
                    "length": len(ids),
                    "on_schema": False,
                    "source_sha256": digest,
                }
            )
    writer.close()
    columns = {name: [row[name] for row in rows] for name in DOCS_SCHEMA.names}
    columns["split"] = split_column(columns["split"])
    docs, rejects = pa.table(columns, schema=DOCS_SCHEMA), REJECTS_SCHEMA.empty_table()
    write_table(folder / "docs.arrow", docs)
    write_table(folder / "rejects.arrow", rejects)
    Tokenizer.default().save(folder / "tokenizer.json")
    fixed = {
        **describe_store(docs, rejects),
        "tokenizer": Tokenizer.default().digest,
        "files": describe_files(folder),
    }
    write_json(folder / "manifest.json", complete_manifest(fixed, {}, {}))
    return Store.open(folder)


def make_arm(
    name: str, splits: dict[Split, list[Pair]], folder: Path, *, masks: bool
) -> Arm:
    """Learn a tokenizer and encode all documents with it."""
    say(f"training the tokenizer {name}")
    make = next(make for known, _, make in SCHEMES if known == name)
    scheme = make(splits["train"])
    store = write_store(folder / name.replace(" ", "-"), splits, scheme)
    starts: dict[str, Start | None] = {"free": None}
    if masks:
        starts |= {engine.name: engine.start for engine in engines_of(scheme)}
    return Arm(name=name, scheme=scheme, store=store, starts=starts)


def engines_of(scheme: Scheme) -> list[Engine]:
    """Choose the mask engines for a model of this tokenizer."""
    if isinstance(scheme, Tokenizer):
        return tct_engines(scheme, ())[:1]
    if not isinstance(scheme, OnText):
        return []
    found = peer_engines(scheme.model, lambda *cells: say(" ".join(cells)))
    # Writing needs no order of keys beforehand, so each engine once: xgrammar without
    # one, as it takes most documents then; llguidance has the schema's alone.
    wanted = ("xgrammar, any order", "llguidance")
    return [e for e in found if e.name in wanted and not e.in_order]


def train_arm(arm: Arm, run: Path, *, tokens: int, seed: int, evals: int) -> None:
    """Train on this many tokens, evaluating `evals` times; fills `arm`."""
    lengths = arm.store.length[arm.store.rows("train")]
    plan = WindowPlan(lengths, epoch=0)
    arm.steps = max(evals, round(tokens * plan.num_windows / (BATCH * lengths.sum())))
    changes = [
        f"run.steps={arm.steps}",
        f"run.eval_every={-(-arm.steps // evals)}",
        f"run.save_every={arm.steps}",
        f"data.seed={seed}",
        f"data.batch_size={BATCH}",
    ]
    config = preset("tiny", changes)
    windows = plan.all()
    per_token = training_flops(config.model, windows.end - windows.start)
    arm.flops = per_token / lengths.sum() * tokens
    begun = time.perf_counter()
    run_training(arm.store, run, config, device="cpu", progress=make_progress())
    arm.seconds.append(time.perf_counter() - begun)
    records = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    arm.curves.append([r["bits_per_byte"] for r in records if "bits_per_byte" in r])


def write_arm(arm: Arm, run: Path, *, samples: int, seed: int) -> None:
    """Let a trained model write in every way; fills `arm`."""
    model, _, _ = load_model(run)
    for way, start in arm.starts.items():
        for drawing in DRAWINGS:
            shares = funnel(
                model, arm.scheme, start, drawing, samples=samples, seed=seed
            )
            found = ", ".join(f"{share:.1%}" for share in shares)
            say(f"{arm.name}, seed {seed}, {way}, {drawing}: {found}")
            arm.funnels.setdefault((way, drawing), []).append(shares)


def print_bits(arms: list[Arm]) -> None:
    """Bits per byte at the end, for each seed, and the first arm's less others'."""
    seeds = range(len(arms[0].curves))
    click.echo("## Bits per byte of canonical JSON\n")
    names = " | ".join(f"seed {seed}" for seed in seeds)
    click.echo(f"| | steps | FLOPs | training | {names} | mean | x {arms[0].name} |")
    click.echo("|---" * (6 + len(seeds)) + "|")
    for arm in arms:
        last = [curve[-1] for curve in arm.curves]
        ours = [curve[-1] for curve in arms[0].curves]
        ratios = [a / b for a, b in zip(last, ours, strict=True)]
        cells = " | ".join(f"{bits:.3f}" for bits in last)
        click.echo(
            f"| {arm.name} | {arm.steps:,} | {arm.flops:.3g} "
            f"| {statistics.mean(arm.seconds):,.0f} s | {cells} "
            f"| {statistics.mean(last):.3f} | {statistics.mean(ratios):.3f} |"
        )
    click.echo("\n## On the way, means of the seeds\n")
    parts = len(arms[0].curves[0])
    shares = (f"{part / parts:.0%}" for part in range(1, parts + 1))
    click.echo(f"| | {' | '.join(shares)} |")
    click.echo("|---" * (1 + parts) + "|")
    for arm in arms:
        means = (statistics.mean(bits) for bits in zip(*arm.curves, strict=True))
        click.echo(f"| {arm.name} | " + " | ".join(f"{m:.3f}" for m in means) + " |")


def print_funnels(arms: list[Arm], samples: int) -> None:
    """Shares of all samples, means of the seeds and the least and most of the last."""
    click.echo(f"\n## Written documents, {samples} for each seed\n")
    click.echo(f"| | masks | drawing | {' | '.join(STAGES)} | by seed |")
    click.echo("|---" * (4 + len(STAGES)) + "|")
    for arm in arms:
        for (way, drawing), shares in arm.funnels.items():
            means = (statistics.mean(found) for found in zip(*shares, strict=True))
            cells = " | ".join(f"{mean:.1%}" for mean in means)
            last = [found[-1] for found in shares]
            click.echo(
                f"| {arm.name} | {way} | {drawing} | {cells} "
                f"| {min(last):.1%} to {max(last):.1%} |"
            )


@click.command()
@click.option("--corpus", type=Path, default=CORPUS, help="Any source of tct prepare.")
@click.option(
    "--scheme",
    "names",
    multiple=True,
    default=("TCT", BASELINE),
    show_default=True,
    type=click.Choice([name for name, _, _ in SCHEMES]),
)
@click.option("--tokens", default=600_000, show_default=True, help="Of a training.")
@click.option("--seeds", default=3, show_default=True)
@click.option("--evals", default=2, show_default=True, help="Of a training.")
@click.option(
    "--samples", default=12, show_default=True, help="Of each way; 0 for none."
)
@click.option("--threads", default=2, show_default=True)
def main(
    corpus: Path,
    names: tuple[str, ...],
    tokens: int,
    seeds: int,
    evals: int,
    samples: int,
    threads: int,
) -> None:
    """Print tables in Markdown."""
    os.environ |= {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1"}
    train, test = read_corpus(corpus)
    splits: dict[Split, list[Pair]] = {"train": train, "val": test}
    click.echo(
        f"# {tokens:,} tokens of {len(train):,} documents, {seeds} seeds, "
        f"{len(test):,} test documents\n"
    )
    click.echo(
        f"tct {__version__}, torch {torch.__version__}, "
        f"{', '.join(map(version, PEERS))}, Python {platform.python_version()}, "
        f"{platform.machine()}, {threads} threads\n"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arms = [make_arm(n, splits, folder, masks=samples > 0) for n in names]
        for seed in range(seeds):
            for number, arm in enumerate(arms):
                say(f"training {arm.name}, seed {seed}")
                run = folder / f"run-{number}-{seed}"
                torch.set_num_threads(threads)
                train_arm(arm, run, tokens=tokens, seed=seed, evals=evals)
                torch.set_num_threads(1)
                if samples:
                    write_arm(arm, run, samples=samples, seed=seed)
    print_bits(arms)
    if samples:
        print_funnels(arms, samples)


if __name__ == "__main__":
    main()
