"""Write workflows with a trained model, kept on the schema by the tokenizer's masks.

One sample at a time: read the position token and the prompt, then draw one token after
the other among those that the grammar allows.  A token that is the only allowed one
costs no draw and no call of its own.  The budget is never exceeded: a token after which
the document could not be closed in time is not taken, and the document is closed then.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..data.errors import ConfigError, DecodeError, PromptError
from ..data.json_text import Json
from ..data.tokenizer import VOCAB_SIZE, State, Tokenizer
from ..data.tokenizer.symbols import ESCAPES, Control
from .device import pick_device
from .model import GPT, KVCache
from .trained import load_trained

__all__ = [
    "Sample",
    "Sampling",
    "generate",
    "open_prompt",
    "write_freely",
    "write_sample",
]

_START_POSITION = 0  # the position token of a window that begins its document
_CLOSERS = (
    Control.CLOSE_OBJECT,
    Control.CLOSE_ARRAY,
    Control.ESCAPE_KEY,
    Control.ESCAPE_ARRAY,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How tokens are drawn."""

    seed: int = 0
    temperature: float = 1.0
    """0 takes the likeliest token."""
    top_k: int | None = None
    """Draw among this many likeliest tokens."""
    top_p: float | None = None
    """Then among the likeliest whose probabilities reach this sum."""
    max_tokens: int | None = None
    """Most tokens of a document, prompt included; None is the model's context."""

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn from."""
        if self.temperature < 0:
            _refuse("temperature", self.temperature, "0 or more")
        if self.top_k is not None and self.top_k < 1:
            _refuse("top-k", self.top_k, "1 or more")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            _refuse("top-p", self.top_p, "more than 0, at most 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One finished workflow."""

    number: int
    value: Json
    tokens: tuple[int, ...]
    is_cut: bool
    """Whether the budget ended it, so that it was closed the shortest way."""


def generate(
    run: Path,
    *,
    num_samples: int,
    sampling: Sampling,
    prompt: Json = None,
    device: str = "auto",
) -> Iterator[Sample]:
    """Workflows from a trained model, as they are finished.

    Args:
        run: a run, of which the newest checkpoint writes; a checkpoint; or an export.
        num_samples: how many.
        sampling: how tokens are drawn; sample n depends on (seed, n) alone.
        prompt: a partial workflow to complete; None for none.
        device: "auto", "cpu", "cuda" or "cuda:1".

    Raises:
        CheckpointError: no checkpoint, or one of another tokenizer than the run's.
        FormatError: an export that is not as it was written.
        PromptError: the prompt breaks the schema or is too long.
        ConfigError: more tokens than the model's context.
    """
    model, tokenizer = load_trained(run, device=pick_device(device))
    context = model.config.context
    budget = context if sampling.max_tokens is None else sampling.max_tokens
    if not 1 <= budget <= context:
        _refuse("max-tokens", budget, f"1 to {context:,}, the model's context")
    ids, start = open_prompt(tokenizer, prompt)
    needed = len(ids) + len(start.shortest_completion())
    if needed > budget:
        raise PromptError(
            f"the prompt and the shortest end of it take {needed:,} tokens, "
            f"found a budget of {budget:,}",
            "shorten the prompt or raise --max-tokens",
        )
    for number in range(num_samples):
        yield write_sample(model, ids, start, number, budget=budget, sampling=sampling)


def _refuse(name: str, found: float, expected: str) -> None:
    problem = f"{name}: found {found}, expected {expected}"
    raise ConfigError(problem, "change the option")


def open_prompt(tokenizer: Tokenizer, prompt: Json) -> tuple[list[int], State]:
    """The ids of a partial workflow, and the state in which the model takes over.

    What is open at the end of the text stays open: the last object, the arrays and
    objects around it, and the value of a last key that has none yet.

    Raises:
        PromptError: some other part of the prompt breaks the schema.
    """
    start = tokenizer.start()
    if prompt is None:
        return [], start
    chunks = tokenizer.codec.encode(prompt)
    symbols = "".join(chunks).rstrip("".join(_CLOSERS))
    for missing in (Control.ESCAPE + Control.NULL, Control.ESCAPE_ARRAY + Control.NULL):
        symbols = symbols.removesuffix(missing)
    broken = next((at for at, symbol in enumerate(symbols) if symbol in ESCAPES), None)
    if broken is not None:
        reader = tokenizer.codec.reader()
        reader.feed(symbols[:broken])
        before = reader.prefix().text
        raise PromptError(
            f"the prompt breaks the workflow schema after {before[-60:]!r}",
            "correct it there, or leave that part to the model",
        )
    ids: list[int] = []
    size = 0
    for chunk in chunks:
        part = symbols[size : size + len(chunk)]
        size += len(chunk)
        ids += tokenizer.segmenter.segment(part)
    return ids, start.read(symbols)


