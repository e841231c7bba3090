"""Sources to a store: all accounted for, nothing half-written, twice the same."""

import hashlib
import json
import os
import platform
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tct.data.display.progress import SilentProgress
from tct.data.documents.json_text import canonical_bytes
from tct.data.documents.parse import MAX_DOCUMENT_BYTES, READING_VERSION, parse_document
from tct.data.errors import (
    CorruptError,
    FormatError,
    LockedError,
    SourceError,
    StaleStoreError,
    TctError,
)
from tct.data.files import canonical_json, sha256_file
from tct.data.store import REJECTS_SCHEMA, Store
from tct.data.store.files import read_arrow
from tct.data.tokenizer import Tokenizer
from tct.data.windows import CONTEXT
from tct.pipeline.prepare import PrepareOptions, PrepareReport, prepare
from tct.pipeline.prepare.selection import Rules, split_of
from tct.pipeline.sources import Columns


def make(sources: Path | Sequence[Path], store: Path, **options: Any) -> PrepareReport:
    listed = [sources] if isinstance(sources, Path) else sources
    return prepare(listed, store, PrepareOptions(**options), SilentProgress())


@pytest.fixture
def few(workflows: Path, tmp_path: Path) -> Path:
    """A folder of a few composed workflows that a test may change."""
    folder = tmp_path / "few"
    for path in sorted(workflows.rglob("*.yml"))[:12]:
        target = folder / path.relative_to(workflows)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return folder


