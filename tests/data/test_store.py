"""Stores: what is written is what is read, without a copy, or it is refused."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tct.data.errors import CorruptError, FormatError
from tct.data.store import DOCS_SCHEMA, GUARD_TOKENS, REJECTS_SCHEMA, Store
from tct.data.store.files import Verify, read_arrow, shard_name
from tct.data.store.writer import ShardWriter
from tct.data.tokenizer import PAD

BuildStore = Callable[..., Store]


def documents(*sizes: int) -> list[NDArray[np.uint16]]:
    """Documents whose tokens are all different."""
    ends = np.cumsum(sizes)
    return [np.arange(e - n, e, dtype="<u2") for e, n in zip(ends, sizes, strict=True)]


@pytest.fixture
def copied(store_folder: Path, tmp_path: Path) -> Path:
    """A copy of the prepared store that a test may damage."""
    return shutil.copytree(store_folder, tmp_path / "copied")


# -- round trip ------------------------------------------------------------------------


def test_tokens_come_back_from_several_shards(build_store: BuildStore) -> None:
    written = documents(4, 3, 3, 1, 10, 2, 9)
    store = build_store(written, max_tokens=10)
    assert store.shard.tolist() == [0, 0, 0, 1, 2, 3, 4]
    assert store.offset.tolist() == [0, 4, 7, 0, 0, 0, 0]
    assert store.length.tolist() == [4, 3, 3, 1, 10, 2, 9]
    assert [store.tokens(row).tolist() for row in range(len(store))] == [
        ids.tolist() for ids in written
    ]


def test_a_document_never_crosses_shards(build_store: BuildStore) -> None:
    store = build_store(documents(6, 6, 15, 6, 3), max_tokens=10)
    # One document that is longer than a shard has a shard of its own.
    assert [len(shard) - GUARD_TOKENS for shard in store.shards] == [6, 6, 15, 9]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=30), data=st.data())
def test_shards_hold_the_documents_in_order(
    tmp_path: Path, sizes: list[int], data: st.DataObject
) -> None:
    folder = tmp_path / "shards"
    shutil.rmtree(folder, ignore_errors=True)
    writer = ShardWriter(folder, max_tokens=data.draw(st.integers(1, 100)))
    written = documents(*sizes)
    places = [writer.add(ids) for ids in written]
    writer.close()
    shards = [np.load(path) for path in sorted(folder.iterdir())]
    for ids, (shard, offset) in zip(written, places, strict=True):
        assert np.array_equal(shards[shard][offset : offset + len(ids)], ids)
    content = np.concatenate([shard[:-GUARD_TOKENS] for shard in shards])
    assert np.array_equal(content, np.concatenate(written))


def test_shards_are_plain_npy_files_of_little_endian_uint16(
    build_store: BuildStore,
) -> None:
    store = build_store(documents(5))
    array = np.load(store.folder / "tokens-00000.npy", allow_pickle=False)
    assert array.dtype == np.dtype("<u2")
    assert array.tolist() == [0, 1, 2, 3, 4] + [PAD] * GUARD_TOKENS


def test_a_shard_ends_in_guard_tokens(store: Store) -> None:
    assert GUARD_TOKENS == 1025
    for number, shard in enumerate(store.shards):
        here = store.shard == number
        end = int((store.offset[here] + store.length[here]).max())
        assert len(shard) == end + GUARD_TOKENS
        assert (shard[end:] == PAD).all()
        assert (shard[:end] < PAD).all()


def test_tokens_are_views_of_the_map(store: Store) -> None:
    for row in range(len(store)):
        view = store.tokens(row)
        assert np.shares_memory(view, store.shards[store.shard[row]])
        assert not view.flags.owndata
        assert not view.flags.writeable
    # The shard itself is the map, not a copy of it.
    base = store.shards[0]
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert isinstance(base, np.memmap)


def test_index_columns_are_views_of_the_map(store_folder: Path) -> None:
    before = pa.total_allocated_bytes()
    table = read_arrow(store_folder / "docs.arrow", DOCS_SCHEMA)
    columns = [
        table[name].chunk(0).to_numpy(zero_copy_only=True)
        for name in ("n_bytes", "shard", "offset", "length")
    ]
    assert pa.total_allocated_bytes() == before
    assert {column.dtype.name for column in columns} == {"int64", "uint16", "uint32"}
    opened = Store.open(store_folder)
    assert not opened.shard.flags.owndata
    assert not opened.offset.flags.owndata


def test_the_index_has_the_columns_of_the_design(store_folder: Path) -> None:
    assert read_arrow(store_folder / "docs.arrow", DOCS_SCHEMA).schema == DOCS_SCHEMA
    rejects = read_arrow(store_folder / "rejects.arrow", REJECTS_SCHEMA)
    assert rejects.schema == REJECTS_SCHEMA


def test_splits_share_out_the_documents(build_store: BuildStore) -> None:
    store = build_store(documents(1, 2, 3, 4, 5), val=[1, 4])
    assert store.rows("train").tolist() == [0, 2, 3]
    assert store.rows("val").tolist() == [1, 4]


def test_a_split_without_documents_is_empty(build_store: BuildStore) -> None:
    store = build_store(documents(1, 2))
    assert store.rows("train").tolist() == [0, 1]
    assert store.rows("val").tolist() == []


def test_a_store_says_what_it_is_in_one_line(build_store: BuildStore) -> None:
    store = build_store(documents(6, 6), max_tokens=10)
    assert str(store) == f"{store.folder}: 2 documents, 12 tokens in 2 shards"


# -- refusals --------------------------------------------------------------------------


def change_manifest(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_folder_without_a_manifest_is_refused(copied: Path) -> None:
    (copied / "manifest.json").unlink()
    message = f"{copied}: no manifest.json, so this is not a complete store; run tct "
    with pytest.raises(FormatError, match=f"^{re.escape(message)}"):
        Store.open(copied)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"no manifest\.json"):
        Store.open(tmp_path / "nowhere")


def test_another_version_is_refused(copied: Path) -> None:
    change_manifest(copied, version=9)
    message = (
        "manifest.json: found store version 9, expected 2; "
        "prepare it again with tct prepare --force"
    )
    with pytest.raises(FormatError, match=re.escape(message)):
        Store.open(copied)


def test_another_format_is_refused_before_its_version(copied: Path) -> None:
    change_manifest(copied, format="tct-tokenizer", version=9)
    message = (
        "manifest.json: found format 'tct-tokenizer', expected 'tct-store'; "
        "give a store that tct wrote"
    )
    with pytest.raises(FormatError, match=re.escape(message)):
        Store.open(copied)


@pytest.mark.parametrize(
    ("text", "found"),
    [("{", "not valid JSON"), ("[]", "found a JSON list, expected an object")],
)
def test_a_manifest_that_is_no_object_is_refused(
    copied: Path, text: str, found: str
) -> None:
    (copied / "manifest.json").write_text(text)
    with pytest.raises(FormatError, match=rf"manifest.json: {found}.*; restore"):
        Store.open(copied)


NAMES = [shard_name(0), "docs.arrow", "rejects.arrow", "tokenizer.json"]


@pytest.mark.parametrize("verify", ["full", "sizes"])
@pytest.mark.parametrize("name", NAMES)
def test_a_truncated_file_is_refused(copied: Path, name: str, verify: Verify) -> None:
    path = copied / name
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-1])
    message = (
        f"{path}: found {size - 1:,} bytes, the manifest records {size:,}; "
        "restore it, or prepare the store again"
    )
    with pytest.raises(CorruptError, match=re.escape(message)):
        Store.open(copied, verify=verify)


@pytest.mark.parametrize("verify", ["full", "sizes"])
@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_refused(copied: Path, name: str, verify: Verify) -> None:
    (copied / name).unlink()
    message = f"{copied / name}: missing, but the manifest lists it; restore it"
    with pytest.raises(CorruptError, match=re.escape(message)):
        Store.open(copied, verify=verify)


@pytest.mark.parametrize("name", NAMES)
def test_a_flipped_bit_is_refused(copied: Path, name: str) -> None:
    path = copied / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    message = rf"{re.escape(str(path))}: found sha256 \w{{12}}…, the manifest records "
    with pytest.raises(CorruptError, match=message):
        Store.open(copied, verify="full")


def test_sizes_alone_do_not_find_a_flipped_bit(copied: Path) -> None:
    path = copied / shard_name(0)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert len(Store.open(copied, verify="sizes")) > 0


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (np.zeros(2000, dtype="<u4"), "found 1-D uint32, expected 1-D uint16"),
        (np.zeros((40, 40), dtype="<u2"), "found 2-D uint16, expected 1-D uint16"),
        (np.zeros(2000, dtype=">u2"), "found 1-D >u2, expected 1-D uint16"),
        (b"no array", "not a readable .npy file"),
    ],
)
def test_a_shard_of_another_type_is_refused_even_unverified(
    copied: Path, content: NDArray[np.uint16] | bytes, found: str
) -> None:
    path = copied / shard_name(0)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content)
    with pytest.raises(CorruptError, match=re.escape(f"{path}: {found}")):
        Store.open(copied, verify="off")


def test_an_unreadable_index_is_refused_even_unverified(copied: Path) -> None:
    (copied / "docs.arrow").write_bytes(b"ARROW1")
    with pytest.raises(CorruptError, match=r"docs.arrow: not a readable Arrow file"):
        Store.open(copied, verify="off")
