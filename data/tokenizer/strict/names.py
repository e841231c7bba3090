"""The names that a document has declared so far.

A job may need those written before it, which rules out unknown jobs and cycles alike,
and its expressions may name what it needs, its earlier steps, its axes and the inputs.
"""

from typing import NamedTuple, TypeAlias

from ..symbols import NUM_REFERENCES

__all__ = ["NOTHING", "History", "Names", "meant", "with_text"]


class Job(NamedTuple):
    """A job that others may need."""

    name: str
    outputs: tuple[str, ...] = ()


class Names(NamedTuple):
    """Declared names, each in the order of the document."""

    jobs: tuple[Job, ...] = ()
    """The last one is being written."""
    needs: tuple[str, ...] = ()
    """Of the job being written, as are `steps` and `axes`."""
    steps: tuple[str, ...] = ()
    step: str = ""
    """Id of the step being written, which it cannot name itself."""
    axes: tuple[str, ...] = ()
    """Axes of its matrix whose items are neither arrays nor objects."""
    inputs: tuple[str, ...] = ()
    secrets: tuple[str, ...] | None = None
    """Those of `workflow_call`; None if it lists none, then all may exist."""

    def with_job(self, name: str) -> "Names":
        """Begin a job."""
        jobs = (*self.jobs, Job(name))
        return self._replace(jobs=jobs, needs=(), steps=(), step="", axes=())

    def after_step(self) -> "Names":
        """End a step."""
        if not self.step:
            return self
        return self._replace(steps=(*self.steps, self.step), step="")

    def with_output(self, name: str) -> "Names":
        """Add an output to the job being written."""
        *before, last = self.jobs
        last = last._replace(outputs=(*last.outputs, name))
        return self._replace(jobs=(*before, last))

    def with_axis(self, name: str) -> "Names":
        """Add an axis to its matrix."""
        return self if name in self.axes else self._replace(axes=(*self.axes, name))

    def without_axis(self) -> "Names":
        """Forget the last axis: its items are not flat."""
        return self._replace(axes=self.axes[:-1])

    def needed(self) -> tuple[Job, ...]:
        """The jobs that the job being written needs."""
        return tuple(job for job in self.jobs if job.name in self.needs)

    def could_need(self) -> tuple[str, ...]:
        """The jobs that it could need, too."""
        return tuple(j.name for j in self.jobs[:-1] if j.name not in self.needs)


NOTHING = Names()


History: TypeAlias = tuple[tuple[int, tuple[str, ...]], ...]
"""By node of the wider grammar: the texts that references can point to."""


def with_text(history: History, node: int, text: str) -> History:
    """Add a text."""
    known: dict[int, tuple[str, ...]] = dict(history)
    known[node] = (*known.get(node, ()), text)[-NUM_REFERENCES:]
    return tuple(sorted(known.items()))


def meant(texts: tuple[str, ...], number: int) -> str:
    """The text that a reference means."""
    return texts[max(0, len(texts) - 1 - number)]
