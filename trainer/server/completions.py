"""Write several completions concurrently, in one thread.

    request A   ▓▓▓   ▓▓▓   ▓▓▓      a slice of each in turn, so that
    request B      ▓▓▓   ▓▓▓   …     clients see all of them grow
                      ↑
                      a whole document for the client

A completion advances only when its client asks for the next slice, so an abandoned one
costs nothing.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Literal

from ...data.documents.yaml_writer import to_yaml
from ...data.errors import BusyError
from ...data.kinds import WORKFLOW, Kind
from ..generation import Generator
from ..generation.samplers import Writer
from .api import (
    Completion,
    CompletionRequest,
    DocumentCompletion,
    Health,
    Moment,
)
from .prompt_text import read_prompt

__all__ = ["Completions", "answer_of"]

_SLICE = 0.05  # seconds: fast for an eye, slow enough for the overhead not to matter


def answer_of(kind: Kind) -> type[Completion | DocumentCompletion]:
    """The form of an answer that holds a document of a kind."""
    return Completion if kind is WORKFLOW else DocumentCompletion


class Completions:
    """Writes completions with a model."""

    def __init__(
        self, generator: Generator, *, max_concurrency: int, timeout: float
    ) -> None:
        """Start without completions.

        Args:
            generator: of the model.
            max_concurrency: most completions at once.
            timeout: seconds after which a completion is closed.
        """
        self._generator = generator
        self._max_concurrency, self._timeout = max_concurrency, timeout
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="completions")
        self._num_writing = 0
        self._is_stopping = False

    @property
    def kind(self) -> Kind:
        """The kind of the documents."""
        return self._generator.tokenizer.kind

    def health(self) -> Health:
        """The current load, and the model."""
        return Health(
            writing=self._num_writing,
            max_concurrency=self._max_concurrency,
            tokenizer=self._generator.tokenizer.digest,
            step=self._generator.step,
        )

    def stop(self) -> None:
        """Close all completions in progress the shortest way, now."""
        self._is_stopping = True

    async def write(self, request: CompletionRequest) -> AsyncGenerator[Moment, None]:
        """Write a document; yields it as it grows, the last time with an ending.

        Raises:
            BusyError: the limit of concurrent completions is reached.
            PromptError: no document begins with the prompt, or not within the budget.
        """
        loop = asyncio.get_running_loop()
        with self._place():
            writing = _Writing(self._generator, request)
            deadline = time.monotonic() + self._timeout
            ending = None
            while ending is None:
                if self._is_stopping:
                    deadline = 0
                completion = await loop.run_in_executor(
                    self._thread, writing.go_on, deadline
                )
                yield completion
                ending = completion.ending

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Count one completion while it is written."""
        if self._num_writing >= self._max_concurrency:
            raise BusyError(
                f"{self._num_writing:,} completions are being written, as many as may "
                "be at once",
                "try again in a moment",
            )
        self._num_writing += 1
        try:
            yield
        finally:
            self._num_writing -= 1


class _Writing:
    """One completion; `go_on` does all the work."""

    def __init__(self, generator: Generator, request: CompletionRequest) -> None:
        self._generator, self._request = generator, request
        self._left_out: str | None = None
        self._steps = self._begin()

    def _begin(self) -> Iterator[Writer]:
        request = self._request
        prompt, self._left_out = read_prompt(
            self._generator.tokenizer,
            request.prompt,
            partial=request.partial,
            rules=self._generator.rules,
        )
        yield from self._generator.stream(0, request.sampling(), prompt=prompt)

    def go_on(self, deadline: float) -> Moment:
        """Write one slice; returns the document so far.

        Args:
            deadline: on the monotonic clock, after which the document is closed.
        """
        pause = min(time.monotonic() + _SLICE, deadline)
        for writer in self._steps:
            if writer.is_done or time.monotonic() >= pause:
                break
        is_last = writer.is_done or time.monotonic() >= deadline
        sample = writer.sample()
        assert isinstance(sample.value, dict)
        ending: Literal["finished", "cut"]
        ending = "finished" if sample.ending == "finished" else "cut"
        kind = self._generator.tokenizer.kind
        return answer_of(kind)(
            **{kind.one: sample.value},
            yaml=to_yaml(sample.value, bare_keys=kind.bare_keys),
            ending=ending if is_last else None,
            num_tokens=len(sample.tokens),
            log_prob=round(sample.log_prob, 6),
            left_out=self._left_out,
            tokenizer=self._generator.tokenizer.digest,
            step=self._generator.step,
        )
