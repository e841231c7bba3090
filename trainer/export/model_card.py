"""The model card of an export: the model, its data, its training, figures and limits.

Everything is filled in from the run; what the run does not record is left out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ... import __version__
from ...data.display.visible import visible
from ...data.errors import FormatError
from ...data.kinds import WORKFLOW, Kind
from ...data.records import read_record
from ..contexts import described
from ..runs.history import RunStore
from ..runs.state import State

__all__ = ["EVALUATION_VERSION", "CardFacts", "model_card", "read_evaluation"]

EVALUATION_VERSION = 3
"""Of eval.json."""

_REMAKE = "evaluate the run again with tct eval"

_PAGE = """\
---
license: {license}
library_name: transformers
pipeline_tag: text-generation
tags:
- tct
- nanochat
{tag}- constrained-decoding
---

# {title}

A GPT with {parameters:,} parameters that writes {title_of_kind}, \
trained by tct {version}.
Its tokens are decisions that the {kind} schema leaves open, so under the masks of \
its tokenizer every {one} that it writes is correct against the schema.

## Use

With tct, which reads this folder as it is and runs no code from it:

    tct generate {name} -n 3 --temperature 0.7 --top-p 0.9
    tct generate {name} --prompt start.yml

With transformers 5, without custom code. Ids come from tct, as `tokenizer.json` is \
none of transformers' own: `AutoTokenizer` and `pipeline` do not read it.

```python
import torch
from tct.data.tokenizer import Tokenizer
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained("{name}")
tokenizer = Tokenizer.load("{name}/tokenizer.json")
state = tokenizer.start()
ids = [0]  # the position token of a document's beginning comes first
while not state.is_complete and len(ids) < {context}:
    logits = model(torch.tensor([ids])).logits[0, -1, :8192]
    allowed = torch.from_numpy(state.allowed().copy())
    ids.append(int(logits.where(allowed, -torch.inf).argmax()))
    state = state.advance(ids[-1])
{one} = tokenizer.decode([*ids[1:], *state.shortest_completion()])
```

The position token says where in its document a window begins: one that begins at \
token 32 n has n in front. {context:,} positions are read at a time, the position \
token among them. Id 8192 is PAD and is never written.

## Data

{data}

The documents are {of_others} and remain under the licences of their \
repositories, which the store does not record.

## Training

{training}

## Figures

{figures}

## Limits

- Correct against the schema is not correct: {limit} Read what it writes \
before you {use} it.
- It may repeat what it was trained on, names of repositories and scripts included.
- It knows {many} as of when its data were gathered, and nothing else.
- The masks need the tokenizer of this folder; without them nothing is promised.
"""


_LIMITS = {
    True: "the schema does not know which actions, versions, runner labels or secrets "
    "exist, nor what a script does.",
    False: "the schema does not know what the texts in it mean.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class CardFacts:
    """The content of a card."""

    name: str
    """Of the model's folder."""
    license: str
    """Of the weights, an identifier of the Hugging Face Hub."""
    parameters: int
    state: State
    """Of the checkpoint."""
    store: RunStore
    """Facts of the store, from the run's config.json."""
    kind: Kind
    """Of the documents."""
    evaluation: dict[str, Any] | None
    """The result of `tct eval` for these weights; None if there is none."""


def model_card(facts: CardFacts) -> str:
    """Format the card as Markdown, with front matter for the Hugging Face Hub."""
    kind, is_workflow = facts.kind, facts.kind is WORKFLOW
    return _PAGE.format(
        tag="- github-actions\n" if is_workflow else "",
        title_of_kind=visible(kind.title),
        kind=visible(kind.name),
        one=kind.one,
        many=f"{kind.one} files" if is_workflow else kind.many,
        of_others="the workflows of others" if is_workflow else "those of others",
        limit=_LIMITS[is_workflow],
        use="run" if is_workflow else "use",
        license=visible(facts.license),
        title=_cell(facts.name),
        name=visible(facts.name),
        parameters=facts.parameters,
        version=__version__,
        context=facts.state.config.model.context,
        data=_table(_data(facts.store)),
        training=_table(_training(facts)),
        figures="\n\n".join(_figures(facts)),
    )


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"| {name} | {_cell(value)} |" for name, value in rows]
    return "\n".join(["| | |", "|---|---|", *lines])


def _cell(text: str) -> str:
    """Escape what would end a cell or begin HTML, such as in a name."""
    return visible(text).replace("|", r"\|").replace("<", r"\<")


