"""What the API takes and gives; the OpenAPI document is made from it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from ...data.display.visible import visible
from ...data.tokenizer import VOCAB_SIZE
from ...data.windows import STRIDE
from ..generation import Sampling

__all__ = ["Completion", "CompletionRequest", "Health", "Problem", "problem"]

_DOCUMENTED = ConfigDict(use_attribute_docstrings=True)


class CompletionRequest(BaseModel):
    """A workflow to be completed, and how."""

    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    prompt: str = ""
    """How the workflow begins, as YAML or JSON. What is open at its end stays open."""
    partial: bool = False
    """Leave the last line to the model if the workflow cannot begin with it."""
    stream: bool = False
    """Answer with server-sent events while the workflow grows."""
    seed: Annotated[int, Field(ge=0)] = 0
    """The same request with the same seed gives the same workflow."""
    temperature: Annotated[float, Field(ge=0)] = 1.0
    """Below 1 the likely gets likelier; 0 takes the likeliest token."""
    top_k: Annotated[int, Field(ge=1)] | None = None
    """Draw among this many likeliest tokens."""
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    """Draw among the likeliest tokens of this joint probability."""
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    """Draw among tokens of at least this share of the likeliest one's probability."""
    max_tokens: Annotated[int, Field(ge=1, le=VOCAB_SIZE * STRIDE)] | None = None
    """Most tokens, prompt included; null is the model's context."""

    def sampling(self) -> Sampling:
        """How tokens are drawn."""
        return Sampling(
            seed=self.seed,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            min_p=self.min_p,
            max_tokens=self.max_tokens,
        )


class Completion(BaseModel):
    """A workflow that is correct against the schema, at some moment of its writing."""

    model_config = _DOCUMENTED

    workflow: dict[str, Any]
    """The workflow, closed the shortest way if it is not finished."""
    yaml: str
    """The same as YAML."""
    ending: Literal["finished", "cut"] | None
    """finished: the model closed it. cut: its tokens or its time were used up, so it
    was closed the shortest way. null: it goes on in the next event."""
    num_tokens: int
    """Tokens of this workflow, those of the prompt and of its end included."""
    log_prob: float
    """Natural logarithm of the probability of the tokens that the model drew."""
    left_out: str | None
    """The last line of the prompt, where it was left to the model (`partial`)."""
    tokenizer: str
    """Digest of the tokenizer."""
    step: int | None
    """Steps that the model was trained for."""


class Health(BaseModel):
    """A server that answers."""

    model_config = _DOCUMENTED

    status: Literal["ok"] = "ok"
    writing: int
    """Completions that are being written."""
    max_concurrency: int
    """Most of them."""
    tokenizer: str
    """Digest of the tokenizer."""
    step: int | None
    """Steps that the model was trained for."""


class _Problem(BaseModel):
    message: str
    hint: str


class Problem(BaseModel):
    """Why there is no answer, and what to do."""

    error: _Problem


def problem(
    status: int, message: str, hint: str, *, headers: dict[str, str] | None = None
) -> JSONResponse:
    """The response that tells a `Problem`."""
    content = {"error": {"message": visible(message), "hint": hint}}
    return JSONResponse(content, status, headers)
