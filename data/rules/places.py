"""Which rule holds where: a tree over the keys of a workflow."""

from typing import Final

from .events import events
from .jobs import concurrency, defaults, job, permissions
from .rule import PLAIN, mapping, rule, template, words

__all__ = ["WORKFLOW"]

WORKFLOW: Final = rule(
    {
        "name": PLAIN,
        "run-name": template("run-name", filled=True, scalars=""),
        "on": events(),
        "env": mapping("env", "variable"),
        "permissions": permissions,
        "concurrency": concurrency("concurrency"),
        "defaults": defaults(None),
        "jobs": rule(None, keys="id", role="jobs", others=job()),
    },
    drop=words("cache-mode"),
)
