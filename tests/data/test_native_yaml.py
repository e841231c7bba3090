"""The compiled core reads a YAML text as Python does, or says that it is not sure."""

import gzip
import json
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from tct.data.documents.json_text import Json
from tct.data.documents.rejects import RejectedError
from tct.data.documents.yaml_reader import parse_in_python
from tct.data.native import core
from tct.tests.boundaries.harness import NUM_SHORT, NUM_SLOW, attack
from tct.tests.boundaries.test_yaml import PIECES, VALID
from tct.tests.data.test_yaml_reader import READ

pytestmark = pytest.mark.skipif(core is None, reason="the core is not compiled")

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"

# Texts that the core is sure of.
SURE: list[tuple[str, Json]] = [
    ("a: b", {"a": "b"}),
    ("\n# c\n\n  a: 1\n  b:\n", {"a": 1, "b": None}),
    ("---\na: 1\n", {"a": 1}),
    ("# c\n--- # d\na: 1", {"a": 1}),
    ("a:\n- b\n-\n- - c\n  - d\n-   e: f\n    g: h\n", None),
    ("a:\n  - b: c\n    d:\n    - e\n  # f\n  - g\nh: i", None),
    ("a: b c #d\ne: f#g\nh: i:j\n", {"a": "b c", "e": "f#g", "h": "i:j"}),
    ("a: b\n  c\n\n  d #e\nf: -g\n", {"a": "b c\nd", "f": "-g"}),
    ("a:\n  b\n  :c\nd: ::e\n", {"a": "b :c", "d": "::e"}),
    ("'a b' : 1\n\"c\": 2\n? d", None),
    ("a: 'b''c\n\n  d'\ne: \"f\\\n  g \\x41\\u00e9\\U0001F600\\n\"", None),
    ('a: "\\0\\a\\b\\t\\v\\f\\r\\e\\ \\"\\/\\\\\\N\\_\\L\\P\\\t"', None),
    ('a: "b  \n c\td"\n', {"a": "b c\td"}),
    ("a: |\n b\n  c\n\nd: >\n e\n f\n\n  g\n h\n\n\n i\n", None),
    ("a: |2-\n   b\n\nc: >+\n d\n\n\ne: |-\nf: |+\n\ng: >-2\n   h\n", None),
    ("a: |\n  b", {"a": "b\n"}),
    ("a: >\n\n b\n \n", None),
    ("a: [b, 'c', \"d\", {e: f, \"g\":h, 'i' : j}, [], {}, k,]\n", None),
    ("a: [ # b\n  c ,\n\n  d # e\n]# f\ng: {h: [i\n ]}", None),
    ("a: [1, -2, +3, 007, 1.5, .5, 1., -1e3, 1e-3, true, ~, null, FALSE]", None),
    ("a: 0b1\nb: 1.2.3\nc: +\ne: .\nf: 1e\ng: ./x\nh: +.x", None),
    ("a: Grüße 🚀\n'ключ': \"日本\"\n", None),
    ("a:\t1 \nb: \t# c\nd: 'e'\t# f\n", {"a": 1, "b": None, "d": "e"}),
]
# Texts that are left to Python.
NOT_SURE = [
    "a:\n- [\n",
    *(
        "",
        "a",
        "[a]",
        "- a",
        "a: &b c",
        "a: *b",
        "a: !b c",
        "? a\n: b",
        "%A\n---\na: 1",
    ),
    *("a: 1\na: 2", "a: [b: c]", "a: [b c\n d]", "a: {b}", "a: {b: }", "a: [,]"),
    *(
        "a: 1\n...\n",
        "a: 1\n---\nb: 2",
        "--- a: 1",
        "a:\n\t- b",
        "a: |\n\tb",
        "a: 1\n b: 2",
    ),
    *(
        "a: 0x1f",
        "a: 0o17",
        "a: .inf",
        "a: -.INF",
        "a: .nan",
        "a: 1e999",
        "a: " + "9" * 19,
    ),
    *(
        "\ufeffa: 1",
        "a: \x7f",
        "a: \x00",
        "a: b\rc: d",
        "a: \x85",
        "a: \ufffe",
        "a: \ud800",
    ),
    *(
        'a: "b',
        "a: 'b",
        'a: "\\q"',
        'a: "\\ud83d\\ude80"',
        'a: "\\U00110000"',
        'a: "b" c',
    ),
    *(
        "a: |x\n b",
        "a: |\n   \n  b\n",
        "a: |\n  b\n  ",
        "a: @b",
        "a: `b",
        "a: {b: 1, b: 2}",
    ),
    *(
        "a: 'b\n---\nc'",
        "a: [b\n--- c]",
        "a: [b",
        "k" * 2000 + ": 1",
        "a: 1\n  # b\n c: 2",
    ),
    *("a:\n" + "".join(f"{' ' * n}- \n" for n in range(1, 3)) + " x", "a: b: c"),
    "a: " + "[" * 200,
    "".join(f"{' ' * n}a:\n" for n in range(200)),
    "a: [" + "1," * 200_001 + "]",
]