@torch.inference_mode()
def write_sample(
    model: GPT,
    prompt: list[int],
    state: State,
    number: int,
    *,
    budget: int,
    sampling: Sampling,
) -> Sample:
    """One workflow under the grammar's masks.

    Args:
        model: in eval mode.
        prompt: ids that it begins with.
        state: after them.
        number: of the sample.
        budget: most tokens, enough for the prompt and its shortest end.
        sampling: how tokens are drawn.
    """
    logits_after = _reader(model)
    tokens = list(prompt)
    unread = [_START_POSITION, *prompt]
    is_cut = False
    while not state.is_complete:
        token = state.forced()
        if token is None:
            logits = logits_after(unread)
            unread = []
            uniform = _uniform(sampling.seed, number, len(tokens))
            token = draw(logits, state.allowed(), uniform, sampling)
        following = state.advance(token)
        if len(tokens) + 1 + len(following.shortest_completion()) > budget:
            tokens += state.shortest_completion()
            is_cut = True
            break
        tokens.append(token)
        unread.append(token)
        state = following
    value = state.tokenizer.decode(tokens)
    return Sample(number=number, value=value, tokens=tuple(tokens), is_cut=is_cut)


@torch.inference_mode()
def write_freely(
    model: GPT, tokenizer: Tokenizer, number: int, *, sampling: Sampling
) -> list[int]:
    """The ids that the model writes without masks.

    They end with the document, with the context, or with the first token with which no
    document goes on.

    Args:
        model: in eval mode.
        tokenizer: that it was trained with.
        number: of the sample.
        sampling: how tokens are drawn.
    """
    logits_after, decoder = _reader(model), tokenizer.decoder()
    everything = np.ones(VOCAB_SIZE, dtype=np.bool_)
    tokens, unread = list[int](), _START_POSITION
    while not decoder.is_complete and len(tokens) < model.config.context:
        uniform = _uniform(sampling.seed, number, len(tokens))
        unread = draw(logits_after([unread]), everything, uniform, sampling)
        tokens.append(unread)
        try:
            decoder.feed([unread])
        except DecodeError:
            break
    return tokens


def _reader(model: GPT) -> Callable[[list[int]], NDArray[np.float32]]:
    """A function that reads some more ids and gives the logits (V,) of the next one."""
    device = model.lm_head.weight.device
    dtype = model.compute_dtype or model.lm_head.weight.dtype
    cache = KVCache(model.config, 1, device=device, dtype=dtype)

    def read(ids: list[int]) -> NDArray[np.float32]:
        logits = model(torch.tensor([ids], device=device), cache)[0, -1, :VOCAB_SIZE]
        array: NDArray[np.float32] = logits.float().cpu().numpy()
        return array

    return read


def _uniform(seed: int, sample: int, position: int) -> float:
    """A number in [0, 1) that depends on these three alone."""
    digest = hashlib.sha256(f"{seed}:{sample}:{position}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def draw(
    logits: NDArray[np.float32],
    allowed: NDArray[np.bool_],
    uniform: float,
    sampling: Sampling,
) -> int:
    """One token by inverse transform sampling.

    Args:
        logits: (V,) of the next token.
        allowed: (V,) at least one True.
        uniform: in [0, 1).
        sampling: temperature, top-k and top-p, applied in this order.
    """
    ids = np.flatnonzero(allowed)
    scores = logits[ids].astype(np.float64)
    if sampling.temperature == 0:
        return int(ids[scores.argmax()])
    if sampling.top_k is not None and sampling.top_k < len(ids):
        # Before top-p, because sorting a whole vocabulary is slower than the model.
        kept = np.argpartition(scores, -sampling.top_k)[-sampling.top_k :]
        ids, scores = ids[kept], scores[kept]
    weights = np.exp((scores - scores.max()) / sampling.temperature)
    if sampling.top_p is not None:
        order = np.argsort(-weights, kind="stable")
        ids, weights = ids[order], weights[order]
        sums = np.cumsum(weights)
        count = int(np.searchsorted(sums, sampling.top_p * sums[-1])) + 1
        ids, weights = ids[:count], weights[:count]
    sums = np.cumsum(weights)
    drawn = int(np.searchsorted(sums, uniform * sums[-1], side="right"))
    return int(ids[min(drawn, len(ids) - 1)])
