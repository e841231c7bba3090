"""Stores where they lie: `s3://bucket/store` wherever a store may be given."""

import itertools
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from numpy.typing import NDArray
from pyarrow.fs import FileSystem, copy_files

from tct.cli import main
from tct.data.errors import ConfigError, CorruptError, FormatError, SourceError
from tct.data.store import Store, open_stores, stores_in
from tct.data.windows.batches import Batches
from tct.tests.s3 import Bucket, bucket
from tct.tests.stores import redigest, reshard
from tct.trainer.evaluation.evaluate import open_store
from tct.trainer.training.loader import Loader

USER = "anonymous"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/tct/stores"


@pytest.fixture
def there(store: Store, tmp_path: Path) -> Path:
    """The store of the tests in a bucket, with many shards."""
    return reshard(store, tmp_path / "there/bucket/wf", max_tokens=2000)


@pytest.fixture
def served(there: Path, cache: Path) -> Iterator[Bucket]:
    with bucket(there.parents[1]) as found:
        yield found


def tct(*arguments: Any) -> Any:
    result = CliRunner().invoke(main, [*map(str, arguments)])
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


def train(run: Path, *stores: str, more: tuple[str, ...] = ()) -> Any:
    settings = ("--preset", "tiny", "--steps", "3", "--set", "run.log_every=1")
    return tct("train", *stores, "-o", run, *settings, "--device", "cpu", *more)


def losses(run: Path) -> list[float]:
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [line["loss"] for line in lines if line["kind"] == "train"]


def test_training_fetches_a_store_once_and_goes_on_without_the_network(
    there: Path, cache: Path, tmp_path: Path
) -> None:
    with bucket(there.parents[1]) as served:
        uri, public = served.uri("bucket/wf", "key:pass%2Fword"), "s3://bucket/wf"
        # The server asks nobody for a key.
        first = train(tmp_path / "one", uri)
        assert first.exit_code == 0, first.output
        assert re.search(rf"^{public}: fetching 3 files, ", first.stderr, re.M)
        assert re.search(rf"^{public}: fetching \d+ files, ", first.stderr, re.M)
        assert sorted(served.read) == sorted(path.name for path in there.iterdir())
        served.read.clear()
        second = train(tmp_path / "two", uri)
        assert served.read == ["manifest.json"]
        assert "fetching" not in second.stderr
    here = train(tmp_path / "here", str(there))
    offline = train(tmp_path / "three", uri)
    assert offline.exit_code == 0, offline.output
    assert f"{public}: cannot be reached (" in offline.stderr
    for run in ("one", "two", "three"):
        assert losses(tmp_path / run) == losses(tmp_path / "here")
    config = json.loads((tmp_path / "one/config.json").read_text())
    assert config["store"]["uris"] == {"wf": served.public("bucket/wf")}
    assert open_store(tmp_path / "one").digest == Store.open(there).digest
    shown = first.output + second.output + offline.output + here.output
    written = [p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()]
    assert "word" not in shown
    assert not any(b"pass%2Fword" in text or b"pass/word" in text for text in written)

    folder = next(cache.glob("*/wf"))
    (folder / "tokens-00001.npy").unlink()
    (folder / "tokens-00003.npy").write_bytes(b"half")
    half = train(tmp_path / "four", uri)
    assert half.exit_code == 1
    assert f"Error: {public}: cannot be reached (" in half.stderr
    lacks = f", and the copy in {folder} lacks tokens-00001.npy, tokens-00003.npy; "
    assert lacks + "connect once more to fetch them" in half.stderr


def test_a_run_is_resumed_by_the_uri_of_its_store(
    served: Bucket, tmp_path: Path
) -> None:
    uri = served.uri("bucket/wf")
    assert train(tmp_path / "run", uri).exit_code == 0
    more = ("--resume",)
    result = train(tmp_path / "run", served.uri("bucket/wf"), more=more)
    assert "already finished: 3 steps" in result.stdout
    result = train(tmp_path / "run", str(served.folder / "bucket/wf"), more=more)
    assert "already finished: 3 steps" in result.stdout  # it is the same store


@pytest.fixture
def tokens(build_store: Any) -> Store:
    """Fourteen shards of two documents."""
    rng = np.random.default_rng(0)
    documents = [rng.integers(0, 8000, 300, dtype=np.uint16) for _ in range(28)]
    opened: Store = build_store(documents, max_tokens=600, name="there")
    assert len(opened.shards) == 14
    return opened


def batches(store: Store, seed: int = 0) -> Batches:
    return Batches(store, "train", batch_size=2, seed=seed)


def inputs(store: Store, steps: int) -> list[NDArray[np.uint16]]:
    found = batches(store)
    return [found.batch(0, step).inputs.copy() for step in range(steps)]


