"""YAML that grows: every part stands, and together they are the whole."""

from hypothesis import given

from tct.data.documents.json_text import Json
from tct.data.documents.yaml_stream import GrowingYaml
from tct.data.documents.yaml_writer import to_yaml
from tct.data.tokenizer import Tokenizer
from tct.tests.strategies import workflow_like


def grow(value: Json) -> list[str]:
    """What each token of a document adds."""
    tokenizer = Tokenizer.default()
    growing = GrowingYaml(tokenizer.decoder())
    return [growing.feed([token]) for token in tokenizer.encode(value)]


@given(workflow_like())
def test_the_parts_are_the_whole(value: dict[str, Json]) -> None:
    parts = grow(value)

    assert "".join(parts) == to_yaml(value)
    assert all(part.endswith("\n") for part in parts if part)


def test_lines_come_when_they_are_settled() -> None:
    steps: Json = [{"run": "make\nmake test\n"}, {"uses": "a/b@v1", "with": {}}]
    value: Json = {"on": "push", "jobs": {"a": {"runs-on": "x", "steps": steps}}}

    assert [part for part in grow(value) if part] == [
        "on: push\n",
        "jobs:\n",
        "  a:\n    runs-on: x\n",
        "    steps:\n",
        "    - run: |\n        make\n        make test\n",
        "    - uses: a/b@v1\n",
        "      with: {}\n",
    ]
