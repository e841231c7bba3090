"""The whole of `tct prepare` on a few damaged sources: a store, or one line."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from tct.cli import main
from tct.data.store import Store
from tct.tests.boundaries import test_archives, test_tables
from tct.tests.boundaries.harness import mutation, overwrite

KINDS = test_tables.KINDS | test_archives.KINDS
NUM_SOURCES = 6


@pytest.mark.parametrize("suffix", KINDS)
def test_prepare_makes_a_store_or_says_why_not(suffix: str, tmp_path: Path) -> None:
    valid = KINDS[suffix]()
    for n in range(NUM_SOURCES):
        source, store = tmp_path / f"{n}{suffix}", tmp_path / f"store-{n}"
        source.write_bytes(mutation(f"prepare{suffix}", valid, n, overwrite))
        arguments = ["prepare", str(source), "-o", str(store), "--workers", "1"]
        result = CliRunner().invoke(main, arguments)
        if result.exit_code == 0:
            assert len(Store.open(store, verify="full"))
        else:
            assert isinstance(result.exception, SystemExit), result.exception
            assert result.stderr.splitlines()[-1].startswith(f"Error: {source}: ")
            assert not store.exists()
