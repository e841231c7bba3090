"""A bucket: the part of S3's HTTP interface that reading takes, over a folder.

It can do what a test of failures needs: hold answers back, and stop.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

__all__ = ["Bucket", "bucket"]

_MISSING = b"<Error><Code>NoSuchKey</Code></Error>"
_EMPTY = b"<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>"


class Bucket:
    """What a test knows of the server, and tells it."""

    def __init__(self, folder: Path, port: int) -> None:
        """Serve this folder."""
        self.folder = folder
        self.options = f"endpoint_override=127.0.0.1:{port}&scheme=http&region=here"
        self.read: list[str] = []
        """Names of the files that were read from their beginning, in order."""
        self.held: set[str] = set()
        """Names of files that are not answered yet."""
        self.changed = threading.Condition()

    def uri(self, path: str, user: str = "anonymous") -> str:
        """The URI of a path in the folder."""
        return f"s3://{user}@{path}?{self.options}"

    def public(self, path: str) -> str:
        """The same without what may be secret."""
        return f"s3://{path}?{self.options}"

    def release(self) -> None:
        """Answer everything."""
        with self.changed:
            self.held.clear()
            self.changed.notify_all()


@contextmanager
def bucket(folder: Path) -> Iterator[Bucket]:
    """Serve a folder until the end of the block; its folders are the buckets."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer(is_head=True)

        def do_GET(self) -> None:
            self.answer(is_head=False)

        def answer(self, *, is_head: bool) -> None:
            path = self.path.partition("?")[0].lstrip("/")
            file = folder / path
            if "list-type" in self.path:
                return self.send(200, _EMPTY, is_head=is_head)
            if not file.is_file():
                return self.send(404, _MISSING, is_head=is_head)
            limits = self.headers.get("Range", "").removeprefix("bytes=")
            first, _, last = limits.partition("-")
            with served.changed:
                if not is_head and first in ("", "0"):
                    served.read.append(file.name)
                    served.changed.notify_all()
                    served.changed.wait_for(lambda: file.name not in served.held)
            data = file.read_bytes()
            part = data[int(first or 0) : int(last or len(data)) + 1]
            self.send(206 if limits else 200, part, is_head=is_head, total=len(data))

        def send(
            self, status: int, data: bytes, *, is_head: bool, total: int | None = None
        ) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Last-Modified", formatdate(0, usegmt=True))
            if status == 206:
                first = self.headers["Range"].removeprefix("bytes=").partition("-")[0]
                end = int(first) + len(data) - 1
                self.send_header("Content-Range", f"bytes {first}-{end}/{total}")
            self.end_headers()
            if not is_head:
                self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served = Bucket(folder, server.server_port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield served
    finally:
        served.release()
        server.shutdown()
        server.server_close()
        thread.join()
