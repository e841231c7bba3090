"""YAML: what is read is a document, whatever was done to the text."""

from collections import Counter

import pytest

from tct.data.documents.json_text import canonical_bytes
from tct.data.documents.parse import parse_document
from tct.data.documents.rejects import RejectedError
from tct.data.documents.yaml_writer import to_yaml
from tct.tests.boundaries.harness import HOSTILE, NUM_SHORT, NUM_SLOW, attack

VALID = [
    b"""\
name: CI
on:
  push: {branches: [main, 'v*', "a b"]}
jobs:
  test:
    runs-on: ${{ matrix.os }} # any
    strategy:
      matrix: {os: [ubuntu-latest, windows-latest], node: [18, 20.5, ~]}
    steps:
    - uses: actions/checkout@v4
    - name: 'It''s'
      run: |
        set -e
          make  \\
        make test

    - run: >-
        one
        two
""",
    b"""\
%YAML 1.2
---
base: &base {a: 1, b: !!str 2}
use: *base
? key
: - - 1
    - -0.5e3
  -
    c: "\\u00e9\\n\\
      d"
&name x: !!int "7"
<<: |+2
   kept

...
""",
    "a: Grüße 🚀\nb:\tc\nd: 'e\n\n  f'\ng: [h: i, \"j\":k, l,\n m n]\n".encode(),
    b"on: push\r\njobs:\r\n  a:\r\n    steps: []\r\n",
]
# What means something to YAML, wherever it is put.
PIECES = [b"%c" % code for code in range(0x20, 0x7F) if not chr(code).isalnum()]
PIECES += [b"- ", b": ", b" #", b"? ", b"\n  ", b"\n---\n", b"\n...\n", b"|+\n", b"'\n"]


def read(source: bytes) -> None:
    """Read a text, and check that it is a document that survives being written."""
    value = parse_document(source)
    canonical = canonical_bytes(value)
    assert canonical_bytes(parse_document(source)) == canonical
    assert canonical_bytes(parse_document(canonical)) == canonical
    if b"\\ud" not in canonical:  # YAML has no lone surrogates
        written = to_yaml(value).encode()
        assert canonical_bytes(parse_document(written)) == canonical


def check(outcomes: Counter[str], number: int) -> None:
    assert outcomes.total() == number
    assert outcomes["read"] > number / 20
    assert outcomes["reject:syntax"] > number / 20


def test_a_changed_text_is_a_document_or_a_reject() -> None:
    check(attack("yaml", VALID, read), NUM_SHORT)


@pytest.mark.slow
def test_a_million_changed_texts_are_documents_or_rejects() -> None:
    check(attack("yaml", VALID, read, NUM_SLOW), NUM_SLOW)


def test_every_piece_at_every_place_is_a_document_or_a_reject() -> None:
    source = b"a: &b [c, {d: e}]\nf:\n- 'g'\n- \"h\"\n- |\n  i\n? j\n: *b\n"
    changed = [
        source[:at] + piece + source[at:]
        for at in range(len(source) + 1)
        for piece in PIECES + HOSTILE
    ]
    outcomes: Counter[str] = Counter()
    for text in changed:
        try:
            read(text)
        except RejectedError as problem:
            outcomes[problem.reason] += 1
        else:
            outcomes["read"] += 1
    assert outcomes["read"] > len(changed) / 10
