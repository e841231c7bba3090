"""Make a partial workflow from its commonest parts."""

from collections.abc import Sequence

from ...data.documents.json_text import Json

__all__ = ["shortcut"]


def shortcut(
    name: str | None, triggers: Sequence[str], runs_on: str | None
) -> tuple[Json, int | None]:
    """Make a partial workflow from its commonest parts.

    Args:
        name: of the workflow.
        triggers: events it runs on.
        runs_on: runner of its first job.

    Returns:
        The workflow, and `depth` for `Tokenizer.open`.
    """
    parts: dict[str, Json] = {}
    if name is not None:
        parts["name"] = name
    if triggers:
        parts["on"] = triggers[0] if len(triggers) == 1 else list(triggers)
    if runs_on is None:
        return parts, 1
    parts["jobs"] = {"build": {"runs-on": runs_on}}
    return parts, None
