"""Datasets of the Hugging Face Hub: the files that they are published in."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from pyarrow.fs import FSSpecHandler, PyFileSystem

from tct.data.errors import ConfigError
from tct.data.store import Store
from tct.pipeline.sources import Columns, Location, fingerprint, read_records

REVISION = "0" * 40


def parquet(*texts: str) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"text": texts, "repo": ["a/b"] * len(texts)}), sink)
    data: bytes = sink.getvalue().to_pybytes()
    return data


FILES = {
    "data/train-1.parquet": parquet("on: b", "on: c"),
    "data/train-0.parquet": parquet("on: a"),
    "README.md": b"# Workflows",
    "more/rows.jsonl": b'{"text": "on: d", "repo": "c/d"}\n',
}
NAMES = [
    "data/train-0.parquet#0",
    "data/train-1.parquet#0",
    "data/train-1.parquet#1",
    "more/rows.jsonl#0",
]


def test_all_files_with_rows_of_a_dataset_are_read() -> None:
    memory = MemoryFileSystem()
    for name, data in FILES.items():
        memory.pipe(f"/hub/datasets/o/n/{name}", data)
    source = Location(
        path="/hub/datasets/o/n",
        filesystem=PyFileSystem(FSSpecHandler(memory)),
        where="hf://datasets/o/n",
    )
    assert [one.path for one in read_records([source], Columns())] == NAMES
    assert [name for name, _ in fingerprint([source])] == sorted(
        {name.partition("#")[0] for name in NAMES}
    )


def test_without_the_library_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ConfigError, match=r"hf://: the package huggingface_hub is not"):
        list(read_records(["hf://datasets/o/n"], Columns()))


class _Hub(BaseHTTPRequestHandler):
    """The part of the Hub's HTTP interface that reading a dataset takes."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        tree = "/api/datasets/o/n/tree/main"
        if path.startswith(tree):
            below = path.removeprefix(tree).strip("/")
            found = [
                {"type": "file", "oid": REVISION, "size": len(data), "path": name}
                for name, data in FILES.items()
            ]
            folders = [
                {"type": "directory", "oid": REVISION, "size": 0, "path": folder}
                for folder in ("data", "more")
            ]
            return self._json(
                [one for one in found + folders if str(one["path"]).startswith(below)]
            )
        if path == "/api/datasets/o/n":
            return self._json({"id": "o/n", "sha": REVISION, "siblings": []})
        data = FILES.get(path.removeprefix("/datasets/o/n/resolve/main/"))
        if data is None:
            return self._json({"error": "not found"}, 404)
        first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
        part = data[int(first) : int(last) + 1]
        where = f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}"
        return self._answer(part, 206, {"Content-Range": where})

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _json(self, value: Any, status: int = 200) -> None:
        self._answer(json.dumps(value).encode(), status, {})

    def _answer(self, data: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def prepare(url: str, source: str, store: Path) -> "subprocess.CompletedProcess[str]":
    pytest.importorskip("huggingface_hub", reason="needs the extra hub")
    command = [sys.executable, "-m", "tct", "prepare", source, "-o", str(store)]
    settings = {"HF_ENDPOINT": url, "HF_HUB_DISABLE_XET": "1"}
    return subprocess.run(
        command, env={**os.environ, **settings}, capture_output=True, text=True
    )


def test_a_dataset_is_read_over_http(tmp_path: Path) -> None:
    with hub() as url:
        done = prepare(url, "hf://datasets/o/n", tmp_path / "store")
    assert done.returncode == 0, done.stderr
    docs = Store.open(tmp_path / "store").docs
    assert docs["path"].to_pylist() == NAMES
    assert docs["group"].to_pylist() == ["a/b", "a/b", "a/b", "c/d"]


def test_without_a_network_the_source_is_named(tmp_path: Path) -> None:
    done = prepare("http://127.0.0.1:9", "hf://datasets/o/n", tmp_path / "store")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: hf://datasets/o/n: cannot be reached (")