def _data(store: RunStore) -> Iterable[tuple[str, str]]:
    yield "store", f"`{store['name']}`, sha256 `{store['digest']}`"
    inputs: Mapping[str, Any] = store.get("key_inputs") or {}
    if "input_files" in inputs:
        found = f"{inputs['input_files']:,}, sha256 `{inputs['input_sha256']}`"
        yield "input files", found
    for split, counts in store.get("splits", {}).items():
        groups = store.get("groups", {}).get(split)
        where = f" of {groups:,} groups" if groups is not None else ""
        yield (
            {"train": "training", "val": "validation"}.get(split, split),
            f"{counts['documents']:,} documents{where}, {counts['tokens']:,} tokens, "
            f"{counts['bytes']:,} bytes of canonical JSON",
        )
    if "split_seed" in inputs:
        yield "split", _split_rule(inputs)
    if "on_schema" in store:
        yield "on schema", f"{store['on_schema']:,} documents"
    if rejects := store.get("rejects"):
        left_out = (f"{n:,} {reason}" for reason, n in rejects.items())
        yield "left out", ", ".join(left_out)
    for name, what in (
        ("where", "only rows where"),
        ("max_per_path", "most versions of a file"),
        ("max_per_group", "most documents of a group"),
    ):
        if (value := inputs.get(name)) not in (None, []):
            yield what, ", ".join(value) if isinstance(value, list) else f"{value:,}"


def _split_rule(inputs: Mapping[str, Any]) -> str:
    share = inputs["val_per_10000"] / 100
    rule = (
        f"whole groups (repositories) by the sha256 of their name and seed "
        f"{inputs['split_seed']}, {share:g} % of them for validation; "
        "no two documents are equal"
    )
    if inputs.get("near_duplicates") is not None:
        rule += ", and near-duplicates do not cross it"
    return rule


def _training(facts: CardFacts) -> Iterable[tuple[str, str]]:
    config = facts.state.config
    model, data, optim = config.model, config.data, config.optim
    phases = facts.state.loader.get("phases")
    yield (
        "model",
        f"{model.layers} layers, {model.width} wide, {model.heads} heads, "
        f"{model.vocab_size:,} ids, context {model.context:,}, type `nanochat`",
    )
    yield "steps", f"{facts.state.step:,} of {config.run.steps:,}"
    yield "tokens", f"{facts.state.tokens:,} predicted"
    yield (
        "step",
        f"{data.batch_size} windows, cut by `{data.windows}`, in the order of seed "
        f"{data.seed}" + (f"; context {described(phases)}" if phases else ""),
    )
    yield (
        "optimiser",
        f"{optim.optimizer}, rate {optim.lr:g} with schedule {optim.schedule}, "
        f"betas {optim.beta1:g} and {optim.beta2:g}, decay {optim.weight_decay:g}, "
        f"gradient clipped to {optim.clip:g}",
    )
    if model.dropout:
        yield "dropout", f"{model.dropout:g}"


def _figures(facts: CardFacts) -> Iterable[str]:
    validation = facts.state.validation
    if validation is None and facts.evaluation is None:
        yield "These weights were not evaluated."
    if validation is not None:
        rows = [
            ("validation loss", f"{validation.loss:.4f} nats per token"),
            ("perplexity", f"{validation.perplexity:,.2f}"),
            ("bits per byte of canonical JSON", f"{validation.bits_per_byte:.4f}"),
            ("nats per document", f"{validation.nats_per_document:,.1f}"),
        ]
        yield (
            f"Over the whole validation split, {validation.documents:,} documents of "
            f"{validation.tokens:,} tokens, each counted once:"
        )
        yield _table(rows)
        yield "Bits per byte compare across tokenizers; loss and perplexity do not."
    if facts.evaluation is not None:
        yield _evaluation_section(facts.evaluation)


def read_evaluation(run_folder: Path, *, step: int) -> dict[str, Any] | None:
    """Read RUN/eval/eval.json; None if it is missing, or of another step.

    Raises:
        FormatError: it is not an evaluation, or is of another version.
    """
    path = run_folder / "eval" / "eval.json"
    if not path.is_file():
        return None
    values = read_record(
        path, name="evaluation", version=EVALUATION_VERSION, remake=_REMAKE
    )
    if values.get("step") != step:
        return None
    try:
        _evaluation_section(values)
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        problem = f"{path}: a field is missing or does not fit ({error!r})"
        raise FormatError(problem, _REMAKE) from error
    return values


def _evaluation_section(values: dict[str, Any]) -> str:
    """Format bits per byte with its interval, and the funnels side by side."""
    bits = values["likelihood"]["bits_per_byte"]
    interval = ""
    if bits["low"] is not None:
        interval = (
            f" (95 % interval over groups {bits['low']:.4f} to {bits['high']:.4f})"
        )
    funnels = [column["funnel"] for column in values["columns"]]
    names = ["", *(column["name"] for column in values["columns"])]
    rows = [names, ["---"] * len(names)]
    rows.append(["documents", *(f"{sum(f['documents']):,}" for f in funnels)])
    for number, stage in enumerate(funnels[0]["stages"]):
        shares = (_share(f["stages"][number], sum(f["documents"])) for f in funnels)
        rows.append([stage["name"], *shares])
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    return (
        f"Bits per byte of held-out documents: {bits['value']:.4f}{interval}.\n\n"
        "How far documents come, the held-out ones and those that it writes, with "
        "the masks (constrained) and without (free). Shares are of all documents; "
        "the judges do not know the tokenizer:\n\n"
        f"{table}"
    )


def _share(stage: dict[str, Any], documents: int) -> str:
    if stage["passed"] is None:
        return "not judged"
    return f"{sum(stage['passed']) / documents:.1%}"
