"""Real workflows, where the shared corpus stands beside the checkout."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tct.data.json_text import canonical_bytes
from tct.data.store import Store, read_arrow
from tct.pipeline.parse import parse_document
from tct.pipeline.prepare import PrepareOptions, prepare
from tct.pipeline.progress import SilentProgress

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "workflows-head.parquet"
NUM_ROWS = 300


@pytest.mark.skipif(not CORPUS.is_file(), reason=f"{CORPUS} is not there")
def test_real_workflows_decode_byte_for_byte(
    store_folder: Path, tmp_path: Path
) -> None:
    batch = next(pq.ParquetFile(CORPUS).iter_batches(NUM_ROWS))
    pq.write_table(pa.Table.from_batches([batch]), tmp_path / "head.parquet")
    options = PrepareOptions(tokenizer=store_folder / "tokenizer.json")
    prepare([tmp_path / "head.parquet"], tmp_path / "store", options, SilentProgress())

    store = Store.open(tmp_path / "store")
    rejects = read_arrow(tmp_path / "store" / "rejects.arrow")
    paths = store.docs["path"].to_pylist()
    everything = {f"head.parquet#{row}" for row in range(NUM_ROWS)}
    assert {*paths, *rejects["path"].to_pylist()} == everything
    assert len(paths) + len(rejects) == NUM_ROWS
    assert len(paths) > 0.9 * NUM_ROWS

    texts, repos = batch["text"].to_pylist(), batch["repo"].to_pylist()
    for row, path in enumerate(paths):
        number = int(path.partition("#")[2])
        canonical = canonical_bytes(parse_document(texts[number].encode()))
        value = store.tokenizer.decode(store.tokens(row))
        assert canonical_bytes(value) == canonical
        assert store.docs["group"][row].as_py() == repos[number]
