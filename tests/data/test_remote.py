"""Files elsewhere: fetched in the order of their need, and checked before use."""

import resource
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from tct.data.errors import CorruptError, SourceError
from tct.data.files import sha256_file
from tct.data.remote import Expected, Fetcher, Place, public_uri, resolve
from tct.tests.processes import Child
from tct.tests.s3 import bucket

NAMES = [f"f{number}" for number in range(20)]


@pytest.fixture
def there(tmp_path: Path) -> Path:
    folder = tmp_path / "there" / "bucket" / "files"
    folder.mkdir(parents=True)
    for number, name in enumerate(NAMES):
        (folder / name).write_bytes(bytes([number]) * 1000)
    return folder


def fetcher(there: Path, here: Path, place: Place | None = None) -> Fetcher:
    """Of the files as they are now."""
    here.mkdir(exist_ok=True)
    files = {
        path.name: Expected(size=path.stat().st_size, sha256=sha256_file(path))
        for path in sorted(there.iterdir())
    }
    filesystem = SubTreeFileSystem(str(there), LocalFileSystem())
    place = place or Place(filesystem=filesystem, path="", where="there")
    return Fetcher(place, here, files, lambda text: None)


def same(there: Path, here: Path) -> bool:
    assert list((here / ".part").iterdir()) == []
    return {p.name: p.read_bytes() for p in here.iterdir() if p.is_file()} == {
        p.name: p.read_bytes() for p in there.iterdir()
    }


def test_files_come_in_the_order_of_their_need(
    there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tct.data.remote.fetcher.FETCHERS", 1)
    with bucket(there.parents[1]) as served:
        served.held.add("f7")
        found = fetcher(there, tmp_path / "here", resolve(served.uri("bucket/files")))
        found.expect(["f7", "f3", "f5"])
        with served.changed:
            served.changed.wait_for(lambda: served.read)
        found.expect(["f9", "f5"])  # needed before what waits
        served.release()
        assert all(found.wait(name).is_file() for name in NAMES)
    assert served.read[:4] == ["f7", "f9", "f5", "f3"]
    assert sorted(served.read) == sorted(NAMES)  # each once
    assert same(there, tmp_path / "here")
    assert found.is_complete


def test_what_is_here_is_checked_and_fetched_again_if_it_differs(
    there: Path, tmp_path: Path
) -> None:
    with bucket(there.parents[1]) as served:
        place, here = resolve(served.uri("bucket/files")), tmp_path / "here"
        fetcher(there, here, place).fetch(NAMES)
        (here / "f3").write_bytes(b"x" * 1000)  # as long as it should be
        (here / "f4").unlink()
        (here / ".part/f4").write_bytes(b"half")  # a process was killed
        served.read.clear()
        fetcher(there, here, place).fetch(NAMES)
        assert sorted(served.read) == ["f3", "f4"]
    assert same(there, here)


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (
            lambda path: path.write_bytes(b"y" * 1000),
            r"1,000 bytes with sha256 7e33",
        ),
        (lambda path: path.write_bytes(b"\0" * 999), r"999 bytes with sha256 \w{12}…"),
        (lambda path: path.write_bytes(b"\0" * 1001), r"more than 1,000 bytes"),
    ],
)
def test_another_file_is_refused_by_name(
    there: Path, tmp_path: Path, damage: Callable[[Path], object], found: str
) -> None:
    fetching, sha256 = fetcher(there, tmp_path / "here"), sha256_file(there / "f0")
    damage(there / "f0")
    expected = f"the manifest records 1,000 bytes with sha256 {sha256[:12]}…; upload"
    with pytest.raises(CorruptError, match=rf"^there/f0: found {found}.*, {expected}"):
        fetching.fetch(["f0"])
    assert not [path for path in (tmp_path / "here").rglob("*") if path.is_file()]
    fetching.fetch(["f1"])  # the others come
    assert not fetching.is_complete


def test_a_missing_file_is_named(there: Path, tmp_path: Path) -> None:
    fetching = fetcher(there, tmp_path / "here")
    (there / "f0").unlink()
    with pytest.raises(CorruptError, match=r"^there/f0: missing, but the manifest"):
        fetching.fetch(["f0"])


_FETCH = """
import sys
from pathlib import Path
from tct.tests.data.test_remote import fetcher, NAMES
from tct.data.remote import resolve
there, here, uri = sys.argv[1:]
found = fetcher(Path(there), Path(here), resolve(uri))
print("ready", flush=True)
found.fetch(NAMES)
"""


def test_processes_that_fetch_at_once_fetch_each_file_once(
    there: Path, tmp_path: Path
) -> None:
    with bucket(there.parents[1]) as served:
        served.held.update(NAMES)
        uri, here = served.uri("bucket/files"), tmp_path / "here"
        command = [sys.executable, "-c", _FETCH, there, here, uri]
        with Child(command) as one, Child(command) as other:
            for child in (one, other):
                assert child.stdout is not None
                assert child.stdout.readline() == "ready\n"
            served.release()
            for child in (one, other):
                output = child.communicate()
                assert child.returncode == 0, output
    assert sorted(served.read) == sorted(NAMES)
    assert same(there, here)


def test_a_process_ends_while_files_come(there: Path, tmp_path: Path) -> None:
    program = _FETCH.replace("found.fetch(NAMES)", "found.expect(NAMES)")
    (there / "f0").write_bytes(bytes(30 << 20))
    with bucket(there.parents[1]) as served:
        uri = served.uri("bucket/files")
        command = [sys.executable, "-c", program, there, tmp_path / "here", uri]
        with Child(command) as child:
            output = child.communicate()
    assert (child.returncode, output) == (0, ("ready\n", ""))


_FULL = f"""
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (500, {resource.RLIM_INFINITY}))
{_FETCH}
"""


def test_a_full_disk_is_named(there: Path, tmp_path: Path) -> None:
    with bucket(there.parents[1]) as served:
        uri, here = served.uri("bucket/files"), tmp_path / "here"
        with Child([sys.executable, "-c", _FULL, there, here, uri]) as child:
            error = child.communicate()[1]
    problem = f"{here}: found no room for f0, expected 1,000 bytes (File too large)"
    assert f"SourceError: {problem}; free some space, or set XDG_CACHE_HOME" in error
    assert not [path for path in here.rglob("*") if path.is_file()]


# -- URIs ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "public"),
    [
        ("s3://bucket/a", "s3://bucket/a"),
        ("s3://key:pass@bucket/a", "s3://bucket/a"),
        ("s3://key:pa/ss@bucket/a@1/b", "s3://bucket/a@1/b"),
        ("gs://anonymous@bucket/a", "gs://bucket/a"),
        ("hf://datasets/o/n@main/a", "hf://datasets/o/n@main/a"),
        ("abfs://c@x.net/a?client_secret=no", "abfs://x.net/a"),
        ("s3://k:p@b/a?region=r&token=no&scheme=http", "s3://b/a?region=r&scheme=http"),
        ("s3://b/a?endpoint_override=k:p@host&region=r", "s3://b/a?region=r"),
    ],
)
def test_what_is_recorded_of_a_uri_has_no_secret(uri: str, public: str) -> None:
    assert public_uri(uri) == public


def test_a_uri_that_cannot_be_read_is_named_without_its_secrets() -> None:
    with pytest.raises(SourceError, match=r"^s3://bucket/a: cannot be re") as caught:
        resolve("s3://key:pass/word@bucket/a")
    assert "word" not in str(caught.value)
