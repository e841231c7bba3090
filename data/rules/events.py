"""Events and what may narrow them.

Source: the page "Events that trigger workflows".
"""

from typing import Any

from .rule import FILLED, PLAIN, Rule, rule, template, words

__all__ = ["events"]

_NULL = rule(None, text=None, scalars="null", keys=None, objects=False)
_ONLY_TEXT: dict[str, Any] = {"scalars": "", "objects": False, "lists": False}
_GLOBS = rule(
    None,
    text=None,
    scalars="",
    objects=False,
    items=rule(None, text="ref-glob", **_ONLY_TEXT),
)
_PATHS = rule(
    None,
    text=None,
    scalars="",
    objects=False,
    items=rule(None, text="path-glob", **_ONLY_TEXT),
)
_MINUTES = "minutes"


def _types(names: str) -> Rule:
    """`types` of an event."""
    item = rule(None, text=None, words=words(names))
    return rule(None, text=None, words=frozenset(), items=item)


def _event(names: str = "") -> Rule:
    """An event, with the activity types that GitHub knows."""
    children = {"types": _types(names)} if names else {}
    drop = frozenset() if names else words("types")
    return rule(children, keys=None, drop=drop)


_FILTERS = {
    "branches": _GLOBS,
    "branches-ignore": _GLOBS,
    "tags": _GLOBS,
    "tags-ignore": _GLOBS,
    "paths": _PATHS,
    "paths-ignore": _PATHS,
}
_PULL_REQUEST = (
    "assigned unassigned labeled unlabeled opened edited closed reopened synchronize "
    "converted_to_draft locked unlocked enqueued dequeued milestoned demilestoned "
    "ready_for_review review_requested review_request_removed auto_merge_enabled "
    "auto_merge_disabled"
)


def _pull_request() -> Rule:
    return rule(
        {**_FILTERS, "types": _types(_PULL_REQUEST)},
        keys=None,
        drop=words("tags tags-ignore"),
    )


def _workflow_call() -> Rule:
    value = rule({"description": PLAIN}, drop=words("default"))
    output = rule(
        {"description": PLAIN, "value": template("workflow-output", scalars="")}
    )
    secret = rule({"description": PLAIN})
    return rule(
        {
            "inputs": rule(None, keys="id", role="call-inputs", others=value),
            "outputs": rule(None, keys="id", others=output),
            "secrets": rule(None, keys="id", role="call-secrets", others=secret),
        },
        keys=None,
    )


def _workflow_dispatch() -> Rule:
    value = rule(
        {"description": PLAIN, "type": rule(None, words=words("boolean string"))},
        drop=words("default options deprecationMessage"),
    )
    inputs = rule(None, keys="id", role="dispatch-inputs", others=value)
    return rule({"inputs": inputs}, keys=None)


def _schedule() -> Rule:
    cron = rule(
        {
            "cron": rule(None, text="cron"),
        },
        drop=words("timezone"),
    )
    return rule(None, items=cron)


def _workflow_run() -> Rule:
    return rule(
        {
            "types": _types("completed requested in_progress"),
            "workflows": rule(None, text=None, items=FILLED),
            "branches": _GLOBS,
            "branches-ignore": _GLOBS,
        },
        keys=None,
        required=words("workflows"),
    )


def events() -> Rule:
    """Source: "Events that trigger workflows"."""
    changes = "created edited deleted"
    issues = (
        "opened edited deleted transferred pinned unpinned closed reopened assigned "
        "unassigned labeled unlabeled locked unlocked milestoned demilestoned"
    )
    plain = {
        "branch_protection_rule": _event(changes),
        "check_run": _event("created rerequested completed requested_action"),
        "check_suite": _event("completed"),
        "discussion": _event(
            f"{changes} transferred pinned unpinned labeled unlabeled locked unlocked "
            "category_changed answered unanswered"
        ),
        "discussion_comment": _event(changes),
        "issue_comment": _event(changes),
        "issues": _event(issues),
        "label": _event(changes),
        "merge_group": _event("checks_requested"),
        "milestone": _event("created closed opened edited deleted"),
        "pull_request_review": _event("submitted edited dismissed"),
        "pull_request_review_comment": _event(changes),
        "registry_package": _event("published updated"),
        "release": _event(
            "published unpublished created edited deleted prereleased released"
        ),
    }
    gone = "project project_card project_column"
    return rule(
        {
            **plain,
            "pull_request": _pull_request(),
            "pull_request_target": _pull_request(),
            "push": rule({**_FILTERS}, keys=None),
            "schedule": _schedule(),
            "workflow_call": _workflow_call(),
            "workflow_dispatch": _workflow_dispatch(),
            "workflow_run": _workflow_run(),
        },
        others=_NULL,
        keys=None,
        drop=words(gone),
        least=1,
        words=_ON_WORDS,
        items=rule(None, words=_ON_WORDS),
    )


_ON_WORDS = words(
    "branch_protection_rule check_run check_suite create delete deployment "
    "deployment_status discussion discussion_comment fork gollum issue_comment issues "
    "label merge_group milestone page_build public pull_request pull_request_review "
    "pull_request_review_comment pull_request_target push registry_package release "
    "status watch workflow_call workflow_dispatch"
)
