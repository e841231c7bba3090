"""Requests and responses of the API, from which the OpenAPI document is made."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from ...data.display.visible import visible
from ...data.tokenizer import VOCAB_SIZE
from ...data.windows import STRIDE
from ..generation import Sampling

__all__ = [
    "Completion",
    "CompletionRequest",
    "DocumentCompletion",
    "Health",
    "Moment",
    "Problem",
    "problem",
]

_DOCUMENTED = ConfigDict(use_attribute_docstrings=True)


class CompletionRequest(BaseModel):
    """A document to complete, and how to draw its tokens."""

    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    prompt: str = ""
    """The beginning of the document, as YAML or JSON. Its end stays open."""
    partial: bool = False
    """Leave the last line to the model if no document begins with it."""
    stream: bool = False
    """Answer with server-sent events while the document grows."""
    seed: Annotated[int, Field(ge=0)] = 0
    """The same request with the same seed gives the same document."""
    temperature: Annotated[float, Field(ge=0)] = 1.0
    """Below 1 favours likely tokens; 0 takes the likeliest."""
    top_k: Annotated[int, Field(ge=1)] | None = None
    """Draw among this many likeliest tokens."""
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    """Draw among the likeliest tokens whose probabilities reach this sum."""
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    """Draw among tokens of at least this share of the likeliest one's probability."""
    max_tokens: Annotated[int, Field(ge=1, le=VOCAB_SIZE * STRIDE)] | None = None
    """Most tokens, prompt included; null is the model's context."""

    def sampling(self) -> Sampling:
        """The settings of this request."""
        return Sampling(
            seed=self.seed,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            min_p=self.min_p,
            max_tokens=self.max_tokens,
        )


class Moment(BaseModel):
    """What completions of all kinds have."""

    model_config = _DOCUMENTED

    yaml: str
    """The document as YAML."""
    ending: Literal["finished", "cut"] | None
    """finished: the model closed it. cut: its tokens or its time ran out, so it was
    closed the shortest way. null: it continues in the next event."""
    num_tokens: int
    """Tokens of this document, including those of the prompt and of its end."""
    log_prob: float
    """Natural logarithm of the probability of the drawn tokens."""
    left_out: str | None
    """The last line of the prompt, if it was left to the model (`partial`)."""
    tokenizer: str
    """Digest of the tokenizer."""
    step: int | None
    """Steps that the model was trained for."""


class Completion(Moment):
    """A workflow that conforms to the schema, finished or in progress."""

    workflow: dict[str, Any]
    """The workflow, closed the shortest way if it is not finished."""


class DocumentCompletion(Moment):
    """A document that conforms to the schema, finished or in progress."""

    document: dict[str, Any]
    """The document, closed the shortest way if it is not finished."""


class Health(BaseModel):
    """The state of the server."""

    model_config = _DOCUMENTED

    status: Literal["ok"] = "ok"
    writing: int
    """Completions in progress."""
    max_concurrency: int
    """Most completions at once."""
    tokenizer: str
    """Digest of the tokenizer."""
    step: int | None
    """Steps that the model was trained for."""


class _Problem(BaseModel):
    message: str
    hint: str


class Problem(BaseModel):
    """An error, and what to do about it."""

    error: _Problem


def problem(
    status: int, message: str, hint: str, *, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Make the response of an error."""
    content = {"error": {"message": visible(message), "hint": hint}}
    return JSONResponse(content, status, headers)
