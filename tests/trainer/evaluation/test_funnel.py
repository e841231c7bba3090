import subprocess
import sys
from collections.abc import Sequence

from tct.trainer.evaluation.documents import Document
from tct.trainer.evaluation.funnel import Funnel, funnel, judge_all
from tct.trainer.evaluation.judges import Judge, schema_judge

from .workflows import UNFINISHED, document, workflow

WRONG = {**workflow(), "permissions": 7}
ABSENT = Judge(name="absent", version=None, find=lambda documents: 1 / 0)  # type: ignore[arg-type,return-value]


def complain_of(name: str) -> Judge:
    """Of documents with this name."""

    def find(documents: Sequence[Document]) -> list[list[str]]:
        return [
            [f"is {name}"] * 2
            if isinstance(one.value, dict) and one.value.get("name") == name
            else []
            for one in documents
        ]

    return Judge(name=name, version="1", find=find)


def counted(by_seed: list[list[Document]], *judges: Judge) -> Funnel:
    return funnel([judge_all(of_seed, judges) for of_seed in by_seed], judges)


def test_what_fails_once_is_lost_and_stays_in_the_denominator() -> None:
    documents = [
        document(workflow()),
        document(WRONG),
        UNFINISHED,
        document(workflow(), "cut"),
        document({**workflow(), "name": "x"}),
    ]
    found = counted([documents], schema_judge(), complain_of("x"))

    assert found.documents == [5]
    assert found.whole == 4
    assert found.endings == {"finished": 3, "open": 1, "cut": 1}
    assert [(stage.name, stage.passed, stage.right) for stage in found.stages] == [
        ("finished", [3], 3),
        ("JSON", [3], 4),
        ("schema-correct", [2], 3),
        ("x", [1], 3),
    ]


def test_each_seed_is_counted_by_itself() -> None:
    found = counted([[document(workflow()), UNFINISHED], [document(workflow())]])
    assert [stage.passed for stage in found.stages] == [[1, 1], [1, 1]]


def test_a_judge_that_is_not_installed_is_passed_over() -> None:
    found = counted([[document(workflow())]], ABSENT, schema_judge())

    assert [stage.passed for stage in found.stages] == [[1], [1], None, [1]]
    assert found.stages[2].right is None


def test_a_complaint_counts_once_per_document() -> None:
    named = document({**workflow(), "name": "x"})
    found = counted([[named, named, document(workflow())]], complain_of("x"))

    assert found.stages[-1].complaints == [("is x", 2)]


def test_a_document_that_is_no_object_is_no_json_workflow() -> None:
    found = counted([[document(["a"]), document("a")]])
    assert [stage.passed for stage in found.stages] == [[2], [0]]


def test_nothing_whole_is_asked_about() -> None:
    found = counted([[UNFINISHED, UNFINISHED]], schema_judge())
    assert [stage.passed for stage in found.stages] == [[0], [0], [0]]


def test_what_judges_documents_loads_no_torch() -> None:
    code = (
        "import sys, tct.trainer.evaluation.columns, tct.trainer.evaluation.programs\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
