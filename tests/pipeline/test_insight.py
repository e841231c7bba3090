"""The report: counted from the store alone, shown without a request or a script."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from tct.cli import main
from tct.data.display.progress import SilentProgress
from tct.data.documents.json_text import canonical_bytes
from tct.data.records import signed
from tct.data.store import Store
from tct.data.windows import WindowPlan
from tct.pipeline.prepare import PrepareOptions, prepare
from tct.pipeline.prepare.selection import split_of
from tct.pipeline.report.page import page
from tct.pipeline.report.summary import insight

HOSTILE = "<script>alert(1)<&\"'.yml"


@pytest.fixture
def mixed(workflows: Path, tmp_path: Path) -> Path:
    """Some workflows, and inputs that are none."""
    folder = tmp_path / "mixed"
    texts = {HOSTILE: "- a", "b.yml": "- b", "c.yml": "[", "odd.yml": "<b>x: 1"}
    for path in sorted(workflows.rglob("*.yml"))[:20]:
        texts[path.relative_to(workflows).as_posix()] = path.read_text()
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def made(source: Path, store: Path) -> Store:
    prepare([source], store, PrepareOptions(), SilentProgress())
    return Store.open(store)


def test_a_report_counts_the_store(mixed: Path, tmp_path: Path) -> None:
    store = made(mixed, tmp_path / "store")
    found = insight(store)
    assert (found["inputs"], found["documents"]) == (24, 21)
    assert [(r["reason"], r["count"], r["example"]) for r in found["rejects"]] == [
        ("not_an_object", 2, HOSTILE),
        ("syntax", 1, "c.yml"),
    ]
    assert found["on_schema"]["documents"] == 20
    assert found["violations"] == [
        {"what": "the document: lacks a required key", "documents": 1},
        {"what": "the document: unknown key '<b>x'", "documents": 1},
    ]
    assert sum(found["lengths"]["histogram"].values()) == 21
    assert found["lengths"]["most"] == store.length.max()
    lengths = store.length[store.rows("train")]
    assert found["windows_per_epoch"] == [
        WindowPlan(lengths, epoch=epoch).num_windows for epoch in range(32)
    ]


def test_every_byte_and_token_belongs_to_a_key(store: Store) -> None:
    keys = insight(store)["compression"]
    tokens = sum(key["tokens"] for key in keys)
    assert tokens == pytest.approx(int(store.length.sum()), abs=0.05 * len(keys))
    assert all(key["tokens"] > 0 for key in keys)
    values = [store.tokenizer.decode(store.tokens(row)) for row in range(len(store))]
    # Beside its keys with a comma each, a document has two braces, and no last comma.
    expected = sum(len(canonical_bytes(value)) - 1 for value in values)
    assert sum(key["bytes"] for key in keys) == expected
    assert {"on", "jobs", "name"} <= {key["key"] for key in keys}


def test_equal_stores_have_equal_reports(mixed: Path, tmp_path: Path) -> None:
    reports = [insight(made(mixed, tmp_path / name)) for name in ("one", "two")]
    assert reports[0] == reports[1]
    assert json.loads(json.dumps(reports[0])) == reports[0]


def test_a_page_needs_nothing_else_and_escapes_everything(
    mixed: Path, tmp_path: Path
) -> None:
    text = page("<i>&", insight(made(mixed, tmp_path / "store")))
    assert not re.search(r"<script|https?:|src=|href=|url\(|@import|<b>|<i>", text)
    assert "&lt;script&gt;alert(1)&lt;&amp;" in text
    assert "unknown key &#x27;&lt;b&gt;x&#x27;" in text
    assert "color-scheme: light dark" in text


def test_the_figures_of_a_page_show_every_count(mixed: Path, tmp_path: Path) -> None:
    found = insight(made(mixed, tmp_path / "store"))
    figures = re.findall(r"<svg.*?</svg>", page("s", found), re.DOTALL)
    lengths, compression, rejects = map(ElementTree.fromstring, figures)
    labels = [text.text for text in lengths.iter("text")]
    assert {"up to 1,024", "up to 8"} <= set(labels)
    assert len(list(compression.iter("rect"))) == len(found["compression"])
    widths = [float(bar.attrib["width"]) for bar in rejects.iter("rect")]
    assert widths[0] == 2 * widths[1] > 0
    for figure in (lengths, compression, rejects):
        width, height = map(float, figure.attrib["viewBox"].split()[2:])
        for bar in figure.iter("rect"):
            box = {name: float(bar.attrib[name]) for name in ("x", "y", "width")}
            assert box["x"] + box["width"] < width
            assert box["y"] < height


def test_prepare_leaves_a_report_that_the_store_does_not_depend_on(
    mixed: Path, tmp_path: Path
) -> None:
    def cli(*arguments: object) -> str:
        result = CliRunner().invoke(main, ["prepare", str(mixed), *map(str, arguments)])
        assert result.exit_code == 0, result.output
        return result.stdout

    store, other = tmp_path / "store", tmp_path / "other"
    text = cli("-o", store)
    assert re.search(
        f"^  not_an_object +2, such as {re.escape(HOSTILE)} *$", text, re.M
    )
    found = json.loads((store / "report.json").read_text())
    opened = Store.open(store)
    record = {"format": "tct-report", "version": 1, **insight(opened)}
    assert found == signed(record)
    assert "report.json" not in opened.manifest["files"]
    assert opened.digest == made(mixed, other).digest
    written = tmp_path / "report.html"
    assert cli("-o", store, "--report", written) == f"{store}: up to date\n"
    assert written.read_text() == page("store", found)
    cli("-o", store, "--split-seed", 1, "--force")  # report.json is no foreign file
    assert json.loads((store / "report.json").read_text())["store"] != found["store"]


def test_duplicates_are_shown_inside_and_across_splits(tmp_path: Path) -> None:
    folder, words = tmp_path / "w", " ".join(map(str, range(50)))
    assert (split_of("owner/0", seed=0), split_of("owner/16", seed=0)) == (
        "train",
        "val",
    )
    texts = {
        "owner__0/a": "a: 1",
        "owner__0/b": "{a: 1}",
        "owner__0/c": f"c: {words}",
        "owner__0/d": f"c: {words} more",
        "owner__0/e": "e: 1",
        "owner__16/a": "a: 1",
        "owner__16/e": f"d: {words} extra",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yml").write_text(text)
    store, html = tmp_path / "store", tmp_path / "report.html"
    arguments = ["prepare", folder, "--near-dup", "-o", store, "--report", html]
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    exact = "1 inside splits, 1 across; none is in the store"
    near = "0 inside splits; 2 across, not in the store"
    assert re.search(rf"^exact duplicates +{exact} *$", result.stdout, re.M)
    assert re.search(rf"^near duplicates +{near} *$", result.stdout, re.M)
    assert f"<td>exact duplicates</td><td>{exact}</td>" in html.read_text()
    assert f"<td>near duplicates</td><td>{near}</td>" in html.read_text()
    assert json.loads((store / "report.json").read_text())["duplicates"] == {
        "exact_inside_splits": 1,
        "exact_across_splits": 1,
        "near_inside_splits": 0,
        "near_across_splits": 2,
    }
