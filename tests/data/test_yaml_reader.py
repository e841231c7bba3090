"""YAML 1.2 to the letter, where readers of YAML 1.1 say something else or nothing.

Each value was read by npm `yaml` in its strict mode as well.
"""

import tracemalloc
from collections.abc import Callable

import pytest

from tct.data.documents import yaml_reader
from tct.data.documents.json_text import Json, canonical_bytes
from tct.data.documents.parse import parse_document
from tct.data.documents.rejects import RejectedError
from tct.data.documents.yaml_reader import parse_yaml
from tct.data.native import core
from tct.data.tokenizer.grammar import MAX_DEPTH


@pytest.fixture(params=["compiled", "python"], autouse=True)
def _reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read with the compiled core, and without it."""
    if request.param == "python":
        monkeypatch.setattr(yaml_reader, "core", None)
    elif core is None:
        pytest.skip("the core is not compiled")


def reason(text: str) -> str:
    with pytest.raises(RejectedError) as caught:
        parse_yaml(text)
    return caught.value.reason


READ: list[tuple[str, Json]] = [
    # line breaks of YAML 1.1 are characters
    ("a: b\u2028c", {"a": "b\u2028c"}),
    ("a: b\x85c", {"a": "b\x85c"}),
    ("a: |\n  b\u2028c\n  d\n", {"a": "b\u2028c\nd\n"}),
    ("a: b\u2029# c", {"a": "b\u2029# c"}),
    ("# x\u2028b: 1\na: 1", {"a": 1}),
    ("# x\x85b: 1\na: 1", {"a": 1}),
    ('a: "b\u2028 c"', {"a": "b\u2028 c"}),
    ("a: 'b\x85 c'", {"a": "b\x85 c"}),
    ("a\u2028b: c", {"a\u2028b": "c"}),
    ("a: >\n  b\u2029\n  c\n", {"a": "b\u2029 c\n"}),
    ("[a\u2028, b]", ["a\u2028", "b"]),
    # indicators that touch text are text
    ("[?x, main]", ["?x", "main"]),
    ("{?x: 1}", {"?x": 1}),
    ("{? x: 1}", {"x": 1}),
    ("[? x : 1]", [{"x": 1}]),
    ("[:x, main]", [":x", "main"]),
    ("{:x: 1}", {":x": 1}),
    ("{a: :x}", {"a": ":x"}),
    ("{a :x}", {"a :x": None}),
    ("[::x]", ["::x"]),
    ("a: ?b", {"a": "?b"}),
    ("a: :b", {"a": ":b"}),
    ("a: -b", {"a": "-b"}),
    ("?a: 1", {"?a": 1}),
    (":a: 1", {":a": 1}),
    ("-a: 1", {"-a": 1}),
    ("[-a]", ["-a"]),
    ("[a:b]", ["a:b"]),
    ("[a?, b:c]", ["a?", "b:c"]),
    ("- ?x\n- :x\n", ["?x", ":x"]),
    ("{a: ?x}", {"a": "?x"}),
    ("[http://a]", ["http://a"]),
    # a colon touches what is quoted
    ('{"a":x}', {"a": "x"}),
    ('{"a" :x}', {"a": "x"}),
    ('["a":b]', [{"a": "b"}]),
    ('{"a"\n : b}', {"a": "b"}),
    ('{"a"\n :b}', {"a": "b"}),
    ('{"a" #c\n :b}', {"a": "b"}),
    ("{'a':1}", {"a": 1}),
    ("{a:}", {"a": None}),
    ("{a:,b}", {"a": None, "b": None}),
    ("[a:,b]", [{"a": None}, "b"]),
    ("[:]", [{"": None}]),
    ("[: x]", [{"": "x"}]),
    ("{a, b: c}", {"a": None, "b": "c"}),
    ("[a: b]", [{"a": "b"}]),
    ("{? a}", {"a": None}),
    ("{? a, b}", {"a": None, "b": None}),
    ("{? }", {"": None}),
    ("[? ]", [{"": None}]),
    ('[? "a\n b" : c]', [{"a b": "c"}]),
    ("[&x , *x]", [None, None]),
    ("{&x a: *x}", {"a": "a"}),
    ("{a: &x}", {"a": None}),
    # names of anchors hold more than letters
    ("&a:b CI", "CI"),
    ("a: &a:b CI\nb: *a:b", {"a": "CI", "b": "CI"}),
    ("a: &x.y 1\nb: *x.y", {"a": 1, "b": 1}),
    ("a: &\xe9 1\nb: *\xe9", {"a": 1, "b": 1}),
    ("a: &x y\n*x : 2", {"a": "y", "y": 2}),
    ("a: &x#y b", {"a": "b"}),
    ("a: &x?y [b]\nc: *x?y", {"a": ["b"], "c": ["b"]}),
    ("[&x, *x]", [None, None]),
    ("&a b: 1", {"b": 1}),
    ("&a\nb: 1", {"b": 1}),
    ("a: &x\n- 1\n", {"a": [1]}),
    ("a: &x\n  b: 1\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
    ("a: &x !!str 1", {"a": "1"}),
    ("a: !!str &x 1", {"a": "1"}),
    ("a: &x\n\n  !!str 1", {"a": "1"}),
    ("&a\n&b c: 1", {"c": 1}),
    # the anchor that begins last counts, though it stands in another one
    ("a: &x [&x b, *x]\nc: *x", {"a": ["b", "b"], "c": "b"}),
    ("- &x\n  a: &x ~\n- *x", [{"a": None}, None]),
    ("&x a: &x b\nc: *x", {"a": "b", "c": "b"}),
    # a file may end without a line break
    ("a: |+\n  x\n  ", {"a": "x\n"}),
    ("a: |+\n  x\n    ", {"a": "x\n  \n"}),
    ("a: |\n  x\n    ", {"a": "x\n  \n"}),
    ("a: |\n  x\n  ", {"a": "x\n"}),
    ("a: |-\n  x\n    ", {"a": "x\n  "}),
    ("- |+\n   ", ["\n"]),
    ("- |+\n   \n", ["\n"]),
    ("- |+\n\n\n", ["\n\n"]),
    ("a: |+", {"a": ""}),
    ("a: |\n  x", {"a": "x\n"}),
    ("a: |+\n  x", {"a": "x\n"}),
    ("a: >\n  x\n  y", {"a": "x y\n"}),
    ("a: |+\n  x\n ", {"a": "x\n"}),
    ("a: |+\n  x\n\n", {"a": "x\n\n"}),
    ("a: >+\n  x\n   ", {"a": "x\n \n"}),
    ("a:\n  b: |+\n  ", {"a": {"b": ""}}),
    ("a: b #", {"a": "b"}),
    ('a: "b"', {"a": "b"}),
    ("a:", {"a": None}),
    ("- a\n- ", ["a", None]),
    # tabs separate
    ("on: push\n\t\njobs: 1", {"on": "push", "jobs": 1}),
    ("on: push\n\t# c\njobs: 1", {"on": "push", "jobs": 1}),
    ("on: push\n \t\njobs: 1", {"on": "push", "jobs": 1}),
    ("a: |\n  \techo\n  b\n", {"a": "\techo\nb\n"}),
    ("a: |\n  b\n  \t\n  c\n", {"a": "b\n\t\nc\n"}),
    ("-\tfoo", ["foo"]),
    ("a:\tb", {"a": "b"}),
    ("a:\t\n  b: 1", {"a": {"b": 1}}),
    ("a: b\t# c", {"a": "b"}),
    ("a:\n \tb", {"a": "b"}),
    ("- a\n-\tb\n", ["a", "b"]),
    ('a: "b\n  \tc"', {"a": "b c"}),
    ("a: b\n  \t\n  c", {"a": "b\nc"}),
    ("a: x\ty", {"a": "x\ty"}),
    ("a: x\n  \ty", {"a": "x y"}),
    ('? "a"\n:\tb', {"a": "b"}),
    ("---\ta", "a"),
    ("\t\na: 1", {"a": 1}),
    ("a: 1\n\t", {"a": 1}),
    ("a: [\tb\t,\tc\t]", {"a": ["b", "c"]}),
    ("a: |\t# c\n  b", {"a": "b\n"}),
    # escapes
    ('"\\ud83d\\ude80"', "\U0001f680"),
    ('"\\ud83d"', "\ud83d"),
    ('"\\ude80\\ud83d"', "\ude80\ud83d"),
    ('"\\U0001F600"', "\U0001f600"),
    (
        '"\\x41\\/\\_\\N\\L\\P\\e\\ \\\t\\0\\a\\b\\v\\f"',
        "A/\xa0\x85\u2028\u2029\x1b \t\x00\x07\x08\x0b\x0c",
    ),
    ('"a\\\n  b"', "ab"),
    ('"a\n\n\n b"', "a\n\nb"),
    ('"a  \n  b"', "a b"),
    ('"a\\ \n b"', "a  b"),
    ('"a\\t\n b"', "a\t b"),
    ('"\\\\ud83d\\\\ude80"', "\\ud83d\\ude80"),
    ("'\\ud83d'", "\\ud83d"),
    ('"a\\"b"', 'a"b'),
    # directives
    ("%FOO bar\n---\na: 1", {"a": 1}),
    ("%YAML 1.3\n---\na: 1", {"a": 1}),
    ("%YAML 1.2\n---\na: yes", {"a": "yes"}),
    ("%YAML 1.12345678901\n---\na", "a"),
    ("%TAG !e! tag:yaml.org,2002:\n---\na: !e!str 1", {"a": "1"}),
    ("%TAG ! tag:yaml.org,2002:\n---\na: !str 1", {"a": "1"}),
    ("%YAML 1.2 # c\n---\na: 1", {"a": 1}),
    ("# c\n%YAML 1.2\n---\na: 1", {"a": 1}),
    ("%A\n%B c d\n--- a", "a"),
    ("a: !<tag:yaml.org,2002:str> 1", {"a": "1"}),
    ("a: !!s%74r 1", {"a": "1"}),
    # characters
    ('a: "\x7f\x9f"', {"a": "\x7f\x9f"}),
    ('a: "\ufffe"', {"a": "\ufffe"}),
    ("\ufeffa: 1", {"a": 1}),
    ("# c\n\ufeffa: 1", {"a": 1}),
    ("# c\n\ufeff\n\ufeff# d\n\n\ufeff\ufeffa: 1", {"a": 1}),
    ("...\n\ufeffa: 1", {"a": 1}),
    ("... # c\n\n\ufeff# d\n\ufeffa: 1", {"a": 1}),
    ("a: 1\n...\n\ufeff", {"a": 1}),
    ("a: 1\n...\n# c\n\ufeff# d\n", {"a": 1}),
    ("a: |\n  x\n  ...\n  \ufeffy\n", {"a": "x\n...\n\ufeffy\n"}),
    ("a: b\ufeffc", {"a": "b\ufeffc"}),
    ('a: "\ufeff"', {"a": "\ufeff"}),
    ("a: \xe9\U0001f680\xa0", {"a": "\xe9\U0001f680\xa0"}),
    # documents
    ("a: 1\n...\n", {"a": 1}),
    ("a: 1\n... # c\n", {"a": 1}),
    ("---\n...\n", None),
    ("--- {a: b}", {"a": "b"}),
    ("--- # c\na: 1", {"a": 1}),
    ('a: "\n  --- x"', {"a": " --- x"}),
    ("a: b\n...", {"a": "b"}),
    ("---a: 1", {"---a": 1}),
    ("a: ---", {"a": "---"}),
    ("--- |\nx\n", "x\n"),
    ("--- |\n x\n", "x\n"),
    ("--- >\nx\n---y\n", "x ---y\n"),
    ("--- |1\n  x\n", " x\n"),
    # comments
    ("a: | #c\n  x", {"a": "x\n"}),
    ("[a, #c\n b]", ["a", "b"]),
    ("a: b #c", {"a": "b"}),
    ("a: b#c", {"a": "b#c"}),
    ("a: b\n# c\n", {"a": "b"}),
    ("a:\n  #b\n  c", {"a": "c"}),
    ("a: #b\n  c", {"a": "c"}),
    ("[a\n#c\n]", ["a"]),
    ("#a\nb: c#d", {"b": "c#d"}),
    # keys
    ("? a\n: b", {"a": "b"}),
    ("? a", {"a": None}),
    ("? |\n  x\n: y", {"x\n": "y"}),
    ("? a\n? b\n", {"a": None, "b": None}),
    ("a: 1\n? b\n: - c\n  - d\n", {"a": 1, "b": ["c", "d"]}),
    (": x", {"": "x"}),
    ("a: 1\n: 2", {"a": 1, "": 2}),
    ("- : x", [{"": "x"}]),
    ("'a''b': c", {"a'b": "c"}),
    ("a : b", {"a": "b"}),
    ("a  :  b", {"a": "b"}),
    ('"a b" : c', {"a b": "c"}),
    ("{a\n b: c}", {"a b": "c"}),
    ('{"a\n b": c}', {"a b": "c"}),
    ("<<: {a: 1}", {"<<": {"a": 1}}),
    ("{1e999: 1}", {"1e999": 1}),
    ("1e999: 1", {"1e999": 1}),
    ("? .inf\n: 1", {".inf": 1}),
    ("[.nan : 1]", [{".nan": 1}]),
    # blocks
    ("a:\n- b\n- c\nd: 1", {"a": ["b", "c"], "d": 1}),
    ("- - a\n  - b\n", [["a", "b"]]),
    ("- - - a", [[["a"]]]),
    ("-\n  a: 1\n  b: 2", [{"a": 1, "b": 2}]),
    ("- a: 1\n  b: 2\n- c", [{"a": 1, "b": 2}, "c"]),
    ("-   a: 1\n    b: 2", [{"a": 1, "b": 2}]),
    ("a:\n- |1\n  x\n", {"a": [" x\n"]}),
    ("a: |2\n    d\n   e\n", {"a": "  d\n e\n"}),
    ("a: >2-\n   b\n    c\n", {"a": " b\n  c"}),
    ("a: >\n  b\n\n\n  c\n    d\n\n  e\n\n\n", {"a": "b\n\nc\n  d\n\ne\n"}),
    ("a: >-\n\n  b\n   c\n  d", {"a": "\nb\n c\nd"}),
    ("a: >\n  b\n  \tc\n  d\n", {"a": "b\n\tc\nd\n"}),
    ("a: |\n   \n   b\n", {"a": "\nb\n"}),
    ("a: |\n  b\n# c\n", {"a": "b\n"}),
    ("a:\n  - |\n   b\n  - c", {"a": ["b\n", "c"]}),
    ("a: |\n\nb: 1", {"a": "", "b": 1}),
    ("a: |+\n\n\nb: 1", {"a": "\n\n", "b": 1}),
    ("a: |+\n  \n \nb: 1", {"a": "\n\n", "b": 1}),
    ("a: >+\n  x\n\n\nb: 1", {"a": "x\n\n\n", "b": 1}),
    ("a: b\n c\n d", {"a": "b c d"}),
    ("- a\n - b", ["a - b"]),
    ("a: b\n\n\n  c\n", {"a": "b\n\nc"}),
    ("a: b\n  - c", {"a": "b - c"}),
    ('a: b\n  "c"', {"a": 'b "c"'}),
    # line breaks
    ("a: |\r\n  x\r\n  y\r\n", {"a": "x\ny\n"}),
    ('a: "x\r\n  y"', {"a": "x y"}),
    ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
]


@pytest.mark.parametrize(("text", "value"), READ)
def test_a_text_means_what_yaml_1_2_says(text: str, value: Json) -> None:
    assert canonical_bytes(parse_yaml(text)) == canonical_bytes(value)


REFUSED = [
    "[?, x]",
    "[?]",
    "{?}",
    '"a\nb": c',
    '["a"\n :b]',
    "[a\n : b]",
    "a: b: c",
    "a: b\n  c: d",
    "a\nb: c",
    "a: - b",
    "a: -",
    "[-]",
    "[- a]",
    "-\ta: 1",
    "- \ta: 1",
    "-\t- a",
    "a:\n\tb: 1",
    "a:\n\tb",
    "a: |\n\techo\n",
    "a: |\n  b\n\t\n  c\n",
    "a: b\n\t\n  c",
    "a: b\n\tc",
    '"\\U00110000"',
    '"\\UFFFFFFFF"',
    '"\\q"',
    '"\\x4"',
    "%YAML 1.2\na: 1",
    "%YAML 2.0\n---\na: 1",
    "%YAML 1.2\n%YAML 1.2\n---\na: 1",
    "%TAG !e! x\n%TAG !e! y\n---\na",
    "%TAG x\n---\na",
    "a: 1\n%YAML 1.2\n---\nb",
    "a: !e!x 1",
    "a: \x9f",
    "# \x9f\na: 1",
    "a: 1\n... x\n",
    "--- a: b",
    'a: "\n--- x"',
    '"a\n---\nb"',
    "[\n---\n]",
    "a: |#c\n  x",
    "[a,#c\n b]",
    "[a, , b]",
    "[,]",
    "{,}",
    "[a]]",
    "{a: 1}}",
    "[a",
    "{a: [}",
    "[a b]c",
    '["a" "b"]',
    '["a" b]',
    "[%a]",
    "[@a]",
    "a: @b",
    "a: %b",
    "a: `b`",
    "a: |x",
    "a: |22\n",
    "a: |0\n",
    "a: |\n   \n  b\n",
    "a: |\n  b\n # c\n  d\n",
    "a: |\n  b\n c\n",
    "a:\n  b: 1\n c: 2",
    "- a\nb: 1",
    "a: 1\n- b",
    "a: &x &y 1",
    "a: &x *y",
    "&a - b",
    "a: & b",
    'a: "b" c',
    "a: 'b",
    'a: "b',
    'a: "\\',
    "a: b\n  : c",
    "k" * 1025 + ": 1",
    '["' + "k" * 1025 + '": 1]',
    "a: [b] c",
    "a: {b}\n  c",
    "? a\n b: c",
    " a: 1\nb: 2",
    "a: 1\n b: 2",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_yaml_1_2_does_not_allow_is_no_syntax(text: str) -> None:
    assert reason(text) == "syntax"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a: *x#c", "unknown_alias"),
        ("a: !!str#x", "unknown_tag"),
        ("!!map a: 1", "unknown_tag"),
        ("a: *x", "unknown_alias"),
        ("*a: x", "unknown_alias"),
        ("a: &x 1\n*x: 2", "unknown_alias"),
        ("b: 1\n*.kyc: 2", "unknown_alias"),
        ("a: &x [*x]", "unknown_alias"),
        ("a: &x 1\nb: &x [*x]", "unknown_alias"),
        ("[*x]", "unknown_alias"),
        ("&x a: *x y", "syntax"),
        ("[a]: b", "key_not_scalar"),
        ("{a: 1}: b", "key_not_scalar"),
        ("a: [b, c]: d", "key_not_scalar"),
        ("- [bot]: x", "key_not_scalar"),
        ("x: 1\n[a]: b", "key_not_scalar"),
        ("{? [a] : b}", "key_not_scalar"),
        ("[[a] : b]", "key_not_scalar"),
        ("[{a: 1}: b]", "key_not_scalar"),
        ("? - a\n: b", "key_not_scalar"),
        ("? a: b\n: c", "key_not_scalar"),
        ("a: &x [1]\n*x : 1", "key_not_scalar"),
        ("{*x : 1}", "unknown_alias"),
        ("[!!str , !foo a]", "unknown_tag"),
        ("!!map [a]", "unknown_tag"),
        ("!!seq {a: b}", "unknown_tag"),
    ],
)
def test_other_refusals_have_names_of_their_own(text: str, named: str) -> None:
    assert reason(text) == named


# -- what runners read though the specification does not ------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('a: "b\nc"', {"a": "b c"}),
        ("a:\n  b: 'c\n d'", {"a": {"b": "c d"}}),
        ('a: "b\n"', {"a": "b "}),
        ("a: [\nb\n]", {"a": ["b"]}),
        ("a:\n  b: {\n c: d\n }", {"a": {"b": {"c": "d"}}}),
        ("a: [\n\tb\n\t]", {"a": ["b"]}),
        ("a: ['b']#c", {"a": ["b"]}),
        ('a: "b"#c', {"a": "b"}),
        ("a: 1\rb: 2\r", {"a": 1, "b": 2}),
        ("...\na: 1", {"a": 1}),
    ],
)
def test_what_every_runner_reads_is_read(text: str, value: Json) -> None:
    assert parse_yaml(text) == value


# -- state and bounds ------------------------------------------------------------------


def test_a_text_is_read_the_same_after_any_other() -> None:
    texts = [text for text, _ in READ] + REFUSED
    first = [outcome(text) for text in texts]
    assert [outcome(text) for text in reversed(texts)] == first[::-1]


def outcome(text: str) -> str:
    try:
        return canonical_bytes(parse_yaml(text)).decode()
    except RejectedError as problem:
        return str(problem)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: [1", "line 2, column 1"),
        ("a: 1\nb: 'c", "line 2, column 4"),
        ("a:\n\n\n  - b\n c: d", "line 5, column 2"),
        ("a: *x", "line 1, column 4"),
        ("a: 1\n? [b]\n: c", "line 2, column 1"),
        ("a: 1\nb: \x9f", "line 2, column 4"),
        ("a: 1 # \x7f\nb: '\x9f'", "line 1, column 8"),
        ("a: '\x9f'\nb: \ufffe\nc: '\uffff'", "line 2, column 4"),
        ("a: |\n  x\n  \uffff\n", "line 3, column 3"),
    ],
)
def test_a_reject_names_its_place(text: str, place: str) -> None:
    with pytest.raises(RejectedError, match=f"{place}: "):
        parse_yaml(text)


def nested(style: str, depth: int) -> str:
    """A text of so many collections in one another."""
    indented = [" " * level for level in range(depth)]
    texts = {
        "items": "- " * depth + "x",
        "keys": "".join(f"{spaces}k:\n" for spaces in indented) + " " * depth + "x",
        "anchors": "".join(f"{spaces}&k k: &v\n" for spaces in indented)
        + " " * depth
        + "x",
        "question marks": "".join(f"{spaces}? k\n{spaces}:\n" for spaces in indented)
        + " " * depth
        + "x",
        "brackets": "&a [" * depth + "]" * depth,
        "braces": "{? k : " * depth + "}" * depth,
        "pairs": "[k: " * (depth // 2) + "]" * (depth // 2),
    }
    return texts[style]


STYLES = ["items", "keys", "anchors", "question marks", "brackets", "braces", "pairs"]


@pytest.mark.parametrize("style", STYLES)
def test_depth_is_bounded_at_128_in_every_style(style: str) -> None:
    parse_yaml(nested(style, MAX_DEPTH))
    for depth in (MAX_DEPTH + 2, 20 * MAX_DEPTH):
        assert reason(nested(style, depth)) == "too_deep"


SIZE = 1 << 16
HUGE: dict[str, Callable[[], str]] = {
    "newlines": lambda: "\n" * SIZE + "a: 1",
    "comments": lambda: "a: 1" + "\n#" * (SIZE // 2),
    "comments in brackets": lambda: "a: [" + " #\n" * (SIZE // 3) + "]",
    "directives": lambda: "%A\n" * (SIZE // 3) + "---\na: 1",
    "handles": lambda: "".join(f"%TAG !{n}! x\n" for n in range(3_500)) + "---\na: 1",
    "a key": lambda: "? " + "k" * SIZE + "\n: 1",
    "a quoted key": lambda: '{"' + "k" * SIZE + '": 1}',
    "a tag": lambda: "a: !" + "%41" * (SIZE // 3),
    "an unclosed quote": lambda: 'a: "' + '\\"' * (SIZE // 2),
    "escapes": lambda: 'a: "' + "\\x41" * (SIZE // 4) + '"',
    "aliases": lambda: "a: &a x\nb: [" + "*a," * (SIZE // 3) + "]",
    "anchors": lambda: "a:\n" + "".join(f"- &{n} x\n" for n in range(6_000)),
    "nulls": lambda: "a: [" + "~," * (SIZE // 2) + "]",
    "plain lines": lambda: "a:" + "\n x" * (SIZE // 3),
    "folded lines": lambda: "a: >" + "\n  x\n" * (SIZE // 5),
    "indentations": lambda: (
        "a:\n" + "".join(f"- |\n{' ' * n}x\n" for n in range(1, 340))
    ),
    "keys": lambda: "".join(f"{n}:\n" for n in range(9_000)),
    "brackets": lambda: "[" * SIZE,
    "dashes": lambda: "- " * (SIZE // 2),
    "carriage returns": lambda: "\r" * SIZE + "a: 1",
    "controls": lambda: '"' + "\x9f" * (SIZE // 2) + '"',
    "nulls in JSON": lambda: '{"a": [' + "null," * (SIZE // 5) + "1]}",
    "objects in JSON": lambda: '{"a": [' + "{}," * (SIZE // 3) + "1]}",
    "JSON that ends wrong": lambda: '{"a": [' + "1," * (SIZE // 2) + "1]}}",
}


@pytest.mark.parametrize("name", HUGE)
def test_no_byte_of_a_text_takes_more_than_64_bytes(name: str) -> None:
    source = HUGE[name]().encode()
    tracemalloc.start()
    try:
        parse_document(source)
    except RejectedError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 64 * len(source) + 1e6
