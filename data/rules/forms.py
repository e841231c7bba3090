"""The languages of texts that GitHub reads in a form of its own.

Each is a regular expression over whole texts, in the dialect that `interegular` and
`re` share.  `FORMS` are what a generated text must look like, so where GitHub takes
more than people write, a form may be narrower; `ACCEPTED` are all that GitHub takes.
"""

from typing import Final, NamedTuple

__all__ = ["ACCEPTED", "CRON", "FORMS", "MAX_ID", "Field", "Form"]

MAX_ID: Final = 60
"""Most characters of a generated id."""

_NAME = "[A-Za-z0-9_-]+"
_PART = r"[A-Za-z0-9_.-]*[A-Za-z0-9_-]"
_REF = rf"{_PART}(/{_PART}){{0,4}}"
_ID = "[A-Za-z_][A-Za-z0-9_-]*"
_VARIABLE = "[A-Za-z_][A-Za-z0-9_]*"
# Wildcards of filter patterns, never beside one another.
_GLOB = rf"(\*\*|\*?{_NAME}(\.{_NAME})*\*?|\*|\*\.{_NAME})"
_REPOSITORY = rf"[A-Za-z0-9][A-Za-z0-9-]*/{_PART}"
_LABELS = [
    "ubuntu-latest",
    "ubuntu-24.04",
    "ubuntu-22.04",
    "ubuntu-24.04-arm",
    "ubuntu-22.04-arm",
    "windows-latest",
    "windows-2025",
    "windows-2022",
    "macos-latest",
    "macos-15",
    "macos-14",
]
_EXPRESSION = r"\$\{\{([^'}]|\}[^'}]|\}?'[^']*')*\}\}"

FORMS: Final[dict[str, str]] = {
    # Source: "Workflow syntax", `jobs.<job_id>.steps[*].uses`
    "step-uses": (
        rf"{_REPOSITORY}(/{_PART}){{0,4}}@{_REF}"
        rf"|\./{_PART}(/{_PART}){{0,6}}"
        rf"|docker://{_PART}(/{_PART}){{0,4}}(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?"
    ),
    # Source: "Reuse workflows", section "Calling a reusable workflow"
    "job-uses": (
        rf"\./\.github/workflows/{_PART}\.ya?ml"
        rf"|{_REPOSITORY}/\.github/workflows/{_PART}\.ya?ml@{_REF}"
    ),
    # Source: "Workflow syntax", `jobs.<job_id>`: letters, digits, - and _,
    # fewer than 100 (GitHub's parser)
    "id": f"[A-Za-z_][A-Za-z0-9_-]{{0,{MAX_ID - 1}}}",
    # Source: "Contexts reference": what follows a dot in an expression
    "name": _ID,
    # Source: POSIX.1-2017, section 8.1, which shells follow
    "variable": _VARIABLE,
    # Source: "Events that trigger workflows", `schedule`;
    # once in 5 minutes at most
    "cron": (
        r"([1-5]?[0-9]|\*/(5|10|15|20|30)) "
        r"(\*|\*/([2-9]|1[0-2])|1?[0-9]|2[0-3]|[0-9]-(1[0-9]|2[0-3])"
        r"|[0-9],(1[0-9]|2[0-3])) "
        r"(\*|\*/[2-9]|[1-9]|[12][0-9]|3[01]|1,15) "
        r"(\*|\*/[2-6]|[1-9]|1[0-2]) "
        r"(\*|[0-6]|[0-2]-[3-6]|[0-2],[3-6]|MON-FRI|MON|SUN)"
    ),
    # Source: "Choosing the runner for a job", standard runners for public repositories
    "label": "|".join(label.replace(".", r"\.") for label in _LABELS)
    + f"|self-hosted|{_EXPRESSION}",
    # Source: "Using self-hosted runners in a workflow"
    "self-hosted-label": rf"self-hosted|linux|x64|{_EXPRESSION}",
    # Source: "Workflow syntax", `shell`: a custom one names the script {0}
    "shell": r"(bash|pwsh|python|perl)( -[a-z]+)* \{0\}",
    # Source: "Workflow syntax", section "Filter pattern cheat sheet"
    "ref-glob": rf"{_GLOB}(/{_GLOB}){{0,4}}",
    "path-glob": rf"\.?{_GLOB}(/\.?{_GLOB}){{0,8}}",
    "port": r"[1-9][0-9]{1,3}(:[1-9][0-9]{1,3})?(/(tcp|udp))?",
    "image": (
        r"[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*){0,3}"
        rf"(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?|{_EXPRESSION}"
    ),
    "port-number": "[1-9][0-9]{1,3}",
    "minutes": r"[1-9][0-9]{0,2}",
    "expression": _EXPRESSION,
}


class Form(NamedTuple):
    """A language and how to say it."""

    pattern: str
    description: str


_WORKFLOW = r"\.github/workflows/[^/@\s]+\.ya?ml"

ACCEPTED: Final[dict[str, Form]] = {
    # Source: GitHub's parser, `id-builder.js`
    "id": Form(
        r"(?!__)[A-Za-z_][A-Za-z0-9_-]{0,98}",
        "fewer than 100 letters, digits, - and _, not __ nor a digit or - first",
    ),
    # Source: "Workflow syntax", `jobs.<job_id>.steps[*].uses`; GitHub's parser,
    # `steps.js`, for the paths
    "step-uses": Form(
        r"docker://\S+|(\.[/\\]|\$/).*|[^/@\s]+/[^@\s]+@\S+",
        "owner/repo[/path]@ref, ./path or docker://image",
    ),
    # Source: "Reuse workflows", section "Calling a reusable workflow"
    "job-uses": Form(
        rf"(\./|\$/){_WORKFLOW}|[^/@\s]+/[^/@\s]+/{_WORKFLOW}@\S+",
        "./.github/workflows/file.yml or owner/repo/.github/workflows/file.yml@ref",
    ),
    # Source: "Workflow syntax", `jobs.<job_id>.steps[*].shell`
    "shell": Form(
        r"(?i:bash|cmd|powershell|pwsh|python|sh)|[\s\S]*\{0\}[\s\S]*",
        "bash, cmd, powershell, pwsh, python, sh, or a command with {0}",
    ),
    # Source: actionlint's rule `env-var`
    "variable": Form(r"[^&=\s]+", "a name without &, = and spaces"),
}


class Field(NamedTuple):
    """A field of a cron expression."""

    least: int
    most: int
    names: tuple[str, ...] = ()
    """Names of the numbers from `least` up."""


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


CRON: Final = (
    Field(0, 59),
    Field(0, 23),
    Field(1, 31),
    Field(1, 12, _names("jan feb mar apr may jun jul aug sep oct nov dec")),
    Field(0, 6, _names("sun mon tue wed thu fri sat")),
)
"""Source: GitHub's parser, `cron-constants.js`."""
