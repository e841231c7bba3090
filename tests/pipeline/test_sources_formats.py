"""The registry of formats: every suffix has one reader, found by the longest match."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tct.pipeline import sources
from tct.pipeline.sources import Columns, InputFile, Record, formats, read_records
from tct.pipeline.sources.formats import FORMATS, Format, suffix_of

SUFFIXES = [suffix for format_ in FORMATS for suffix in format_.suffixes]


def test_every_suffix_is_registered_once() -> None:
    assert Counter(SUFFIXES).most_common(1)[0][1] == 1
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in SUFFIXES)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_longest_suffix_decides_in_any_case(suffix: str) -> None:
    assert suffix_of(f"dir.zip/a.json{suffix.upper()}") == suffix
    assert suffix_of(f"name{suffix}x") == ""


def test_a_new_format_needs_nothing_but_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.txt"
    path.write_text("on: push")

    def read(file: InputFile, columns: Columns) -> Iterator[Record]:
        with file.open() as stream:
            yield Record(path=file.name, text=stream.read(), group=columns.group)

    monkeypatch.setitem(formats._BY_SUFFIX, ".txt", Format((".txt",), read))
    records = list(read_records([path], Columns(group="g")))
    assert records == [Record(path="one.txt", text=b"on: push", group="g")]


def test_only_the_registry_names_suffixes() -> None:
    """Elsewhere a suffix would have to be found when a format is added."""
    quoted = re.compile(r'"\.(?:' + "|".join(s[1:] for s in SUFFIXES[3:]) + r')"')
    folder = Path(sources.__file__).parent
    found = [
        path.name
        for path in sorted(folder.rglob("*.py"))
        if quoted.search(path.read_text()) and path.name != "formats.py"
    ]
    # Compressions are told by the end of a suffix, whatever the format is.
    assert found == ["input_file.py"]
