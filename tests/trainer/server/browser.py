"""A headless Chromium, driven by its DevTools protocol over a pipe.

Messages are JSON, each followed by a zero byte; Chromium reads them from file
descriptor 3 and writes to 4.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",  # tests may run as root, and open nothing but our own page
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
)
EXECUTABLE = next(filter(None, map(shutil.which, _NAMES)), None)


class Page:
    """A page, what it requests and what it complains of."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing
        self._unread = b""
        self._number = 0
        self._session: dict[str, str] = {}
        self.requests: list[str] = []
        self.complaints: list[Any] = []

    def open(self, url: str) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def call(self, method: str, **params: Any) -> Any:
        """Call a method of the protocol; what happens meanwhile is noted."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": params}
        os.write(self._writing, json.dumps(command | self._session).encode() + b"\0")
        while True:
            message = self._receive()
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]
            self._note(message["method"], message["params"])

    def evaluate(self, expression: str) -> Any:
        """The value of some JavaScript in the page."""
        result = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait(self, expression: str, *, seconds: float = 300) -> Any:
        """Wait until some JavaScript is true; returns its value."""
        limit = time.monotonic() + seconds
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < limit, f"never true: {expression}"
            time.sleep(0.02)
        return value

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def press(self, key: str, code: int, *, shift: bool = False) -> None:
        """Press a key, such as Tab (9)."""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                modifiers=8 * shift,
            )

    def _receive(self) -> Any:
        while b"\0" not in self._unread:
            chunk = os.read(self._reading, 1 << 16)
            assert chunk, "the browser is gone"
            self._unread += chunk
        message, _, self._unread = self._unread.partition(b"\0")
        return json.loads(message)

    def _note(self, method: str, params: Any) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            self.complaints.append(params)
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(params["entry"])


@contextmanager
def new_page(profile: Path) -> Iterator[Page]:
    """A page in a browser of its own, which keeps what it writes in `profile`."""
    assert EXECUTABLE is not None
    reading, its_writing = os.pipe()
    its_reading, writing = os.pipe()
    # The shell puts the ends of the pipes where Chromium looks for them.
    shell = f'exec "$@" 3<&{its_reading} 4>&{its_writing}'
    command = ["bash", "-c", shell, "bash", EXECUTABLE, *_FLAGS]
    with subprocess.Popen(
        [*command, f"--user-data-dir={profile}"],
        pass_fds=(its_reading, its_writing),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(its_reading)
        os.close(its_writing)
        page = Page(reading, writing)
        try:
            yield page
        finally:
            process.kill()
            os.close(reading)
            os.close(writing)
