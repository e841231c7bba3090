"""Are shorter encodings easier to learn?  Bits per byte of one small model.

The same model (preset tiny) sees the same number of tokens, so the same number of
floating-point operations, of each encoding; all have 8,192 ids.  It is measured on
unseen repositories in bits per byte of canonical JSON, which compares across encodings.
"""

import hashlib
import json
import os
import platform
import tempfile
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import torch
from tokenizer import BASELINE, CORPUS, SCHEMES, Pair, Scheme, read_corpus, say

from tct import __version__
from tct.data.files import write_json
from tct.data.json_text import canonical_bytes
from tct.data.store import DOCS_SCHEMA, REJECTS_SCHEMA, SPLITS, Split, Store
from tct.data.tokenizer import Tokenizer
from tct.data.windows import WindowPlan
from tct.pipeline.manifest import complete_manifest, describe_store
from tct.pipeline.writer import ShardWriter, describe_files, split_column, write_table
from tct.trainer.loop import train as run_training
from tct.trainer.presets import resolve
from tct.trainer.progress import make_progress

BATCH = 4
COMPARED = ("TCT", "TCT with neither", BASELINE)


def write_store(folder: Path, splits: dict[Split, list[Pair]], scheme: Scheme) -> Store:
    """A store of one encoding; its tokenizer.json is not used, it fills a place."""
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


def bits_per_byte(store: Store, run: Path, tokens: int, seed: int) -> list[float]:
    """Of the validation split, after each tenth of a training on so many tokens."""
    lengths = store.length[store.rows("train")]
    per_window = lengths.sum() / WindowPlan(lengths, epoch=0).num_windows
    steps = max(10, round(tokens / (BATCH * per_window)))
    changes = [
        f"run.steps={steps}",
        f"run.eval_every={-(-steps // 10)}",
        f"run.save_every={steps}",
        f"data.seed={seed}",
        f"data.batch_size={BATCH}",
    ]
    config = resolve("tiny", changes)
    run_training(
        store, run, config, device="cpu", resume=False, progress=make_progress()
    )
    records = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [r["bits_per_byte"] for r in records if "bits_per_byte" in r]


@click.command()
@click.option("--corpus", type=Path, default=CORPUS, help="Parquet: repo, text.")
@click.option("--tokens", default=1_500_000, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--threads", default=1, show_default=True)
def main(corpus: Path, tokens: int, seed: int, threads: int) -> None:
    """Print a table in Markdown."""
    os.environ |= {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1"}
    torch.set_num_threads(threads)
    train, test = read_corpus(corpus)
    click.echo(
        f"# Bits per byte after {tokens:,} tokens, {len(test):,} test documents\n"
    )
    click.echo(
        f"tct {__version__}, torch {torch.__version__}, "
        f"Python {platform.python_version()}, {platform.machine()}, seed {seed}\n"
    )
    shares = range(1, 11)
    click.echo("| | " + " | ".join(f"{share * 10} %" for share in shares) + " |")
    click.echo("|---" * 11 + "|")
    for name, _, trainer in SCHEMES:
        if name not in COMPARED:
            continue
        say(f"training {name}")
        with tempfile.TemporaryDirectory() as folder:
            splits: dict[Split, list[Pair]] = {"train": train, "val": test}
            store = write_store(Path(folder) / "store", splits, trainer(train))
            found = bits_per_byte(store, Path(folder) / "run", tokens, seed)
        click.echo(f"| {name} | " + " | ".join(f"{bits:.3f}" for bits in found) + " |")


if __name__ == "__main__":
    main()
