"""The contexts and functions of expressions, and where GitHub allows them.

Sources: GitHub's schema of workflows (`workflow-v1.0.json` of npm
`@actions/workflow-parser` 0.3.56), whose definitions list a `context` each; the page
"Contexts reference" of GitHub's documentation, sections "Context availability" and one
for each context; and the page "Evaluate expressions in workflows and actions".
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

__all__ = [
    "AVAILABILITY",
    "CONTEXTS",
    "EVENT_PARTS",
    "FUNCTIONS",
    "STATUS",
    "Availability",
    "Function",
    "Kind",
    "Place",
]

Kind: TypeAlias = Literal["string", "number", "boolean", "any", "flat", "object"]
"""What is known of a value before a workflow runs; flat is a scalar of any type."""

MANY = 255
"""GitHub's own bound on the arguments of a function."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the expression language."""

    least: int
    """Fewest arguments."""
    most: int
    """Most arguments."""
    gives: Kind
    is_odd: bool = False
    """Whether the number of arguments must be odd."""


FUNCTIONS: Final = {
    "contains": Function(2, 2, "boolean"),
    "startswith": Function(2, 2, "boolean"),
    "endswith": Function(2, 2, "boolean"),
    "format": Function(1, MANY, "string"),
    "join": Function(1, 2, "string"),
    "tojson": Function(1, 1, "string"),
    "fromjson": Function(1, 1, "any"),
    "case": Function(3, MANY, "any", is_odd=True),
    "hashfiles": Function(1, MANY, "string"),
    "always": Function(0, 0, "boolean"),
    "cancelled": Function(0, 0, "boolean"),
    "success": Function(0, MANY, "boolean"),
    "failure": Function(0, MANY, "boolean"),
}
"""By lower-case name; names are read without regard to case."""

_COMMON = "contains startswith endswith format join tojson fromjson case"
EVERYWHERE: Final = frozenset(_COMMON.split(" "))
STATUS: Final = frozenset(("always", "cancelled", "success", "failure"))


@dataclass(frozen=True, slots=True)
class Availability:
    """What the expressions of a place may use."""

    contexts: frozenset[str]
    functions: frozenset[str] = EVERYWHERE


Place: TypeAlias = Literal[
    "run-name",
    "concurrency",
    "env",
    "workflow-output",
    "job-if",
    "strategy",
    "job",
    "job-env",
    "job-secrets",
    "job-defaults",
    "job-output",
    "environment-url",
    "credentials",
    "password",
    "step",
    "step-if",
]
"""A kind of place that may have expressions."""


def _words(words: str) -> list[str]:
    return words.split()


def _of(contexts: str, functions: frozenset[str] = EVERYWHERE) -> Availability:
    return Availability(frozenset(contexts.split()), functions)


_HASH = EVERYWHERE | {"hashfiles"}
_IN_STEP = "github inputs vars needs strategy matrix steps job runner env"

AVAILABILITY: Final[dict[Place, Availability]] = {
    "run-name": _of("github inputs vars"),
    "concurrency": _of("github inputs vars"),
    "env": _of("github inputs vars secrets"),
    "workflow-output": _of("github inputs vars jobs"),
    "job-if": _of("github inputs vars needs", EVERYWHERE | STATUS),
    "strategy": _of("github inputs vars needs"),
    "job": _of("github inputs vars needs strategy matrix"),
    "job-env": _of("github inputs vars needs strategy matrix secrets"),
    "job-secrets": _of("github inputs vars needs strategy matrix secrets"),
    "job-defaults": _of("github inputs vars needs strategy matrix env"),
    "job-output": _of(f"{_IN_STEP} secrets"),
    "environment-url": _of(_IN_STEP),
    "credentials": _of("github inputs vars secrets env"),
    # actionlint wants passwords to be secrets; it calls the rule "credentials".
    "password": _of("secrets", frozenset()),
    "step": _of(f"{_IN_STEP} secrets", _HASH),
    "step-if": _of(_IN_STEP, _HASH | STATUS),
}

_GITHUB_TEXTS = [
    "action",
    "action_path",
    "action_ref",
    "action_repository",
    "action_status",
    "actor",
    "actor_id",
    "api_url",
    "base_ref",
    "event_name",
    "event_path",
    "graphql_url",
    "head_ref",
    "job",
    "ref",
    "ref_name",
    "ref_type",
    "repository",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "repositoryUrl",
    "run_id",
    "run_number",
    "run_attempt",
    "secret_source",
    "server_url",
    "sha",
    "token",
    "triggering_actor",
    "workflow",
    "workflow_ref",
    "workflow_sha",
    "workspace",
]

CONTEXTS: Final[dict[str, dict[str, Kind]]] = {
    "github": {
        **dict.fromkeys(_GITHUB_TEXTS, "string"),
        "ref_protected": "boolean",
        "event": "any",
    },
    "runner": dict.fromkeys(
        ("name", "os", "arch", "temp", "tool_cache", "debug", "environment"), "string"
    ),
    "strategy": {
        "fail-fast": "boolean",
        **dict.fromkeys(("job-index", "job-total", "max-parallel"), "number"),
    },
    "job": {"status": "string"},
}
"""The properties of contexts that do not depend on the workflow."""

EVENT_PARTS: Final = frozenset(
    _words(
        "action after alert assignee before changes check_run check_suite "
        "client_payload comment commits compare created deleted deployment "
        "deployment_status discussion enterprise forced head_commit "
        "installation issue label merge_group milestone number organization "
        "pull_request ref release repository requested_reviewer review schedule "
        "sender workflow workflow_run "
    )
)
"""Parts of `github.event`; source: the page "Webhook events and payloads"."""
