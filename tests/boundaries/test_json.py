"""JSON: what is read is a document, whatever was done to the text."""

import json
from collections import Counter

import pytest

from tct.data.documents.json_text import canonical_bytes
from tct.data.documents.parse import parse_document
from tct.tests.boundaries.harness import NUM_SHORT, NUM_SLOW, attack

VALID = [
    b'{"name":"CI","on":{"push":null},"jobs":{"a":{"steps":[{"run":"make\\n"}]}}}',
    b'{\n\t"a": [1, -0, 2.5e-3, 1E+2, true, false, null, {}],\n\t"\\u00e9": "\\/"\n}',
    '{"🚀":"\\ud83d\\ude80","\\ud800":"\u2028","k":{"k":{"k":["",[[]]]}}}\n'.encode(),
]


def read(source: bytes) -> None:
    """Read a text, and check that Python's reader agrees where it reads it too."""
    canonical = canonical_bytes(parse_document(source))
    assert canonical_bytes(parse_document(source)) == canonical
    assert canonical_bytes(parse_document(canonical)) == canonical
    try:
        value = json.loads(source.decode("utf-8-sig"))
    except ValueError:
        return  # it is YAML
    assert canonical_bytes(value) == canonical


def check(outcomes: Counter[str], number: int) -> None:
    assert outcomes.total() == number
    assert outcomes["read"] > number / 20
    assert outcomes["reject:syntax"] > number / 20


def test_a_changed_text_is_a_document_or_a_reject() -> None:
    check(attack("json", VALID, read), NUM_SHORT)


@pytest.mark.slow
def test_a_million_changed_texts_are_documents_or_rejects() -> None:
    check(attack("json", VALID, read, NUM_SLOW), NUM_SLOW)