def contents(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file below a folder with its sha256 and time."""
    return {
        path.relative_to(folder).as_posix(): (
            sha256_file(path),
            path.stat().st_mtime_ns,
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def sha256s(store: Path) -> dict[str, str]:
    """Every file of a store but the manifest, which has the facts of its run."""
    found = {name: digest for name, (digest, _) in contents(store).items()}
    assert found.pop("manifest.json")
    return found


def rejected(store: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_arrow(
        store / "rejects.arrow", REJECTS_SCHEMA
    ).to_pylist()
    return rows


# -- what is in it ---------------------------------------------------------------------

INPUTS = {
    "a__b/one.yml": (b"on: push\njobs: {a: {runs-on: x, steps: [{run: make}]}}", None),
    "a__b/same.json": (
        b'{"on":"push","jobs":{"a":{"runs-on":"x","steps":[{"run":"make"}]}}}',
        "exact_duplicate",
    ),
    "a__b/other-order.yml": (b"jobs: {a: {runs-on: x, steps: []}}\non: push", None),
    "c__d/array.yml": (b"- a", "not_an_object"),
    "c__d/bytes.yml": (b"a: \xff", "not_utf8"),
    "c__d/conflict.yml": (b"<<<<<<< HEAD\na: 1\n=======\n", "syntax"),
    "c__d/empty.yml": (b"", "empty"),
    "c__d/large.yml": (b"a: " + b"x" * (1 << 20), "too_large"),
    "c__d/no-schema.yml": (b"anything: [1, {}, null, 1.5, -0.0]", None),
    "c__d/twice.yml": (b"a: 1\na: 2", "duplicate_key"),
    "c__d/two.yml": (b"a: 1\n---\nb: 2", "several_documents"),
    "top.yml": (
        b'on: [push, pull_request]\njobs: {}\nname: "\xf0\x9f\x9a\x80 \\ud7ff"',
        None,
    ),
}


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder of good and bad inputs."""
    for name, (text, _) in INPUTS.items():
        path = tmp_path / "mixed" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    return tmp_path / "mixed"


def test_every_input_is_kept_or_rejected_with_its_reason(
    mixed: Path, tmp_path: Path
) -> None:
    report = make(mixed, tmp_path / "store")
    store = Store.open(tmp_path / "store")
    kept = store.docs["path"].to_pylist()
    rejects = rejected(tmp_path / "store")
    assert kept == [name for name in sorted(INPUTS) if INPUTS[name][1] is None]
    assert {row["path"]: row["reason"] for row in rejects} == {
        name: reason for name, (_, reason) in INPUTS.items() if reason
    }
    assert len(kept) + len(rejects) == len(INPUTS)
    assert report.manifest["rejects"] == Counter(row["reason"] for row in rejects)
    splits = report.manifest["splits"].values()
    assert sum(split["documents"] for split in splits) == len(kept)


def test_a_reject_says_which_text_and_why(mixed: Path, tmp_path: Path) -> None:
    make(mixed, tmp_path / "store")
    rows = {row["path"]: row for row in rejected(tmp_path / "store")}
    for name, row in rows.items():
        read = INPUTS[name][0][: MAX_DOCUMENT_BYTES + 1]
        assert row["sha256"] == hashlib.sha256(read).digest()
        assert row["stage"] == "read"
        assert row["message"]
    assert rows["a__b/same.json"]["message"] == "same document as a__b/one.yml"
    assert rows["c__d/twice.yml"]["message"] == "'a'"
    assert rows["c__d/array.yml"]["message"] == "the root is an array"


def test_every_kept_document_decodes_to_its_source(
    workflows: Path, store: Store
) -> None:
    paths = store.docs["path"].to_pylist()
    assert paths == sorted(
        path.relative_to(workflows).as_posix() for path in workflows.rglob("*.yml")
    )
    for row, name in enumerate(paths):
        source = (workflows / name).read_bytes()
        canonical = canonical_bytes(parse_document(source))
        decoded = store.tokenizer.decode(store.tokens(row))
        assert canonical_bytes(decoded) == canonical  # the order of keys included
        facts = {
            name: store.docs[name][row].as_py() for name in store.docs.schema.names
        }
        assert facts["sha256"] == hashlib.sha256(canonical).digest()
        assert facts["n_bytes"] == len(canonical)
        assert facts["n_source_bytes"] == len(source)
        assert facts["group"] == name.split("/")[0].replace("__", "/")
        assert facts["on_schema"]


def test_odd_documents_decode_to_their_source(mixed: Path, tmp_path: Path) -> None:
    make(mixed, tmp_path / "store")
    store = Store.open(tmp_path / "store")
    for row, name in enumerate(store.docs["path"].to_pylist()):
        source = parse_document((mixed / name).read_bytes())
        decoded = store.tokenizer.decode(store.tokens(row))
        assert canonical_bytes(decoded) == canonical_bytes(source)
    off_schema = [
        name
        for name, on_schema in zip(
            store.docs["path"].to_pylist(),
            store.docs["on_schema"].to_pylist(),
            strict=True,
        )
        if not on_schema
    ]
    assert "c__d/no-schema.yml" in off_schema
    assert "a__b/one.yml" not in off_schema


def test_equal_documents_are_kept_once_across_sources(
    few: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again.jsonl"
    texts = [path.read_text() for path in sorted(few.rglob("*.yml"))]
    again.write_text(
        "\n".join(json.dumps({"text": text + "# same\n"}) for text in texts)
    )
    make([few, again], tmp_path / "store")
    store = Store.open(tmp_path / "store")
    assert len(store) == len(texts)
    assert len(set(store.docs["sha256"].to_pylist())) == len(texts)
    messages = {row["path"]: row["message"] for row in rejected(tmp_path / "store")}
    paths = store.docs["path"].to_pylist()
    assert messages == {
        f"again.jsonl#{number}": f"same document as {path}"
        for number, path in enumerate(paths)
    }


def test_a_document_that_is_too_long_is_rejected_and_the_rest_is_kept(
    few: Path, tmp_path: Path
) -> None:
    # Characters that the tokenizer does not know take four tokens each.
    rare = "".join(map(chr, range(0x20000, 0x20000 + 66_000)))
    (few / "0.yml").write_text(f"name: {rare}\n")
    report = make(few, tmp_path / "store")
    (reject,) = rejected(tmp_path / "store")
    assert (reject["path"], reject["stage"]) == ("0.yml", "encode")
    assert reject["reason"] == "too_long"
    assert reject["message"] == "more than 262,144 tokens"
    assert report.manifest["rejects"] == {"too_long": 1}
    store = Store.open(tmp_path / "store")
    assert len(store) == 12
    for row, name in enumerate(store.docs["path"].to_pylist()):
        source = parse_document((few / name).read_bytes())
        assert store.tokenizer.decode(store.tokens(row)) == source


def test_columns_are_taken_as_they_are_named(few: Path, tmp_path: Path) -> None:
    texts = [path.read_text() for path in sorted(few.rglob("*.yml"))]
    owners = [f"org-{number % 3}" for number in range(len(texts))]
    pq.write_table(pa.table({"body": texts, "org": owners}), tmp_path / "t.parquet")
    columns = Columns(text="body", group="org")
    make(tmp_path / "t.parquet", tmp_path / "store", columns=columns)
    store = Store.open(tmp_path / "store")
    assert store.docs["group"].to_pylist() == owners
    assert store.docs["path"].to_pylist() == [
        f"t.parquet#{n}" for n in range(len(texts))
    ]


# -- splits ----------------------------------------------------------------------------


def test_a_group_is_on_one_side(store: Store) -> None:
    pairs = set(
        zip(
            store.docs["group"].to_pylist(),
            store.docs["split"].to_pylist(),
            strict=True,
        )
    )
    assert len({group for group, _ in pairs}) == len(pairs) > 10
    assert all(split == split_of(group, seed=0) for group, split in pairs)


def test_a_document_without_a_group_is_a_group_of_its_own(
    few: Path, tmp_path: Path
) -> None:
    for number, path in enumerate(sorted(few.rglob("*.yml"))):
        path.rename(few / f"{number}.yml")
    make(few, tmp_path / "store")
    docs = Store.open(tmp_path / "store").docs
    assert docs["group"].to_pylist() == [
        digest.hex() for digest in docs["sha256"].to_pylist()
    ]


def test_splits_stay_when_data_is_added(
    workflows: Path, few: Path, tmp_path: Path
) -> None:
    def sides(store: Path) -> dict[bytes, str]:
        docs = Store.open(store).docs
        columns = (docs["sha256"].to_pylist(), docs["split"].to_pylist())
        return dict(zip(*columns, strict=True))

    make(few, tmp_path / "before")
    (tmp_path / "more.jsonl").write_text('{"on": "push", "jobs": {}}\n')
    make([tmp_path / "more.jsonl", workflows, few], tmp_path / "after")
    before, after = sides(tmp_path / "before"), sides(tmp_path / "after")
    assert len(before) < len(after)
    assert before.items() <= after.items()
    make(few, tmp_path / "other", rules=Rules(split_seed=1))
    make(workflows, tmp_path / "whole", rules=Rules(split_seed=1))
    assert sides(tmp_path / "other").items() <= sides(tmp_path / "whole").items()


def test_a_tenth_of_the_groups_is_for_validation() -> None:
    for seed in (0, 1, -5):
        splits = [split_of(f"owner/{number}", seed=seed) for number in range(10_000)]
        assert 900 < splits.count("val") < 1100


def test_the_split_is_the_hash_of_seed_and_group() -> None:
    # Frozen: another rule would move documents between the splits of existing stores.
    validation = [n for n in range(60) if split_of(f"owner/{n}", seed=0) == "val"]
    assert validation == [16, 41, 44, 56, 57]
    for name in ("owner/1", "ü", "\ud800", ""):
        digest = hashlib.sha256(f"3\0{name}".encode("utf-8", "surrogatepass")).digest()
        is_val = int.from_bytes(digest, "big") % 10_000 < 1000
        assert split_of(name, seed=3) == ("val" if is_val else "train")


# -- the manifest ----------------------------------------------------------------------


def test_the_manifest_vouches_for_every_file(store: Store) -> None:
    files = store.manifest["files"]
    found = {path.name for path in store.folder.iterdir()}
    assert found == {*files, "manifest.json", "report.json"}
    expected = {"docs.arrow", "rejects.arrow", "tokenizer.json", "tokens-00000.npy"}
    assert files.keys() == expected
    for name, recorded in files.items():
        path = store.folder / name
        assert recorded == {"bytes": path.stat().st_size, "sha256": sha256_file(path)}


def test_the_digest_covers_all_but_the_facts_of_the_run(store: Store) -> None:
    content = dict(store.manifest)
    digest, run = content.pop("digest"), content.pop("run")
    assert digest == hashlib.sha256(canonical_json(content)).hexdigest()
    assert store.digest == digest
    facts = {"created", "parts", "reused", "seconds", "tokenized", "versions"}
    assert run.keys() == facts
    assert content["key"] == (
        hashlib.sha256(canonical_json(content["key_inputs"])).hexdigest()
    )


def test_the_manifest_counts_what_is_there(store: Store) -> None:
    manifest = store.manifest
    for split in ("train", "val"):
        rows = store.rows("train" if split == "train" else "val")
        assert manifest["splits"][split] == {
            "documents": len(rows),
            "tokens": int(store.length[rows].sum()),
            "bytes": sum(store.docs["n_bytes"][row].as_py() for row in rows.tolist()),
        }
    lengths = store.length.tolist()
    assert manifest["up_to_context"] == sum(length <= CONTEXT for length in lengths)
    assert manifest["on_schema"] == sum(store.docs["on_schema"].to_pylist())
    histogram = manifest["length_histogram"]
    low = 0
    for high in histogram:
        count = sum(low < length <= int(high) for length in lengths)
        assert histogram[high] == count
        low = int(high)
    assert sum(histogram.values()) == len(lengths)
    assert manifest["tokenizer"] == store.tokenizer.digest


def test_the_manifest_counts_documents_by_what_they_break(
    mixed: Path, tmp_path: Path
) -> None:
    report = make(mixed, tmp_path / "store")
    assert report.manifest["violations"] == {
        "jobs.*.steps: too few or too many items": 1,
        "jobs: lacks a required key": 1,
        "the document: lacks a required key": 1,
        "the document: unknown key 'anything'": 1,
    }
    assert report.manifest["on_schema"] == 1


def test_what_is_on_the_schema_breaks_nothing(store: Store) -> None:
    assert store.manifest["violations"] == {}


# -- twice the same --------------------------------------------------------------------


def test_the_same_inputs_give_the_same_bytes_elsewhere(
    workflows: Path, store: Store, tmp_path: Path
) -> None:
    copied = shutil.copytree(workflows, tmp_path / "elsewhere" / "copied")
    report = prepare(
        [copied], tmp_path / "deep" / "store", PrepareOptions(), SilentProgress()
    )
    assert report.manifest["digest"] == store.digest
    ours, theirs = store.folder, tmp_path / "deep" / "store"
    for name in store.manifest["files"]:
        assert (ours / name).read_bytes() == (theirs / name).read_bytes()


def test_preparing_again_does_nothing(few: Path, tmp_path: Path) -> None:
    first = make(few, tmp_path / "store")
    before = contents(tmp_path)
    second = make(few, tmp_path / "store")
    assert (first.up_to_date, second.up_to_date) == (False, True)
    assert second.manifest == first.manifest
    assert contents(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few", "store"]


def test_inputs_that_were_only_touched_are_the_same(few: Path, tmp_path: Path) -> None:
    make(few, tmp_path / "store")
    for path in few.rglob("*.yml"):
        path.touch()
    assert make(few, tmp_path / "store").up_to_date


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ("content", "input_sha256"),
        ("name", "input_sha256"),
        ("more", "input_files"),
        ("split_seed", "split_seed: 0 then, 7 now"),
        ("columns", "text_column: None then, 'body' now"),
        ("tokenizer", f"tokenizer: {Tokenizer.default().digest!r} then, "),
    ],
)
def test_a_store_of_something_else_is_refused_and_left_alone(
    few: Path, other_tokenizer: Path, tmp_path: Path, change: str, field: str
) -> None:
    make(few, tmp_path / "store")
    before = contents(tmp_path / "store")
    first = min(few.rglob("*.yml"))
    options: dict[str, Any] = {}
    match change:
        case "content":
            first.write_text(first.read_text() + "# changed\n")
        case "name":
            first.rename(first.with_name("renamed.yml"))
        case "more":
            shutil.copyfile(first, few / "more.yml")
        case "split_seed":
            options["rules"] = Rules(split_seed=7)
        case "columns":
            options["columns"] = Columns(text="body")
        case "tokenizer":
            options["tokenizer"] = other_tokenizer
    with pytest.raises(StaleStoreError) as caught:
        make(few, tmp_path / "store", **options)
    message = str(caught.value)
    assert message.startswith(
        f"{tmp_path / 'store'}: prepared from other inputs or options ("
    )
    assert field in message
    assert message.endswith("or replace this one with --force")
    assert contents(tmp_path / "store") == before


def test_force_replaces_a_store_of_something_else(few: Path, tmp_path: Path) -> None:
    make(few, tmp_path / "store")
    path = min(few.rglob("*.yml"))
    path.write_text("on: push\njobs: {}\n")
    assert not make(few, tmp_path / "store", force=True).up_to_date
    make(few, tmp_path / "fresh")
    assert sha256s(tmp_path / "store") == sha256s(tmp_path / "fresh")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["few", "fresh", "store"]


def test_a_store_of_another_version_is_replaced_by_force_only(
    few: Path, tmp_path: Path
) -> None:
    make(few, tmp_path / "store")
    path = tmp_path / "store" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 0}))
    with pytest.raises(FormatError, match="found store version 0, expected 2"):
        make(few, tmp_path / "store")
    assert not make(few, tmp_path / "store", force=True).up_to_date
    assert Store.open(tmp_path / "store").manifest["version"] == 2


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_that_is_no_store_is_left_alone(
    few: Path, tmp_path: Path, force: bool
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(FormatError, match=r"mine: exists, but is not a store; give an"):
        make(few, tmp_path / "mine", force=force)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("force", [False, True])
def test_a_file_is_no_store(few: Path, tmp_path: Path, force: bool) -> None:
    (tmp_path / "mine").write_text("years of work")
    with pytest.raises(FormatError, match="exists, but is not a store"):
        make(few, tmp_path / "mine", force=force)
    assert (tmp_path / "mine").read_text() == "years of work"


def test_an_empty_folder_becomes_a_store(few: Path, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    make(few, tmp_path / "store")
    assert len(Store.open(tmp_path / "store")) == 12


class _Editing(SilentProgress):
    """Somebody edits an input when a stage begins."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def stage(self, name: str, total: int | None) -> None:
        if name == "tokenize":
            self.path.write_text("on: push\njobs: {}\n")


def test_inputs_that_change_while_they_are_read_are_refused(
    few: Path, tmp_path: Path
) -> None:
    editing = _Editing(min(few.rglob("*.yml")))
    with pytest.raises(SourceError, match="few: changed while it was read; prepare"):
        prepare([few], tmp_path / "store", PrepareOptions(), editing)
    assert [path.name for path in tmp_path.iterdir()] == ["few"]


# -- increments ------------------------------------------------------------------------


def test_only_what_the_old_store_does_not_have_is_tokenized(
    workflows: Path, few: Path, tmp_path: Path
) -> None:
    make(few, tmp_path / "store")
    first = min(few.rglob("*.yml"))
    first.write_text(first.read_text() + "\nenv: {CHANGED: 'yes'}\n")
    (few / "new.yml").write_text("on: push\njobs: {}\n")
    report = make(few, tmp_path / "store", force=True)
    assert report.manifest["run"]["reused"] == 11
    assert report.manifest["run"]["tokenized"] == 2
    fresh = make(few, tmp_path / "fresh")
    assert fresh.manifest["run"]["reused"] == 0
    assert report.manifest["digest"] == fresh.manifest["digest"]
    assert sha256s(tmp_path / "store") == sha256s(tmp_path / "fresh")


@pytest.mark.parametrize("damage", ["tokens", "tokenizer"])
def test_tokens_of_a_store_that_does_not_fit_are_not_taken(
    few: Path, other_tokenizer: Path, tmp_path: Path, damage: str
) -> None:
    options = {"tokenizer": other_tokenizer} if damage == "tokenizer" else {}
    make(few, tmp_path / "store", **options)
    if damage == "tokens":
        path = tmp_path / "store" / "tokens-00000.npy"
        data = bytearray(path.read_bytes())
        data[200] ^= 1
        path.write_bytes(data)
    (few / "new.yml").write_text("on: push\njobs: {}\n")
    report = make(few, tmp_path / "store", force=True)
    assert report.manifest["run"]["reused"] == 0
    make(few, tmp_path / "fresh")
    assert sha256s(tmp_path / "store") == sha256s(tmp_path / "fresh")


def test_a_store_that_was_read_otherwise_is_out_of_date(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("tct.pipeline.prepare.cache_key.READING_VERSION", 1)
        make(few, tmp_path / "store")
    now = f"reading: 1 then, {READING_VERSION} now"
    with pytest.raises(StaleStoreError, match=now):
        make(few, tmp_path / "store")
    report = make(few, tmp_path / "store", force=True)
    assert report.manifest["run"]["reused"] == 0


# -- tokenizers ------------------------------------------------------------------------


def test_the_default_tokenizer_is_used(store: Store) -> None:
    assert store.tokenizer.digest == Tokenizer.default().digest


def test_the_default_tokenizer_may_be_given_as_a_file(
    workflows: Path, store: Store, tmp_path: Path
) -> None:
    copy = shutil.copyfile(store.folder / "tokenizer.json", tmp_path / "copy.json")
    report = make(workflows, tmp_path / "store", tokenizer=copy)
    assert report.manifest["digest"] == store.digest


def test_a_given_tokenizer_is_used(
    few: Path, other_tokenizer: Path, tmp_path: Path
) -> None:
    report = make(few, tmp_path / "store", tokenizer=other_tokenizer)
    digest = Tokenizer.load(other_tokenizer).digest
    assert digest != Tokenizer.default().digest
    store = Store.open(tmp_path / "store")
    assert report.manifest["tokenizer"] == store.tokenizer.digest == digest
    for row, name in enumerate(store.docs["path"].to_pylist()):
        source = parse_document((few / name).read_bytes())
        assert store.tokenizer.decode(store.tokens(row)) == source


@pytest.mark.parametrize("name", ["manifest.json", "few"])
def test_a_file_that_is_no_tokenizer_is_refused(
    store_folder: Path, few: Path, tmp_path: Path, name: str
) -> None:
    path = store_folder / name if name == "manifest.json" else min(few.rglob("*.yml"))
    with pytest.raises(FormatError):
        make(few, tmp_path / "store", tokenizer=path)
    assert [path.name for path in tmp_path.iterdir()] == ["few"]


def test_a_damaged_tokenizer_is_refused(
    store_folder: Path, few: Path, tmp_path: Path
) -> None:
    text = (store_folder / "tokenizer.json").read_text()
    (tmp_path / "t.json").write_text(text.replace('"merges":[', '"merges":["ab",', 1))
    with pytest.raises(CorruptError, match=r"t\.json: its content has digest"):
        make(few, tmp_path / "store", tokenizer=tmp_path / "t.json")


# -- failures --------------------------------------------------------------------------


class _Interrupted(SilentProgress):
    """Ctrl-C when a stage begins, or after some steps of it."""

    def __init__(self, stage: str, steps: int) -> None:
        self.wanted, self.left = stage, steps
        self.current = ""

    def stage(self, name: str, total: int | None) -> None:
        self.current = name
        if name == self.wanted and not self.left:
            raise KeyboardInterrupt

    def advance(self, steps: int = 1) -> None:
        if self.current == self.wanted:
            self.left -= steps
            if self.left <= 0:
                raise KeyboardInterrupt


@pytest.mark.parametrize("has_store", [False, True])
@pytest.mark.parametrize(
    ("stage", "steps"), [("tokenize", 0), ("tokenize", 7), ("write", 0)]
)
def test_an_interrupted_run_leaves_the_store_and_is_taken_up_again(
    few: Path,
    tmp_path: Path,
    stage: str,
    steps: int,
    has_store: bool,
) -> None:
    if has_store:
        make(few, tmp_path / "store")
        min(few.rglob("*.yml")).write_text("on: push\n")
    make(few, tmp_path / "undisturbed")
    before = contents(tmp_path / "store")
    options = PrepareOptions(force=True)
    with pytest.raises(KeyboardInterrupt):
        prepare([few], tmp_path / "store", options, _Interrupted(stage, steps))
    assert contents(tmp_path / "store") == before
    staging = [".store.staging"] * ((stage, steps) != ("tokenize", 0))
    expected = [*staging, "few", *["store"] * has_store, "undisturbed"]
    assert sorted(path.name for path in tmp_path.iterdir()) == expected
    make(few, tmp_path / "store", force=True)
    assert sha256s(tmp_path / "store") == sha256s(tmp_path / "undisturbed")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["few", "store", "undisturbed"]


def test_a_table_that_breaks_in_the_middle_leaves_nothing_behind(
    workflows: Path, tmp_path: Path
) -> None:
    path = tmp_path / "t.parquet"
    texts = [path.read_text() for path in sorted(workflows.rglob("*.yml"))]
    table = pa.table({"text": texts})
    pq.write_table(
        table, path, row_group_size=30, compression="none", use_dictionary=False
    )
    make(path, tmp_path / "whole")
    assert len(Store.open(tmp_path / "whole")) == 60
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    data = bytearray(path.read_bytes())
    start = column.data_page_offset
    data[start : start + 12] = b"\xff" * 12
    path.write_bytes(data)
    with pytest.raises(TctError):
        make(path, tmp_path / "store")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.parquet", "whole"]


def test_a_source_without_documents_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("1\n[]\n{\n" + '{"a": 1, "a": 2}\n')
    message = (
        r"rows\.jsonl: no document among 4 inputs \(3 bad_record, 1 duplicate_key\); "
        "check that these are workflows, and --text-column"
    )
    with pytest.raises(SourceError, match=message):
        make(tmp_path / "rows.jsonl", tmp_path / "store")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_a_missing_source_is_found_before_anything_is_made(
    few: Path, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match="nowhere: not found"):
        make([few, tmp_path / "nowhere"], tmp_path / "new" / "store")
    assert [path.name for path in tmp_path.iterdir()] == ["few"]


class _Second(SilentProgress):
    """Prepares the same store again while it is being prepared."""

    def __init__(self, again: Callable[[], PrepareReport]) -> None:
        self.again = again
        self.refused: list[str] = []

    def stage(self, name: str, total: int | None) -> None:
        if name == "hash":
            return  # before the lock
        try:
            self.again()
        except LockedError as error:
            self.refused.append(f"{name}: {error}")


def test_a_second_writer_is_told_who_is_at_work_while_the_first_goes_on(
    few: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    (tmp_path / "other.jsonl").write_text('{"on": "push", "jobs": {}}\n')
    second = _Second(lambda: make(tmp_path / "other.jsonl", store))
    prepare([few], store, PrepareOptions(), second)
    message = (
        f"{tmp_path / '.store.staging'}: in use by process {os.getpid()} on "
        f"{platform.node()}; wait until that process is done"
    )
    assert second.refused == [f"{name}: {message}" for name in ("tokenize", "write")]
    assert len(Store.open(store)) == 12
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["few", "other.jsonl", "store"]


class _Overtaken(SilentProgress):
    """Another process prepares the store between the look and the lock."""

    def __init__(self, store: Path) -> None:
        self.store = store

    def stage(self, name: str, total: int | None) -> None:
        if name == "hash":
            shutil.copytree(self.store.with_name("made"), self.store)


def test_a_store_that_was_made_meanwhile_is_found(few: Path, tmp_path: Path) -> None:
    make(few, tmp_path / "made")
    overtaken = _Overtaken(tmp_path / "store")
    report = prepare([few], tmp_path / "store", PrepareOptions(), overtaken)
    assert report.up_to_date
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["few", "made", "store"]


def test_what_a_run_of_something_else_left_is_not_in_the_store(
    few: Path, tmp_path: Path
) -> None:
    interrupted, options = (
        _Interrupted("write", 0),
        PrepareOptions(rules=Rules(split_seed=3)),
    )
    with pytest.raises(KeyboardInterrupt):
        prepare([few], tmp_path / "store", options, interrupted)
    staging = tmp_path / ".store.staging"
    (staging / "store" / "tokens-00007.npy").write_bytes(b"half a shard")
    assert (staging / "parts" / "part-00000.json").is_file()
    (tmp_path / ".store.trash" / "store").mkdir(parents=True)
    make(few, tmp_path / "store")
    make(few, tmp_path / "fresh")
    assert sha256s(tmp_path / "store") == sha256s(tmp_path / "fresh")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["few", "fresh", "store"]


def test_inputs_are_never_changed(mixed: Path, tmp_path: Path) -> None:
    before = contents(mixed)
    make(mixed, tmp_path / "store")
    assert contents(mixed) == before
