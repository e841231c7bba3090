"""What the schema compiler makes of a suite of schemas with instances.

    git clone https://github.com/json-schema-org/JSON-Schema-Test-Suite
    python benchmarks/schemas.py JSON-Schema-Test-Suite/tests/draft7

A folder holds JSON files in the form of that suite: arrays of groups, each with a
`schema` and `tests`, which have `data` and say whether it is `valid`.  An instance
counts as accepted if it is encoded without an escape.  `--walks` also draws documents
under the masks, token by token, and asks jsonschema-rs about them, formats aside.
"""

import argparse
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import numpy as np

from tct import Tokenizer, compile_schema
from tct.data.errors import SchemaError

DRAFTS = {
    "draft4": "http://json-schema.org/draft-04/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
}


def groups(folder: Path, optional: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each group of a folder and its name; the draft of the folder, if unsaid."""
    draft = next((DRAFTS[part] for part in folder.parts if part in DRAFTS), None)
    for path in sorted(folder.rglob("*.json")):
        if "optional" in path.relative_to(folder).parts and not optional:
            continue
        for number, group in enumerate(json.loads(path.read_bytes())):
            schema = group["schema"]
            if draft and isinstance(schema, dict):
                group["schema"] = {"$schema": draft, **schema}
            yield f"{path.relative_to(folder)}#{number}", group


def reason(error: SchemaError) -> str:
    """The kind of a refusal: its message without what is particular to a schema."""
    pointer, _, message = str(error).split(";")[0].partition(": ")
    keyword = pointer.rsplit("/", 1)[-1] if message.startswith("unsupported") else ""
    return re.sub(r"'[^']*'|[0-9,]+", "…", message or pointer) + f" {keyword}".rstrip()


def validator(schema: Any) -> Any:
    """An independent validator; None for a schema that it does not know."""
    try:
        return jsonschema_rs.validator_for(schema, validate_formats=False)
    except jsonschema_rs.ValidationError:
        return None


def walk(tokenizer: Tokenizer, seed: int, budget: int = 200) -> Any:
    """A document of random tokens that closes within the budget."""
    draws, state, ids = random.Random(seed), tokenizer.start(), []
    while not state.is_complete:
        allowed = np.flatnonzero(state.allowed())
        assert len(allowed), "an empty mask"
        drawn = int(draws.choice(allowed))
        after = state.advance(drawn)
        if not after.fits(budget - len(ids) - 1):
            ids += state.shortest_completion()
            break
        ids, state = [*ids, drawn], after
    return tokenizer.decode(np.array(ids, dtype=np.uint16))


def main() -> None:
    """Judge a folder and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--optional", action="store_true", help="optional/, too")
    parser.add_argument("--walks", type=int, default=0, help="documents per schema")
    parser.add_argument("--show", action="store_true", help="name every difference")
    arguments = parser.parse_args()
    counts: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    seconds = []
    for name, group in groups(arguments.folder, arguments.optional):
        counts["schemas"] += 1
        counts["instances"] += len(group["tests"])
        begun = time.perf_counter()
        try:
            compiled = compile_schema(group["schema"])
        except SchemaError as error:
            refused[reason(error)] += 1
            if arguments.show:
                print(f"refused {name}: {error}", file=sys.stderr)
            continue
        seconds.append(time.perf_counter() - begun)
        counts["compiled"] += 1
        counts["noted"] += bool(compiled.notes)
        tokenizer = Tokenizer(
            compiled.grammar, characters="", merges=[], schema_sha256=compiled.sha256
        )
        for test in group["tests"]:
            accepted = tokenizer.is_on_schema(tokenizer.encode(test["data"]))
            kinds = {True: "right", False: "rejected though valid"}
            if accepted and not test["valid"]:
                kinds[False] = "wrongly accepted"
            kind = kinds[accepted == test["valid"]]
            counts[kind] += 1
            if kind != "right" and arguments.show:
                data = json.dumps(test["data"])
                print(f"{kind} {name}: {test['description']}: {data}", file=sys.stderr)
        judge = validator(group["schema"]) if arguments.walks else None
        for seed in range(arguments.walks if judge else 0):
            value = walk(tokenizer, seed)
            counts["walks"] += 1
            is_valid = judge.is_valid(value)
            counts["invalid walks"] += not is_valid
            if arguments.show and not is_valid:
                print(f"invalid walk {name}: {json.dumps(value)}", file=sys.stderr)
    print(f"| {arguments.folder} | |\n|---|---:|")
    for kind in ("schemas", "compiled", "noted", "instances", "right"):
        print(f"| {kind} | {counts[kind]:,} |")
    for kind in ("rejected though valid", "wrongly accepted"):
        print(f"| {kind} | {counts[kind]:,} |")
    if arguments.walks:
        print(f"| walks | {counts['walks']:,} |")
        print(f"| invalid walks | {counts['invalid walks']:,} |")
    median, most = np.median(seconds or [0]), max(seconds, default=0)
    print(f"| seconds to compile, median and most | {median:.3f}, {most:.2f} |")
    for why, count in refused.most_common():
        print(f"| refused: {why} | {count:,} |")


if __name__ == "__main__":
    main()
