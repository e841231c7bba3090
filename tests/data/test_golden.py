"""The ids of the tokenizer that ships: stores and models of others depend on them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tct.data.documents.json_text import canonical_bytes
from tct.data.tokenizer import TOKENIZER_VERSION, Tokenizer

# Ten workflows, the last one off the schema.  Whoever changes what is in this file
# makes every store unreadable to models that were trained before.
GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("golden.json").read_text())


def test_the_version_and_the_digest_are_the_recorded_ones() -> None:
    assert GOLDEN["version"] == TOKENIZER_VERSION
    assert GOLDEN["digest"] == Tokenizer.default().digest


@pytest.mark.parametrize("workflow", GOLDEN["workflows"], ids=range(10))
def test_the_ids_are_the_recorded_ones(workflow: dict[str, Any]) -> None:
    tokenizer = Tokenizer.default()
    value, ids = workflow["value"], workflow["ids"]
    assert tokenizer.encode(value).tolist() == ids
    assert canonical_bytes(tokenizer.decode(ids)) == canonical_bytes(value)
