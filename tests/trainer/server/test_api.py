"""The API, asked over HTTP: what it gives, and what it refuses."""

import time
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from tct.data.documents.parse import parse_document
from tct.pipeline.workflow_schema import workflow_schema
from tct.tests.trainer.server.servers import ask, get, running, streaming
from tct.trainer.generation import Generator, Sampling
from tct.trainer.server.prompt_text import read_prompt

VALIDATOR = jsonschema_rs.Draft7Validator(workflow_schema())
PROMPT = "name: CI\non: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
ENDLESS = 200_000  # tokens: more than any test waits for


def writing(address: str) -> int:
    return int(get(address, "/healthz").value["writing"])


def wait_until_idle(address: str) -> None:
    limit = time.monotonic() + 300
    while writing(address):
        assert time.monotonic() < limit, "a completion that nobody waits for goes on"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def document(address: str) -> Any:
    return get(address, "/openapi.json").value


def validator(document: Any, name: str) -> jsonschema_rs.Validator:
    schema = {"$ref": f"#/components/schemas/{name}"}
    return jsonschema_rs.validator_for(schema | {"components": document["components"]})


def test_a_completion_is_the_sample_that_generate_writes(
    address: str, generator: Generator
) -> None:
    sampling = Sampling(seed=3, temperature=0.8, top_k=50, top_p=0.95, max_tokens=120)
    prompt, _ = read_prompt(generator.tokenizer, PROMPT, rules=generator.rules)
    (sample,) = generator.samples(1, sampling, prompt=prompt)
    options = {"seed": 3, "temperature": 0.8, "top_k": 50, "top_p": 0.95}

    answer = ask(address, {"prompt": PROMPT, "max_tokens": 120, **options})

    assert answer.status == 200
    found = answer.value
    assert list(found["workflow"]) == list(parse_document(found["yaml"].encode()))
    assert found.pop("yaml").startswith(PROMPT.removesuffix("steps:\n"))
    assert found == {
        "workflow": sample.value,
        "ending": sample.ending,
        "num_tokens": len(sample.tokens),
        "log_prob": round(sample.log_prob, 6),
        "left_out": None,
        "tokenizer": generator.tokenizer.digest,
        "step": 2,
    }


def test_every_event_is_a_whole_workflow_and_the_last_one_the_answer(
    address: str, document: Any
) -> None:
    options = {"prompt": PROMPT, "max_tokens": 700, "seed": 1}
    is_described = validator(document, "Completion")
    with streaming(address, **options) as events:
        moments = list(events)

    assert len(moments) > 2
    for moment in moments:
        assert VALIDATOR.is_valid(moment["workflow"])
        assert parse_document(moment["yaml"].encode()) == moment["workflow"]
        assert moment["workflow"]["name"] == "CI"
        assert is_described.is_valid(moment)
    *earlier, last = moments
    assert {moment["ending"] for moment in earlier} == {None}
    assert last["ending"] in ("finished", "cut")
    assert last == ask(address, options).value


def test_a_line_that_is_being_typed_is_left_to_the_model(address: str) -> None:
    answer = ask(
        address, {"prompt": PROMPT + "    - na", "partial": True, "max_tokens": 90}
    )

    assert answer.status == 200
    assert answer.value["left_out"] == "    - na"


def test_completions_grow_side_by_side(address: str) -> None:
    with (
        streaming(address, max_tokens=ENDLESS, prompt=PROMPT) as one,
        streaming(address, max_tokens=ENDLESS, prompt=PROMPT, seed=1) as other,
    ):
        for _ in range(3):
            assert next(one)["ending"] is None
            assert next(other)["ending"] is None
        assert writing(address) == 2
    wait_until_idle(address)


def test_who_comes_when_all_places_are_taken_is_asked_to_come_again(
    generator: Generator,
) -> None:
    with running(generator, max_concurrency=1) as address:
        with streaming(address, max_tokens=ENDLESS) as events:
            next(events)
            answer = ask(address, {})
            assert answer.status == 503
            assert int(answer.headers["retry-after"]) > 0
            assert "as many as may be at once" in answer.value["error"]["message"]
        wait_until_idle(address)  # who hangs up leaves the place
        assert ask(address, {"max_tokens": 30}).status == 200