def python(text: str) -> Json:
    normal = text.replace("\r\n", "\n").replace("\r", "\n")
    return parse_in_python(text, normal)


def typed(value: Json) -> object:
    """A value that == tells from others of another type or order."""
    if isinstance(value, dict):
        return [(key, typed(child)) for key, child in value.items()]
    if isinstance(value, list):
        return [typed(child) for child in value], None
    return type(value), repr(value)


def compare(source: bytes) -> None:
    """Read a text both ways; RejectedError if it is none, or left to Python."""
    assert core is not None
    text = source.decode("utf-8", "replace")
    found = core.read_yaml(text.replace("\r\n", "\n").replace("\r", "\n"))
    if found is NotImplemented:
        raise RejectedError("syntax", "not sure")
    assert typed(found) == typed(python(text))


@pytest.mark.parametrize(("text", "value"), SURE)
def test_what_workflows_hold_is_read_by_the_core(text: str, value: Json) -> None:
    if "? d" not in text:
        compare(text.encode())
    if value is not None:
        assert python(text) == value


@pytest.mark.parametrize("text", NOT_SURE)
def test_what_is_rare_or_wrong_is_left_to_python(text: str) -> None:
    assert core is not None
    assert core.read_yaml(text) is NotImplemented


def seeds() -> list[bytes]:
    found = [*VALID, *(text.encode("utf-8", "replace") for text, _ in READ + SURE)]
    return [text for text in found if len(text) < 2000]


def test_a_changed_text_is_read_the_same() -> None:
    outcomes = attack("native yaml", seeds(), compare, 4 * NUM_SHORT)
    assert outcomes["read"] > NUM_SHORT / 4


def test_every_piece_at_every_place_is_read_the_same() -> None:
    outcomes: Counter[bool] = Counter()
    for source in (SURE[5][0], SURE[9][0], SURE[13][0], SURE[17][0]):
        text = source.encode()
        for at in range(len(text) + 1):
            for piece in PIECES:
                try:
                    compare(text[:at] + piece + text[at:])
                except RejectedError:
                    outcomes[False] += 1
                else:
                    outcomes[True] += 1
    assert outcomes[True] > outcomes.total() / 4


def test_a_text_may_end_anywhere_in_any_collection() -> None:
    # Under sanitizers this finds a look beyond the end, after something has failed.
    for text, _ in SURE:
        source = text.encode()
        for end in range(len(source) + 1):
            for frame in (b"%s", b"a:\n- %s", b"- - %s", b"a: [%s", b"a: {b: %s"):
                with suppress(RejectedError):
                    compare(frame % source[:end])


@pytest.mark.slow
def test_a_million_changed_texts_are_read_the_same() -> None:
    found = seeds()
    path = CORPUS / "workflows-head.parquet"
    if path.exists():
        import pyarrow.parquet as pq

        texts = pq.read_table(path, columns=["text"])["text"].to_pylist()
        found += [text.encode() for text in texts if len(text) < 1000]
    outcomes = attack("native yaml", found, compare, NUM_SLOW)
    assert outcomes["read"] > NUM_SLOW / 20


@pytest.mark.slow
@pytest.mark.parametrize("name", ["workflows-100k.parquet", "workflows-head.parquet"])
def test_real_workflows_are_read_the_same(name: str) -> None:
    if not (CORPUS / name).exists():
        pytest.skip("needs the corpus in ../shared")
    import pyarrow.parquet as pq

    sure = Counter[bool]()
    for batch in pq.ParquetFile(CORPUS / name).iter_batches(512, columns=["text"]):
        for text in batch.column(0).to_pylist():
            try:
                compare(text.encode())
            except RejectedError:
                sure[False] += 1
            else:
                sure[True] += 1
    assert sure[True] > 0.98 * sure.total()


@pytest.mark.slow
def test_documents_of_other_kinds_are_read_the_same() -> None:
    path = CORPUS / "other-kinds.jsonl.gz"
    if not path.exists():
        pytest.skip("needs the corpus in ../shared")
    with gzip.open(path, "rt") as file:
        for line in file:
            for text in json.loads(line).values():
                if isinstance(text, str) and "\n" in text:
                    try:
                        compare(text.encode())
                    except RejectedError:
                        continue
