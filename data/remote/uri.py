"""URIs of filesystems that pyarrow knows, such as `s3://bucket/folder`.

A URI may carry secrets: `s3://key:password@bucket/folder?region=eu-west-1`.  So it is
shown without user, password and options, and recorded with those options alone that
say where the place is.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pyarrow.fs import FileSystem, FSSpecHandler, LocalFileSystem, PyFileSystem

from ..errors import ConfigError, SourceError, TctError

__all__ = ["HUB", "Place", "is_uri", "public_uri", "reaching", "resolve"]

HUB = "hf://"
"""The Hugging Face Hub, as in `hf://datasets/owner/name@revision/folder`."""

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# user:password@, where a password may have a slash in it, user@, and ?query
_SECRETS = re.compile(r"(?<=://)(?:[^/@?]*:[^@?]*|[^/@?]*)@|\?.*")
_PUBLIC = ("endpoint_override", "region", "scheme")
_GOOGLE = re.compile(r"gc?s://")
_GOOGLE_SECONDS = 60  # of retries; the client's default is 900


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A file or a folder in a filesystem."""

    filesystem: FileSystem | None
    """None is this machine."""
    path: str
    where: str
    """Its name in messages."""

    def below(self, name: str) -> "Place":
        """A file in this folder."""
        return Place(
            filesystem=self.filesystem,
            path=f"{self.path.rstrip('/')}/{name}",
            where=f"{self.where.rstrip('/')}/{name}",
        )


def is_uri(text: str) -> bool:
    """Whether a text is a URI, and no path of this machine."""
    return _URI.match(text) is not None


def public_uri(uri: str) -> str:
    """The URI with the options that say where the place is, and without all others."""
    options = [
        option
        for option in uri.partition("?")[2].split("&")
        if option.partition("=")[0] in _PUBLIC and "@" not in option
    ]
    return "?".join([_without_secrets(uri), *filter(None, ["&".join(options)])])


def resolve(uri: str) -> Place:
    """Find the filesystem of a URI; for most, nothing is asked of it yet.

    Raises:
        SourceError: an unknown filesystem, or one that cannot be reached.
        ConfigError: the library of the Hub is not installed.
    """
    where = _without_secrets(uri)
    with reaching(where):
        if uri.startswith(HUB):
            filesystem, path = _hub(), uri.removeprefix(HUB).rstrip("/")
        else:
            filesystem, path = FileSystem.from_uri(_impatient(uri))
    is_here = isinstance(filesystem, LocalFileSystem)
    return Place(filesystem=None if is_here else filesystem, path=path, where=where)


@contextmanager
def reaching(where: str) -> Iterator[None]:
    """Turn any error of a remote filesystem into a SourceError.

    Each filesystem raises errors of its own: those of the Hub are its HTTP client's.
    """
    try:
        yield
    except TctError:
        raise
    except Exception as error:
        problem = _without_secrets(" ".join(str(error).split()))
        raise SourceError(
            f"{where}: cannot be reached ({problem})",
            "check the network, the address and this machine's credentials for it",
        ) from error


def _without_secrets(text: str) -> str:
    return _SECRETS.sub("", text)


def _impatient(uri: str) -> str:
    """Make Google's client give up an unreachable URI after a minute.

    It would retry for 15; the clients of other filesystems give up within seconds.
    """
    if not _GOOGLE.match(uri) or "retry_limit_seconds=" in uri:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}retry_limit_seconds={_GOOGLE_SECONDS}"


def _hub() -> FileSystem:
    """The Hub: its library finds the token, the endpoint and the revision."""
    try:
        from huggingface_hub import HfFileSystem
    except ImportError:
        raise ConfigError(
            f"{HUB}: the package huggingface_hub is not installed",
            "pip install 'tct-workflows[hub]'",
        ) from None
    return PyFileSystem(FSSpecHandler(HfFileSystem()))
