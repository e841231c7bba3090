"""Jobs and their steps.

Sources: the page "Workflow syntax" and GitHub's schema `workflow-v1.0.json`, after
whose definitions the functions are named.
"""

from types import MappingProxyType

from .contexts import Place
from .rule import FILLED, Rule, expression, mapping, rule, template, words

__all__ = ["concurrency", "defaults", "job", "permissions"]


def concurrency(where: Place) -> Rule:
    """Source: "Control the concurrency of workflows and jobs"."""
    group = template(where, filled=True, scalars="")
    return rule(
        {"group": group, "cancel-in-progress": expression(where, "true false")},
        text="filled-template",
        where=where,
        drop=words("queue"),
    )


permissions = rule(
    None,
    drop=words("copilot-requests code-quality vulnerability-alerts artifact-metadata"),
)


def defaults(where: Place | None) -> Rule:
    """Source: "Workflow syntax", `defaults.run`."""
    shell = rule(None, text="shell", words=words("bash pwsh python sh"))
    folder = FILLED if where is None else template(where, filled=True, scalars="")
    return rule({"run": rule({"shell": shell, "working-directory": folder})})


def _container(*, service: bool) -> Rule:
    """Source: "Workflow syntax", `jobs.<job_id>.container` and `.services`."""
    image = rule(None, text="image", where="job", scalars="")
    password = rule(
        None, text="expression", where="password", gives="secret", scalars=""
    )
    credential = template("credentials", filled=True, scalars="")
    return rule(
        {
            "image": image,
            "options": template("job", filled=True, scalars=""),
            "env": mapping("job-output", "variable"),
            "ports": rule(
                None,
                items=rule(None, text="port", scalars="number", number="port-number"),
            ),
            "volumes": rule(None, items=template("job", filled=True, scalars="")),
            "credentials": rule(
                {"username": credential, "password": password},
                keys=None,
                least=2,
            ),
        },
        text="image",
        where="job",
        drop=words("command entrypoint"),
    )


def _matrix() -> Rule:
    """`matrix.<axis>` is a name only if the items of the axis are flat."""
    value = template("strategy", role="axis-item")
    axis = rule(
        None,
        text="expression",
        where="strategy",
        gives="any",
        items=value,
    )
    included = rule(
        None,
        keys="id",
        role="included",
        others=template("strategy", role="included-value"),
        least=1,
    )
    listed = rule(
        None,
        text="expression",
        where="strategy",
        gives="any",
        items=included,
    )
    return rule(
        {"include": listed},
        text="expression",
        where="strategy",
        role="axes",
        gives="any",
        keys="id",
        others=axis,
        drop=words("exclude"),
    )


def _strategy() -> Rule:
    return rule(
        {
            "fail-fast": expression("strategy", "true false"),
            "max-parallel": expression("strategy", "number", number="minutes"),
            "matrix": _matrix(),
        }
    )


def _runs_on() -> Rule:
    """Source: "Choosing the runner for a job"."""
    labels = rule(
        None,
        text="self-hosted-label",
        where="job",
        gives="label",
        scalars="",
    )
    return rule(
        {
            "group": FILLED,
            "labels": rule(
                None,
                text="label",
                where="job",
                gives="label",
                items=labels,
            ),
        },
        text="label",
        where="job",
        gives="label",
        items=labels,
        keys=None,
        least=1,
    )


def _step() -> Rule:
    return rule(
        {
            "id": rule(None, text="id", role="step-id"),
            "if": rule(
                None, text="condition", where="step-if", role="condition", scalars=""
            ),
            "name": template("step", filled=True, scalars=""),
            "uses": rule(None, text="step-uses"),
            "run": template("step", filled=True, scalars=""),
            "with": mapping("step", "name"),
            "env": mapping("step", "variable"),
            "working-directory": template("step", filled=True, scalars=""),
            "shell": rule(None, text="shell", words=words("bash pwsh python sh")),
            "continue-on-error": expression("step", "true false"),
            "timeout-minutes": expression("step", "number", number="minutes"),
        },
        drop=words("background wait wait-all cancel parallel"),
        role="step",
        with_key=MappingProxyType({"run": (frozenset(), words("with"))}),
    )


def job() -> Rule:
    """A job of steps or a call of a workflow."""
    name = rule(None, text="id", role="needs")
    environment = template("job", filled=True, scalars="")
    return rule(
        {
            "name": template("job", filled=True, scalars=""),
            "needs": rule(None, text="id", role="needs", items=name),
            "if": rule(
                None, text="condition", where="job-if", role="condition", scalars=""
            ),
            "permissions": permissions,
            "concurrency": concurrency("job"),
            "strategy": _strategy(),
            "runs-on": _runs_on(),
            "timeout-minutes": expression("job", "number", number="minutes"),
            "continue-on-error": expression("job", "true false"),
            "container": _container(service=False),
            "services": rule(None, least=1, keys="id", others=_container(service=True)),
            "env": mapping("job-env", "variable"),
            "environment": rule(
                {
                    "name": environment,
                    "url": template("environment-url", filled=True, scalars=""),
                },
                text="filled-template",
                where="job",
                drop=words("deployment"),
            ),
            "outputs": rule(
                None, keys="id", role="job-outputs", others=template("job-output")
            ),
            "defaults": defaults("job-defaults"),
            "steps": rule(None, items=_step()),
            "uses": rule(None, text="job-uses"),
            "with": mapping("job", "id"),
            "secrets": rule(
                None, text=None, keys="variable", others=template("job-secrets")
            ),
        },
        drop=words("cache-mode snapshot"),
        with_key=MappingProxyType({"runs-on": (words("steps"), frozenset())}),
    )