def test_nothing_is_written_for_who_hung_up_before_the_answer(address: str) -> None:
    with pytest.raises(TimeoutError):
        ask(address, {"max_tokens": ENDLESS, "prompt": PROMPT}, seconds=0.5)

    wait_until_idle(address)


def test_a_completion_is_closed_when_its_time_is_up(generator: Generator) -> None:
    with running(generator, timeout=0.3) as address:
        begun = time.monotonic()
        found = ask(address, {"max_tokens": ENDLESS, "prompt": PROMPT}).value

    assert time.monotonic() - begun < 60
    assert found["ending"] == "cut"
    assert found["num_tokens"] < ENDLESS
    assert VALIDATOR.is_valid(found["workflow"])


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"prompt": "on: pushed"}, 422, "breaks the workflow schema after '{\"on\":'"),
        ({"prompt": "on: ["}, 422, "line 2, column 1"),
        ({"prompt": "on: \ud800"}, 422, "prompt"),
        ({"prompt": 3}, 422, "body.prompt: Input should be a valid string"),
        ({"prompts": ""}, 422, "body.prompts: Extra inputs"),
        ({"prompt": PROMPT, "max_tokens": 5}, 422, "found a budget of 5"),
        (b"{", 400, "JSON decode error"),
        (b'{"temperature": NaN}', 422, "finite number"),
        (b"[" * 60_000, 400, "error parsing the body"),
        (b'{"prompt": "' + b"x" * 70_000 + b'"}', 413, "longer than 65,536 bytes"),
        (b"x" * 1_000_000, 413, "longer than 65,536 bytes"),
    ],
)
def test_a_request_that_cannot_be_answered_says_why(
    address: str, document: Any, body: Any, status: int, message: str
) -> None:
    answer = ask(address, body)

    assert answer.status == status
    assert message in answer.value["error"]["message"]
    assert answer.value["error"]["hint"]
    assert validator(document, "Problem").is_valid(answer.value)
    path = document["paths"]["/v1/completions"]["post"]
    assert str(status) in path["responses"]


def test_a_body_that_does_not_say_its_size_is_bounded_too(address: str) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 1000

    assert ask(address, chunks()).status == 413


@pytest.mark.parametrize(
    "option",
    [
        {"temperature": -0.1},
        {"temperature": 0},
        {"temperature": "1"},
        {"seed": -1},
        {"seed": 0.5},
        {"top_k": 0},
        {"top_k": 1},
        {"top_p": 0},
        {"top_p": 1},
        {"top_p": 1.1},
        {"min_p": 0},
        {"min_p": 1.1},
        {"max_tokens": 0},
        {"max_tokens": 262_145},
        {"stream": 1},
        {"partial": "yes"},
        {"other": 1},
    ],
)
def test_an_option_is_refused_exactly_if_the_document_says_so(
    address: str, document: Any, option: dict[str, Any]
) -> None:
    body = {"max_tokens": 20, **option}
    is_right = validator(document, "CompletionRequest").is_valid(body)

    assert ask(address, body).status == (200 if is_right else 422)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "", "["])
@pytest.mark.parametrize("path", ["/", "/healthz", "/openapi.json", "/nothing"])
def test_a_request_for_another_host_is_refused(
    address: str, host: str, path: str
) -> None:
    answer = get(address, path, host=host)

    assert answer.status == 400
    assert "--allow-host" in answer.value["error"]["hint"]


def test_other_pages_may_not_ask(address: str) -> None:
    origin = {"origin": "http://evil.example"}
    preflight = ask(address, method="OPTIONS", headers=origin)
    # What a page may send without asking first: no JSON by its type.
    simple = ask(address, {}, headers={"content-type": "text/plain", **origin})

    assert preflight.status == 405
    assert simple.status == 422
    for answer in (preflight, simple):
        assert "access-control-allow-origin" not in answer.headers


def test_errors_of_routes_are_problems_too(address: str) -> None:
    for answer in (get(address, "/nothing"), get(address, "/v1/completions")):
        assert answer.status in (404, 405)
        assert answer.value["error"]["message"]


def test_health_is_what_the_document_says(address: str, document: Any) -> None:
    found = get(address, "/healthz").value

    assert validator(document, "Health").is_valid(found)
    assert (found["status"], found["step"], found["max_concurrency"]) == ("ok", 2, 4)
