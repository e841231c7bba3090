"""What Hypothesis draws: JSON values, near-workflows and document lengths."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tct.data.documents.json_text import Json
from tct.data.windows import CONTEXT, MAX_DOCUMENT_TOKENS, STRIDE

__all__ = ["json_objects", "json_values", "lengths", "texts", "workflow_like"]


def texts(*, surrogates: bool = True) -> SearchStrategy[str]:
    """Text of all planes, often with what means something to YAML, JSON or GitHub.

    A high surrogate is never followed by a low one: JSON text cannot tell the two from
    the one character that they stand for.
    """
    characters = st.characters() if surrogates else st.characters(codec="utf-8")
    anything = st.text(characters, max_size=12)
    tricky = st.text(" \n\t\r-:#.'\"|>&*!%@`{}[],?=~<0eé\x00\x7f\x85\u2028\u2029\ufeff")
    words = ["", "on", "yes", "null", "1e3", "...", "${{ github.ref }}", "\ue000"]
    others = ["actions/checkout@v4", "set -e\nmake\n", "a\u0301", "\U0001f600"]
    real = st.sampled_from([*words, *others])
    drawn = st.one_of(anything, tricky, real)
    if surrogates:
        drawn = drawn | st.text("\ud800\udbff\udc00\udfffa", max_size=4)
    return drawn.map(_join_surrogates)


def _join_surrogates(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _scalars(*, surrogates: bool) -> SearchStrategy[Json]:
    return st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(-(10**400), 10**400),
        st.floats(allow_nan=False, allow_infinity=False),
        texts(surrogates=surrogates),
    )


def json_values(
    *, surrogates: bool = True, max_leaves: int = 30
) -> SearchStrategy[Json]:
    """Any JSON value."""
    return st.recursive(
        _scalars(surrogates=surrogates),
        lambda inner: st.one_of(
            st.lists(inner, max_size=5),
            st.dictionaries(texts(surrogates=surrogates), inner, max_size=5),
        ),
        max_leaves=max_leaves,
    )


def json_objects(*, surrogates: bool = True) -> SearchStrategy[dict[str, Json]]:
    """Any JSON object."""
    return st.dictionaries(
        texts(surrogates=surrogates),
        json_values(surrogates=surrogates, max_leaves=12),
        max_size=5,
    )


def workflow_like() -> SearchStrategy[dict[str, Json]]:
    """An object that is often nearly a workflow: real keys, right and wrong values."""
    env = _mostly(_some_of(_names(), _mostly(texts())))
    step = _some_of(
        st.sampled_from(
            [
                "name",
                "id",
                "if",
                "uses",
                "run",
                "with",
                "env",
                "shell",
                "working-directory",
                "continue-on-error",
                "timeout-minutes",
            ]
        ),
        _value_of({"env": env, "with": env}),
    )
    matrix = _mostly(_some_of(_names(), _mostly(st.lists(_scalar_like(), max_size=3))))
    strategy = _some_of(
        st.sampled_from(["matrix", "fail-fast", "max-parallel"]),
        _value_of({"matrix": matrix}),
    )
    job = _some_of(
        st.sampled_from(
            [
                "runs-on",
                "steps",
                "needs",
                "if",
                "env",
                "strategy",
                "permissions",
                "timeout-minutes",
                "container",
                "services",
                "outputs",
                "uses",
                "with",
            ]
        ),
        _value_of(
            {
                "steps": _mostly(st.lists(_mostly(step), max_size=4)),
                "env": env,
                "strategy": _mostly(strategy),
            }
        ),
    )
    jobs = st.dictionaries(_names(), _mostly(job), max_size=3)
    return _some_of(
        st.sampled_from(
            [
                "name",
                "on",
                "jobs",
                "env",
                "permissions",
                "defaults",
                "concurrency",
                "run-name",
            ]
        ),
        _value_of({"on": _mostly(_triggers()), "jobs": _mostly(jobs), "env": env}),
    ).filter(bool)


_Pairs = SearchStrategy[dict[str, Json]]


def _some_of(keys: SearchStrategy[str], values: Any) -> _Pairs:
    """An object with some keys in any order; `values` is a strategy, or makes one."""
    make = values if callable(values) else lambda key: values
    odd = st.tuples(texts(), json_values(max_leaves=3))
    usual = keys.flatmap(lambda key: st.tuples(st.just(key), make(key)))
    # One key in about ten is none that the schema knows.
    pair = st.integers(0, 9).flatmap(lambda draw: odd if draw == 9 else usual)
    return st.lists(pair, max_size=6).map(dict)


def _value_of(special: dict[str, SearchStrategy[Json]]) -> Any:
    return lambda key: special.get(key, _mostly(_scalar_like()))


def _mostly(usual: SearchStrategy[Any]) -> SearchStrategy[Json]:
    """The usual, and one time in about ten something else."""
    odd = json_values(max_leaves=3)
    return st.integers(0, 9).flatmap(lambda draw: odd if draw == 9 else usual)


def _names() -> SearchStrategy[str]:
    return st.sampled_from(["build", "test", "deploy", "os", "node", "NODE_ENV", "on"])


def _scalar_like() -> SearchStrategy[Json]:
    words = [
        "push",
        "ubuntu-latest",
        "actions/checkout@v4",
        "bash",
        "write-all",
        "build",
    ]
    texts = ["${{ matrix.os }}", "npm ci\nnpm test\n", "Prüfen 🚀"]
    others = [True, False, 10, 1.5, None, ["build", "test"], {"contents": "read"}]
    return st.sampled_from([*words, *texts, *others, {"group": "a"}, [], {}])


def _triggers() -> SearchStrategy[Json]:
    filters = _some_of(
        st.sampled_from(["branches", "tags", "paths", "types", "branches-ignore"]),
        _mostly(st.lists(st.sampled_from(["main", "v*", "**.py"]), max_size=2)),
    )
    events = st.sampled_from(
        ["push", "pull_request", "workflow_dispatch", "schedule", "release"]
    )
    lists = st.lists(events, max_size=3)
    return st.one_of(events, lists, _some_of(events, _mostly(filters)))


def lengths() -> SearchStrategy[list[int]]:
    """Lengths of documents in tokens, often where a window or a stride ends."""
    edges = st.builds(
        lambda windows, strides, more: max(
            1, windows * CONTEXT + strides * STRIDE + more
        ),
        st.integers(0, 3),
        st.integers(-2, 2),
        st.integers(-1, 1),
    )
    length = st.one_of(
        st.integers(1, CONTEXT),
        st.integers(1, 4 * CONTEXT),
        edges,
        st.integers(MAX_DOCUMENT_TOKENS - CONTEXT, MAX_DOCUMENT_TOKENS),
    )
    return st.lists(length, min_size=1, max_size=20)
