"""What `tct eval` found, as a part of the model card."""

from pathlib import Path
from typing import Any

from ...data.errors import FormatError
from ...data.records import read_record

__all__ = ["EVALUATION_VERSION", "evaluation_section", "read_evaluation"]

EVALUATION_VERSION = 2

_REMAKE = "evaluate the run again with tct eval"


def read_evaluation(run_folder: Path, *, step: int) -> dict[str, Any] | None:
    """The content of RUN/eval/eval.json; None if there is none, or of another step.

    Raises:
        FormatError: it is no evaluation, or one of another version.
    """
    path = run_folder / "eval" / "eval.json"
    if not path.is_file():
        return None
    values = read_record(
        path, name="evaluation", version=EVALUATION_VERSION, remake=_REMAKE
    )
    if values.get("step") != step:
        return None
    try:
        evaluation_section(values)
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise FormatError(
            f"{path}: a field is missing or does not fit ({error!r})", _REMAKE
        ) from error
    return values


def evaluation_section(values: dict[str, Any]) -> str:
    """Bits per byte with its interval, and the funnels side by side, as Markdown."""
    bits = values["likelihood"]["bits_per_byte"]
    interval = ""
    if bits["low"] is not None:
        interval = (
            f" (95 % interval over groups {bits['low']:.4f} to {bits['high']:.4f})"
        )
    funnels = [column["funnel"] for column in values["columns"]]
    names = ["", *(column["name"] for column in values["columns"])]
    rows = [names, ["---"] * len(names)]
    rows.append(["documents", *(f"{sum(f['documents']):,}" for f in funnels)])
    for number, stage in enumerate(funnels[0]["stages"]):
        shares = (_share(f["stages"][number], sum(f["documents"])) for f in funnels)
        rows.append([stage["name"], *shares])
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    return (
        f"Bits per byte of held-out documents: {bits['value']:.4f}{interval}.\n\n"
        "How far documents come, the held-out ones and those that it writes, with "
        "the masks (constrained) and without (free). Shares are of all documents; "
        "the judges do not know the tokenizer:\n\n"
        f"{table}"
    )


def _share(stage: dict[str, Any], documents: int) -> str:
    if stage["passed"] is None:
        return "not judged"
    return f"{sum(stage['passed']) / documents:.1%}"