def test_training_begins_while_shards_are_on_their_way(
    tokens: Store, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_use: dict[str, int] = {}  # a file, and the step that needs it first
    for step in range(batches(tokens).num_steps(0)):
        documents = batches(tokens).windows(0, step).document
        for number in tokens.shard[documents].tolist():
            first_use.setdefault(f"tokens-{number:05}.npy", step)
    order = list(first_use)
    assert order != sorted(order)
    monkeypatch.setattr("tct.data.remote.fetcher.FETCHERS", 1)
    with bucket(tokens.folder.parent) as served:
        served.held.add(order[-1])
        opened = Store.open(served.uri("there"))
        assert not opened.is_here
        with Loader(batches(opened), torch.device("cpu")) as loader:
            first = next(loader)  # comes although a shard is missing
            assert order[-1] in served.held
            assert first.windows.document.tolist() == (
                batches(tokens).windows(0, 0).document.tolist()
            )
            served.release()
            for step in range(1, 14):
                found = next(loader).micro_batches
                expected = batches(tokens).batch(0, step)
                ids = torch.cat([part.inputs.flatten() for part in found])
                assert ids.tolist() == expected.inputs.tolist()
        assert opened.is_here
        fetched = [name for name in served.read if name in first_use]
        assert sorted(fetched) == sorted(order)
        # The shards of one step come in any order: whichever is waited for is next.
        steps = [first_use[name] for name in fetched]
        assert steps == sorted(steps)


def test_a_shard_is_read_only_after_it_was_verified(tokens: Store, cache: Path) -> None:
    with bucket(tokens.folder.parent) as served:
        path = tokens.folder / "tokens-00005.npy"
        path.write_bytes(path.read_bytes()[:-2] + b"\7\7")
        loader = Loader(batches(Store.open(served.uri("there"))), torch.device("cpu"))
        with loader, pytest.raises(CorruptError) as caught:
            list(itertools.islice(loader, 14))
    assert str(caught.value).startswith("s3://there/tokens-00005.npy: found ")
    assert not list(cache.rglob("tokens-00005.npy"))


def test_shards_are_fetched_when_tokens_are_read(served: Bucket) -> None:
    uri = served.uri("bucket/wf")
    info = tct("store", "info", uri)
    assert info.exit_code == 0, info.output
    assert info.stdout.startswith("s3://bucket/wf")
    assert not any(name.startswith("tokens-") for name in served.read)
    result = tct("inspect-windows", uri, "--step", "0")
    assert result.exit_code == 0, result.output
    verified = tct("store", "verify", uri, "--decode")
    assert verified.exit_code == 0, verified.output
    assert "intact" in verified.stdout
    here = served.folder / "bucket/wf"
    assert tct("store", "export", uri).stdout == tct("store", "export", here).stdout


def test_stores_here_and_elsewhere_are_mixed(
    served: Bucket, there: Path, other: Path, tmp_path: Path
) -> None:
    uri = served.uri("bucket/wf", "key:password")
    here = open_stores([there, f"{other}=0.5"])
    mixed = open_stores([uri, f"{other}=0.5"])
    assert mixed.digest == here.digest
    assert list(stores_in(mixed)) == ["wf", "other"]
    assert mixed.arguments == (served.public("bucket/wf"), f"{other}=0.5")
    for one, two in zip(inputs(mixed, 9), inputs(here, 9), strict=True):
        assert one.tolist() == two.tolist()
    both = open_stores([f"{uri}=0.25", f"file://{other}"])
    assert both.arguments[0] == served.public("bucket/wf") + "=0.25"
    mixture = tmp_path / "mixture.toml"
    mixture.write_text(f'[[stage]]\nstores = {{ "{uri}" = 1, "{other}" = 0.5 }}\n')
    assert open_stores([mixture]).digest == here.digest
    with pytest.raises(ConfigError) as caught:
        open_stores([f"{uri}=0", uri])
    assert str(caught.value).startswith(f"{served.public('bucket/wf')}=0: found weight")


@pytest.fixture
def other(store: Store, tmp_path: Path) -> Path:
    """A store of the same tokenizer and other content."""
    folder = reshard(store, tmp_path / "other", max_tokens=1 << 20)
    redigest(folder, json.loads((folder / "manifest.json").read_text()) | {"key": "0"})
    return folder


def test_a_store_that_changed_is_another_copy(
    served: Bucket, there: Path, other: Path, cache: Path
) -> None:
    uri = served.uri("bucket/wf")
    old = Store.open(uri)
    list(old.shards)
    shutil.rmtree(there)
    shutil.copytree(other, there)
    new = Store.open(uri)
    list(new.shards)
    assert (old.digest, new.digest) == (old.folder.parent.name, new.folder.parent.name)
    assert new.digest == Store.open(other).digest != old.digest
    assert Store.open(old.folder).digest == old.digest  # nothing of it is replaced


@pytest.mark.parametrize("name", ["none", "wf/tokens-00000.npy"])
def test_a_uri_of_no_store_is_named(served: Bucket, name: str) -> None:
    with pytest.raises(FormatError, match=rf"^s3://bucket/{name}: no manifest\.json, "):
        Store.open(served.uri(f"bucket/{name}"))


def test_a_damaged_manifest_is_named(served: Bucket, there: Path) -> None:
    text = (there / "manifest.json").read_text()
    (there / "manifest.json").write_text(
        text.replace('"on_schema": ', '"on_schema": 1')
    )
    with pytest.raises(CorruptError, match=r"^s3://bucket/wf/manifest\.json: "):
        Store.open(served.uri("bucket/wf"))


def test_what_was_never_fetched_needs_the_network(there: Path, cache: Path) -> None:
    with bucket(there.parents[1]) as served:
        uri = served.uri("bucket/wf")
    with pytest.raises(SourceError, match=r"^s3://bucket/wf: cannot be reached \("):
        Store.open(uri)


def test_amazons_protocol_is_spoken_with_another_server(
    there: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = pytest.importorskip("moto.server", reason="needs the extra test-s3")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    moto = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    try:
        options = (
            f"scheme=http&endpoint_override=127.0.0.1:{moto.get_host_and_port()[1]}"
        )
        options += "&region=us-east-1"
        uri = f"s3://bucket/a/wf?{options}"
        filesystem, path = FileSystem.from_uri(f"{uri}&allow_bucket_creation=true")
        filesystem.create_dir("bucket")
        copy_files(str(there), path, destination_filesystem=filesystem)
        online = train(tmp_path / "online", uri)
        assert online.exit_code == 0, online.output
    finally:
        moto.stop()
    offline = train(tmp_path / "offline", uri)
    assert offline.exit_code == 0, offline.output
    assert losses(tmp_path / "online") == losses(tmp_path / "offline")
