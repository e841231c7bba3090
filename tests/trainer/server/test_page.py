"""The page, in a real browser."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import jsonschema_rs
import pytest

from tct.data.documents.parse import parse_document
from tct.pipeline.workflow_schema import workflow_schema
from tct.tests.trainer.server.browser import EXECUTABLE, Page, new_page
from tct.tests.trainer.server.servers import get, running, streaming
from tct.trainer.generation import Generator

VALIDATOR = jsonschema_rs.Draft7Validator(workflow_schema())
TEXT = "document.getElementById('completion').textContent"
STATE = "document.getElementById('state').textContent"
ENDED = f"/finished|closed early/.test({STATE})"
IS_NEW = "!document.getElementById('completion').classList.contains('old')"
FOCUS = "document.activeElement.id"
BEGINNING = "name: Typed\non: push\njobs:\n  a:\n    runs-on: x\n    steps:\n"


@pytest.fixture
def page(address: str, tmp_path: Path) -> Iterator[Page]:
    if EXECUTABLE is None:
        pytest.skip("no Chromium is installed here")
    with new_page(tmp_path) as page:
        page.open(f"http://{address}/")
        yield page


def workflow(page: Page) -> object:
    return parse_document(page.evaluate(TEXT).encode())


def test_completions_stream_while_somebody_types(page: Page, address: str) -> None:
    page.wait(ENDED)  # a workflow from nothing
    assert VALIDATOR.is_valid(workflow(page))
    # Every text that is shown from now on.
    page.evaluate(
        "shown = []; new MutationObserver(() => shown.push(completion.textContent))"
        ".observe(completion, {childList: true})"
    )
    for line in BEGINNING.splitlines(keepends=True):
        page.type(line)
    page.type("    - na")
    page.wait(f"{TEXT}.startsWith('name: Typed') && {IS_NEW} && {ENDED}")

    texts = page.evaluate("shown")
    assert len(texts) > 1
    for text in texts:
        assert VALIDATOR.is_valid(parse_document(text.encode()))
    assert texts[-1] == page.evaluate(TEXT)
    state = page.evaluate(STATE)
    assert re.match(r"\d+ tokens · valid · (finished|closed early) · ", state)
    assert state.endswith("without the last line, “- na”")
    assert page.complaints == []
    assert set(page.requests) <= {
        f"http://{address}/",
        f"http://{address}/v1/completions",
        "data:,",
    }
    # One for each pause, not one for each key.
    assert page.requests.count(f"http://{address}/v1/completions") < 6


def test_it_is_used_with_the_keyboard_alone(page: Page) -> None:
    page.wait(ENDED)
    first = page.evaluate(TEXT)
    assert page.evaluate(FOCUS) == "prompt"
    page.press("Tab", 9, shift=True)
    assert page.evaluate(FOCUS) == "seed"
    page.press("ArrowUp", 38)
    page.press("Tab", 9, shift=True)
    assert page.evaluate(FOCUS) == "temperature"
    page.press("ArrowRight", 39)
    assert page.evaluate("document.forms[0].innerText.split(/\\s+/)[1]") == "0.75"
    page.wait(f"{IS_NEW} && {ENDED} && {TEXT} !== {json.dumps(first)}")
    for _ in range(3):
        page.press("Tab", 9)
    assert page.evaluate(FOCUS) == "completion"


def test_a_problem_is_told_and_what_was_written_stays(page: Page) -> None:
    page.wait(ENDED)
    page.type("on: pushed\nname: x\n")
    page.wait("document.getElementById('state').className === 'problem'")

    assert "breaks the workflow schema after" in page.evaluate(STATE)
    assert VALIDATOR.is_valid(workflow(page))


def test_what_is_typed_is_text_and_never_markup(page: Page) -> None:
    page.type("name: <img src=x onerror=alert(1)><b>bold</b>\n")
    page.wait(f"{TEXT}.startsWith('name: <img') && {IS_NEW}")

    assert page.evaluate("completion.children.length") == 0


def test_it_asks_again_when_all_places_are_taken(
    generator: Generator, tmp_path: Path
) -> None:
    if EXECUTABLE is None:
        pytest.skip("no Chromium is installed here")
    with running(generator, max_concurrency=1) as address, new_page(tmp_path) as page:
        with streaming(address, max_tokens=200_000, prompt=BEGINNING) as events:
            next(events)
            page.open(f"http://{address}/")
            page.wait(f"{STATE}.includes('as many as may be at once')")
        page.wait(ENDED)


def test_it_may_load_nothing_from_elsewhere(address: str) -> None:
    answer = get(address, "/")

    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "//" not in re.sub(r"^\s*//.*$|; // .*$", "", answer.text, flags=re.M)
