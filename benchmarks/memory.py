"""How much memory does it take to prepare more and more documents?

Every 8th, 4th, 2nd document of a corpus, then all of them, with two workers.  The peak
is that of each process over its life, as Linux counts it; pages of files that are
mapped, the store's among them, count as well.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pyarrow.parquet as pq

from tct import __version__

CORPUS = Path(__file__).parents[2] / "shared" / "corpus" / "workflows-100k.parquet"
WORKERS = 2


def processes(pid: int) -> Iterator[int]:
    """A process and those below it."""
    yield pid
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            yield from processes(int(child))


def peak(pid: int) -> float:
    """Peak of a process, MB."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = [line.split()[1] for line in status if line.startswith("VmHWM")]
    return int(found[0]) / 1e3 if found else 0


def peaks(command: list[str], cache: str) -> list[float]:
    """MB of the processes of a command: its own, then the others, the largest first."""
    environment = {**os.environ, "XDG_CACHE_HOME": cache}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet)
    found: dict[int, float] = {}
    while process.poll() is None:
        try:
            for pid in processes(process.pid):
                found[pid] = max(peak(pid), found.get(pid, 0))
        except OSError:
            pass  # one has ended meanwhile
        time.sleep(0.02)
    assert process.returncode == 0
    return [found.pop(process.pid), *sorted(found.values(), reverse=True)]


def measure(corpus: Path, every: int, options: tuple[str, ...]) -> None:
    """Prepare every n-th document; print a row."""
    with tempfile.TemporaryDirectory() as folder:
        rows = pq.read_table(corpus).take(
            list(range(0, pq.ParquetFile(corpus).metadata.num_rows, every))
        )
        pq.write_table(rows, f"{folder}/rows.parquet", row_group_size=4096)
        command = ["prepare", f"{folder}/rows.parquet", "-o", f"{folder}/store"]
        command += ["--workers", f"{WORKERS}", *options]
        main_process, *others = peaks([sys.executable, "-m", "tct", *command], folder)
        shown = " and ".join(f"{size:.0f}" for size in others[:WORKERS])
        print(
            f"| {' '.join(options)} | {len(rows):,} | {main_process:.0f} | {shown} |",
            flush=True,
        )


@click.command()
@click.option("--corpus", type=click.Path(path_type=Path), default=CORPUS)
def main(corpus: Path) -> None:
    """Print a table in Markdown."""
    print(
        f"# Memory of preparing\n\ntct {__version__}, Python "
        f"{platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}"
        "\n\n| options | inputs | main process, MB | workers, MB |\n|---|---|---|---|"
    )
    for every in (8, 4, 2, 1):
        measure(corpus, every, ())
    measure(corpus, 1, ("--near-dup",))


if __name__ == "__main__":
    main()
