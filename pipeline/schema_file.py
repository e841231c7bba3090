"""Read a JSON Schema from a file that somebody names, with those it refers to.

A reference names a file by its path, relative to the file that it stands in, or by a
URI: that of a file in the folder of the schema, or of one with the same name.  Nothing
is fetched.
"""

from functools import cached_property
from pathlib import Path
from posixpath import basename, dirname, relpath
from typing import Any
from urllib.parse import quote, unquote, urldefrag, urljoin, urlsplit

from ..data.documents.rejects import RejectedError
from ..data.documents.yaml_reader import parse_yaml
from ..data.errors import SourceError
from ..data.files import canonical_json, name_text, open_regular, parse_json
from .compiler.bundle import Found, bundle, root_uri

__all__ = ["read_schema"]

_MAX_BYTES = 16 << 20  # the largest schema of a known tool has 2 MB
_MAX_FILES, _MAX_TOTAL = 1_000, 64 << 20
_SUFFIXES = (".json", ".yaml", ".yml")
_EXPECTED = "give a file that holds one JSON Schema, as JSON or YAML"


def read_schema(path: Path) -> dict[str, Any]:
    """Read a schema: JSON, or YAML if the file is named `.yaml` or `.yml`.

    Returns:
        The schema; it holds the schemas of other files that it refers to.

    Raises:
        SourceError: a file is missing, or holds something else.
        SchemaError: a file that is referred to is of another draft.
    """
    schema = _read(path)
    # No path of this machine: a tokenizer.json may go anywhere.
    uri = root_uri(schema) or f"file:///schema/{quote(name_text(path.name))}"
    whole = bundle(schema, uri, _Folder(path, uri).find)
    _check(path, whole)
    return whole


class _Folder:
    """The schemas beside the first one."""

    def __init__(self, path: Path, uri: str) -> None:
        """Take the first schema's place.

        Args:
            path: of its file.
            uri: of it.
        """
        self._path, self._uri = path, uri
        self._home = path.parent.resolve()
        self._found: dict[Path, Found] = {path.resolve(): Found(uri, None, str(path))}
        self._left = _MAX_TOTAL

    def find(self, uri: str, pointer: str) -> Found | None:
        """The schema that a URI names; see `bundle`.

        Raises:
            SourceError: the reference is a path, and there is no such file.
        """
        below = _below(uri, self._uri)
        found = ((path.parent, one.uri) for path, one in self._found.items())
        for folder, name in [(self._home, self._uri), *found]:
            near = self._inside(folder, _below(uri, name))
            if near is not None:
                return self._found_at(near)
        if urlsplit(uri).scheme == "file":
            raise SourceError(
                f"{self._path}: {pointer}: {below or uri!r} names no file below "
                f"{name_text(self._home.parent)}",
                "put the schema there that is referred to",
            )
        if uri in self._named:
            return self._found_at(self._named[uri])
        path = self._inside(self._home, basename(urlsplit(uri).path))
        if path is None or root_uri(_read(path)):  # which says that it is another one
            return None
        return self._found_at(path)

    def _inside(self, folder: Path, below: str | None) -> Path | None:
        """A file by its path from a folder, if it lies near the first schema."""
        if not below or "\0" in below:
            return None
        try:
            path = (folder / below).resolve()
            is_file = path.is_file()
        except (OSError, RuntimeError):  # a name too long, or links in a circle
            return None
        return path if is_file and path.is_relative_to(self._home.parent) else None

    @cached_property
    def _named(self) -> dict[str, Path]:
        """The schemas of the folder by the URI that each gives itself."""
        found: dict[str, Path] = {}
        for name in sorted(path.name for path in self._home.iterdir())[:_MAX_FILES]:
            path = self._inside(self._home, name)
            if path is not None and path.suffix.lower() in _SUFFIXES:
                try:
                    found.setdefault(root_uri(_read(path)), path)
                except SourceError:  # it need not be a schema
                    continue
        return found

    def _found_at(self, path: Path) -> Found:
        found = self._found.get(path)
        if found is None:
            self._left -= path.stat().st_size
            if len(self._found) >= _MAX_FILES or self._left < 0:
                raise SourceError(
                    f"{self._path}: refers to more than {_MAX_FILES:,} files or "
                    f"{_MAX_TOTAL:,} bytes",
                    "give a schema that needs less",
                )
            below = relpath(path, self._home)
            schema = _read(path)
            own = root_uri(schema) or quote(below)
            uri = urldefrag(urljoin(self._uri, own)).url
            found = self._found[path] = Found(uri, schema, below)
        return found


def _below(uri: str, other: str) -> str | None:
    """The path that leads from the folder of one URI to another one."""
    here, there = urlsplit(other), urlsplit(uri)
    if (here.scheme, here.netloc) != (there.scheme, there.netloc):
        return None
    return relpath(unquote(there.path) or ".", dirname(unquote(here.path)) or ".")


def _read(path: Path) -> dict[str, Any]:
    if not path.exists() or path.is_dir():
        found = "found a folder" if path.is_dir() else "not found"
        raise SourceError(f"{path}: {found}", _EXPECTED)
    with open_regular(path) as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise SourceError(f"{path}: more than {_MAX_BYTES:,} bytes", _EXPECTED)
    is_yaml = path.suffix.lower() in (".yaml", ".yml")
    try:
        schema = parse_yaml(data.decode("utf-8-sig")) if is_yaml else parse_json(data)
    except (ValueError, RejectedError) as problem:
        raise SourceError(f"{path}: {problem}", _EXPECTED) from problem
    if not isinstance(schema, dict):
        found = type(schema).__name__
        raise SourceError(f"{path}: found a {found}, expected an object", _EXPECTED)
    _check(path, schema)
    return schema


def _check(path: Path, schema: dict[str, Any]) -> None:
    """Refuse what a tokenizer.json cannot hold: deep nesting, lone surrogates."""
    try:
        parse_json(canonical_json({"kind": {"schema": schema}}))
    except ValueError as problem:
        raise SourceError(f"{path}: {problem}", _EXPECTED) from problem
