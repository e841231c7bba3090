"""Real workflows, where the shared corpus stands beside the checkout."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tct.data.display.progress import SilentProgress
from tct.data.documents.json_text import canonical_bytes
from tct.data.documents.parse import parse_document
from tct.data.store import REJECTS_SCHEMA, Store
from tct.data.store.files import read_arrow
from tct.pipeline.prepare import PrepareOptions, prepare

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "workflows-head.parquet"


@pytest.mark.skipif(not CORPUS.is_file(), reason=f"{CORPUS} is not there")
@pytest.mark.parametrize("num_rows", [300, pytest.param(3054, marks=pytest.mark.slow)])
def test_real_workflows_decode_byte_for_byte(
    num_rows: int, store_folder: Path, tmp_path: Path
) -> None:
    batch = next(pq.ParquetFile(CORPUS).iter_batches(num_rows))
    pq.write_table(pa.Table.from_batches([batch]), tmp_path / "head.parquet")
    options = PrepareOptions(tokenizer=store_folder / "tokenizer.json")
    prepare([tmp_path / "head.parquet"], tmp_path / "store", options, SilentProgress())

    store = Store.open(tmp_path / "store")
    rejects = read_arrow(tmp_path / "store" / "rejects.arrow", REJECTS_SCHEMA)
    paths = store.docs["path"].to_pylist()
    everything = {f"head.parquet#{row}" for row in range(num_rows)}
    assert {*paths, *rejects["path"].to_pylist()} == everything
    assert len(paths) + len(rejects) == num_rows
    assert len(paths) > 0.9 * num_rows

    texts, repos = batch["text"].to_pylist(), batch["repo"].to_pylist()
    for row, path in enumerate(paths):
        number = int(path.partition("#")[2])
        canonical = canonical_bytes(parse_document(texts[number].encode()))
        value = store.tokenizer.decode(store.tokens(row))
        assert canonical_bytes(value) == canonical
        assert store.docs["group"][row].as_py() == repos[number]
