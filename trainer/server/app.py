"""The routes and the error responses."""

import base64
import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import aclosing
from html import escape
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response, StreamingResponse

from ... import __version__
from ...data.errors import BusyError, TctError
from ...data.kinds import WORKFLOW, Kind
from .api import (
    CompletionRequest,
    Health,
    Moment,
    Problem,
    problem,
)
from .completions import Completions, answer_of
from .guard import Guard

__all__ = ["make_app"]

_RETRY_SECONDS = 1
# Options as hints write them for the command line.
_OPTION = re.compile(
    rf"--({'|'.join(CompletionRequest.model_fields)})\b".replace("_", "-")
)
_STREAM = {
    "description": "A completion, or with `stream` an event for each moment of it, "
    "whose data is a Completion; the last one has an ending.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}
_PROBLEMS = {
    400: "The body is no JSON, or the request is for a host that is not served here.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    422: "An option is out of range, or no document begins with the prompt.",
    503: "The limit of concurrent completions is reached.",
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: _STREAM,
    **{code: {"model": Problem, "description": s} for code, s in _PROBLEMS.items()},
}


def make_app(
    completions: Completions, *, hosts: Collection[str], max_bytes: int
) -> FastAPI:
    """Make the ASGI application.

    Args:
        completions: writes the documents.
        hosts: names that it answers to, see `Guard`.
        max_bytes: longest body of a request.
    """
    kind = completions.kind
    app = FastAPI(
        title="tct",
        version=__version__,
        description=f"Completes {kind.title}; all conform to the {kind.name} schema.",
        docs_url=None,  # these pages load scripts from other hosts
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_middleware(Guard, hosts=hosts, max_bytes=max_bytes)
    _add_errors(app)
    page = _page(kind)

    @app.post("/v1/completions", response_model=answer_of(kind), responses=_RESPONSES)
    async def complete(request: CompletionRequest, connection: Request) -> Response:
        """Complete a document."""
        moments = completions.write(request)
        # Errors of the request arise here, before a stream sends its status.
        moment = await anext(moments)
        if request.stream:
            return StreamingResponse(
                _events(moment, moments),
                media_type="text/event-stream",
                headers={"cache-control": "no-store"},
            )
        async with aclosing(moments):
            while moment.ending is None and not await connection.is_disconnected():
                moment = await anext(moments)
        return Response(moment.model_dump_json(), media_type="application/json")

    @app.get("/healthz")
    async def health() -> Health:
        """Report the state of the server."""
        return completions.health()

    @app.get("/", include_in_schema=False)
    async def index() -> Response:
        return page

    return app


async def _events(
    first: Moment, following: AsyncGenerator[Moment, None]
) -> AsyncIterator[str]:
    async with aclosing(following):
        yield f"data: {first.model_dump_json()}\n\n"
        async for completion in following:
            yield f"data: {completion.model_dump_json()}\n\n"


def _page(kind: Kind) -> Response:
    """The page, under a policy that allows only its own script and style."""
    html = files(__package__).joinpath("page.html").read_text("utf-8")
    if kind is not WORKFLOW:
        name = escape(f"a {kind.one} of the schema {kind.name}")
        html = html.replace("a GitHub Actions workflow", name)
        html = html.replace("a workflow", "a document")
    policy = [
        "default-src 'none'",
        f"style-src {_hash(html, 'style')}",
        f"script-src {_hash(html, 'script')}",
        "connect-src 'self'",
        "img-src data:",  # an empty icon, so that browsers request none
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    headers = {
        "content-security-policy": "; ".join(policy),
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    return HTMLResponse(html, headers=headers)


def _hash(html: str, tag: str) -> str:
    """The Content Security Policy source of the only element of a kind."""
    (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _field(option: re.Match[str]) -> str:
    return option[1].replace("-", "_")


def _add_errors(app: FastAPI) -> None:
    """Answer every error with a `Problem`."""

    @app.exception_handler(BusyError)
    async def busy(_: Request, error: BusyError) -> Response:
        headers = {"retry-after": str(_RETRY_SECONDS)}
        return problem(503, error.problem, error.hint, headers=headers)

    @app.exception_handler(TctError)
    async def refused(_: Request, error: TctError) -> Response:
        return problem(422, error.problem, _OPTION.sub(_field, error.hint))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        status = 400 if first["type"] == "json_invalid" else 422
        where = ".".join(map(str, first["loc"]))
        return problem(status, f"{where}: {first['msg']}"[:500], "see /openapi.json")

    @app.exception_handler(HTTPException)
    async def other(_: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        hint = "see /openapi.json"
        return problem(error.status_code, error.detail, hint, headers=headers)

    @app.exception_handler(Exception)
    async def bug(_: Request, error: Exception) -> Response:
        return problem(500, "an error in the server", "see what it says on stderr")
