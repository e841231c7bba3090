"""Schemas in files that refer to each other."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner

from tct.cli import main
from tct.data.documents.json_text import Json
from tct.data.errors import SchemaError, SourceError
from tct.data.tokenizer import Tokenizer
from tct.data.tokenizer.codec import Codec
from tct.data.tokenizer.symbols import ESCAPES
from tct.pipeline import schema_file
from tct.pipeline.compiler import compile_schema
from tct.pipeline.schema_file import read_schema

DRAFT_7 = "http://json-schema.org/draft-07/schema#"
DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"


def write(path: Path, schema: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(schema))
    return path


def closed(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def agrees(path: Path, right: list[Any], wrong: list[Any]) -> dict[str, Any]:
    """The bundle, which a judge and our compiler both read as meant."""
    whole = read_schema(path)
    judge = jsonschema_rs.validator_for(whole)
    compile_schema(whole)
    for value in right:
        judge.validate(value)
    for value in wrong:
        assert not judge.is_valid(value), value
    return whole


@pytest.mark.parametrize("draft", [None, DRAFT_7, DRAFT_2020])
@pytest.mark.parametrize("identity", [None, "https://example.com/schemas/root.json"])
def test_a_path_is_relative_to_the_file_that_names_it(
    tmp_path: Path, draft: str | None, identity: str | None
) -> None:
    root = closed(
        a={"$ref": "parts/a.json"},
        b={"$ref": "../common/b.json#/definitions/name"},
        c={"$ref": "parts/a.json#/properties/deep"},
    )
    root |= {"$schema": draft} if draft else {}
    root |= {"$id": identity} if identity else {}
    path = write(tmp_path / "s" / "root.json", root)
    deep = {"$ref": "more/deep.json"}
    write(tmp_path / "s" / "parts" / "a.json", closed(deep=deep))
    write(tmp_path / "s" / "parts" / "more" / "deep.json", {"type": "integer"})
    name = {"definitions": {"name": {"$ref": "#/definitions/text"}}}
    name["definitions"]["text"] = {"enum": ["x"]}  # type: ignore[dict-item]
    write(tmp_path / "common" / "b.json", name)

    right: list[Any] = [{}, {"a": {"deep": 1}, "b": "x", "c": 2}]
    agrees(path, right, [{"a": {"deep": "1"}}, {"b": "y"}, {"c": "2"}, {"a": 1}])


def test_a_uri_is_answered_by_the_folder(tmp_path: Path) -> None:
    root = closed(
        own={"$ref": "https://elsewhere.org/v1/own#/definitions/n"},
        name={"$ref": "https://elsewhere.org/v1/name.json"},
        near={"$ref": "near.json"},
    )
    root |= {"$schema": DRAFT_7, "$id": "https://example.com/s/root.json"}
    path = write(tmp_path / "root.json", root)
    own = {"$id": "https://elsewhere.org/v1/own", "definitions": {"n": {"const": 1}}}
    write(tmp_path / "anything.json", own)
    write(tmp_path / "name.json", {"const": 2})
    write(tmp_path / "near.json", {"$id": "https://example.com/s/near", "const": 3})
    (tmp_path / "no-schema.json").write_text("[")

    whole = agrees(path, [{"own": 1, "name": 2, "near": 3}], [{"own": 2}, {"near": 1}])
    assert set(whole["definitions"]) == {
        "https://elsewhere.org/v1/own",
        "https://example.com/s/name.json",
        "https://example.com/s/near",
    }


def test_files_may_refer_to_each_other_in_circles(tmp_path: Path) -> None:
    root = closed(child={"$ref": "b.json"}, leaf={"type": "boolean"})
    path = write(tmp_path / "a.json", root)
    write(
        tmp_path / "b.json",
        {"anyOf": [{"$ref": "a.json"}, {"$ref": "b.json#/x"}], "x": {"const": "end"}},
    )
    right: list[Any] = [{"child": "end"}, {"child": {"child": {"leaf": True}}}]
    agrees(path, right, [{"child": "no"}, {"child": {"leaf": 1}}])


def test_what_older_drafts_ignore_beside_a_reference_stays_ignored(
    tmp_path: Path,
) -> None:
    generated = {
        "$schema": DRAFT_7,
        "$ref": "#/definitions/Config",
        "type": "string",
        "definitions": {"Config": closed(n={"type": "integer"})},
    }
    root = closed(config={"$ref": "generated.json"}) | {"$schema": DRAFT_7}
    path = write(tmp_path / "root.json", root)
    write(tmp_path / "generated.json", generated)
    agrees(path, [{"config": {"n": 1}}], [{"config": {"n": "1"}}, {"config": "x"}])
    # The first schema may be of that kind, too.
    first = write(
        tmp_path / "first.json",
        generated | {"definitions": {"Config": closed(n={"$ref": "n.json"})}},
    )
    write(tmp_path / "n.json", {"type": "integer"})
    agrees(first, [{"n": 1}], [{"n": "1"}])


def test_a_schema_that_needs_no_other_is_as_it_was_written(tmp_path: Path) -> None:
    schema = closed(a={"$ref": "#/definitions/a"}) | {"definitions": {"a": True}}
    assert read_schema(write(tmp_path / "a.json", schema)) == schema


def test_yaml_files_are_found(tmp_path: Path) -> None:
    path = tmp_path / "root.yaml"
    path.write_text("type: object\nproperties: {a: {$ref: other.yml}}\n")
    (tmp_path / "other.yml").write_text("type: integer\n")
    agrees(path, [{"a": 1}], [{"a": "1"}])


def test_a_reference_that_nothing_answers_is_refused_where_it_is_used(
    tmp_path: Path,
) -> None:
    schema = closed(a={"$ref": "https://example.com/nowhere.json"})
    whole = read_schema(write(tmp_path / "a.json", schema))
    with pytest.raises(
        SchemaError, match=r"/properties/a/\$ref: 'https://example.com/n"
    ):
        compile_schema(whole)


@pytest.mark.parametrize(
    ("reference", "content", "error", "message"),
    [
        (
            "gone.json",
            None,
            SourceError,
            r"root\.json: /properties/a/\$ref: 'gone\.json' names no file below",
        ),
        ("../../up.json", None, SourceError, "names no file below"),
        ("part.json", "[", SourceError, r"part\.json: .*line 1"),
        ("part.json", "[]", SourceError, r"part\.json: found a list, expected an obj"),
        (
            "part.json",
            json.dumps({"$schema": DRAFT_2020}),
            SchemaError,
            r"part\.json: found \$schema '.*2020-12/schema', expected None",
        ),
    ],
)
def test_what_is_wrong_with_another_file_is_named(
    tmp_path: Path,
    reference: str,
    content: str | None,
    error: type[Exception],
    message: str,
) -> None:
    home = tmp_path / "one" / "two"
    write(tmp_path / "up.json", {})
    path = write(home / "root.json", closed(a={"$ref": reference}))
    if content is not None:
        (home / "part.json").write_text(content)
    with pytest.raises(error, match=message):
        read_schema(path)


def test_a_file_that_names_itself_otherwise_is_not_taken_for_the_one_meant(
    tmp_path: Path,
) -> None:
    root = closed(a={"$ref": "https://one.org/types.json"}) | {"$schema": DRAFT_7}
    path = write(tmp_path / "root.json", root)
    other = write(tmp_path / "types.json", {"$id": "https://two.org/types.json"})
    with pytest.raises(SchemaError, match="leaves the schema"):
        compile_schema(read_schema(path))
    write(other, {"$id": "https://one.org/types.json", "type": "integer"})
    agrees(path, [{"a": 1}], [{"a": "1"}])


def test_a_path_in_a_file_with_a_uri_of_its_own_begins_at_that_file(
    tmp_path: Path,
) -> None:
    root = closed(a={"$ref": "sub/own.json"}) | {"$schema": DRAFT_7}
    path = write(tmp_path / "root.json", root)
    own = {"$id": "https://example.com/v1/own.json", **closed(x={"$ref": "x.json"})}
    write(tmp_path / "sub" / "own.json", own)
    write(tmp_path / "sub" / "x.json", {"type": "integer"})
    write(tmp_path / "x.json", {"type": "string"})
    agrees(path, [{"a": {"x": 1}}], [{"a": {"x": "1"}}])


@pytest.mark.parametrize(("inner", "outer"), [(6, 7), (7, 6)])
def test_drafts_6_and_7_go_together_without_if(
    tmp_path: Path, inner: int, outer: int
) -> None:
    names = {n: f"http://json-schema.org/draft-0{n}/schema#" for n in (6, 7)}
    root = closed(a={"$ref": "b.json"}) | {"$schema": names[outer]}
    path = write(tmp_path / "root.json", root)
    part: dict[str, Any] = {"$schema": names[inner], "type": "string"}
    write(tmp_path / "b.json", part | {"minLength": 1})
    agrees(path, [{"a": "x"}], [{"a": ""}])
    write(tmp_path / "b.json", part | {"if": {"const": "x"}, "then": False})
    with pytest.raises(SchemaError, match="name the same draft in both"):
        read_schema(path)


def test_without_a_draft_what_is_beside_a_reference_applies(tmp_path: Path) -> None:
    text = {"$ref": "#/definitions/t", "definitions": {"t": {"type": "string"}}}
    path = write(tmp_path / "root.json", closed(a={"$ref": "b.json"}))
    write(tmp_path / "b.json", text | {"maxLength": 2})
    agrees(path, [{"a": "xx"}], [{"a": "xxx"}])


def test_references_below_other_keywords_stay_in_their_file(tmp_path: Path) -> None:
    root = closed(a={"$ref": "b.json#/x/one"}, c={"$ref": "#/x/three"})
    root |= {"$schema": DRAFT_7}
    root["x"] = {"two": {"type": "string"}, "three": {"$ref": "c.json"}}
    path = write(tmp_path / "root.json", root)
    parts = {"one": {"$ref": "#/x/two"}, "two": {"type": "integer"}}
    write(tmp_path / "b.json", {"x": parts})
    write(tmp_path / "c.json", {"type": "boolean"})
    whole = agrees(path, [{"a": 1, "c": True}], [{"a": "1"}, {"c": 1}])
    codec = Codec(compile_schema(whole).grammar, "")
    cases: list[tuple[Json, bool]] = [({"a": 1, "c": True}, True), ({"a": "1"}, False)]
    for value, fits in cases:
        assert ESCAPES.isdisjoint("".join(codec.encode(value))) == fits


@pytest.mark.parametrize(
    ("reference", "error", "message"),
    [
        ("http://[x", SchemaError, r"found no URI in a \$ref or \$id"),
        (f"{'x' * 300}.json", SourceError, "names no file below"),
        ("circle.json", SourceError, "names no file below"),
        ("part.json#/gone", SchemaError, r"/properties/a/\$ref: nothing at '#/"),
    ],
)
def test_a_reference_that_leads_nowhere_is_an_error_with_its_place(
    tmp_path: Path, reference: str, error: type[Exception], message: str
) -> None:
    path = write(tmp_path / "root.json", closed(a={"$ref": reference}))
    write(tmp_path / "part.json", {})
    (tmp_path / "circle.json").symlink_to("circle.json")
    with pytest.raises(error, match=message):
        compile_schema(read_schema(path))


def test_there_is_a_bound_on_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(9):
        write(tmp_path / f"{number}.json", {"not": {"$ref": f"{number + 1}.json"}})
    write(tmp_path / "9.json", {})
    read_schema(tmp_path / "0.json")
    monkeypatch.setattr(schema_file, "_MAX_FILES", 9)
    with pytest.raises(SourceError, match=r"0\.json: refers to more than 9 files or"):
        read_schema(tmp_path / "0.json")


def test_a_tokenizer_needs_the_files_once(tmp_path: Path) -> None:
    port = {"type": "integer", "minimum": 1, "maximum": 9}
    root = closed(port={"$ref": "port.json"}, name={"type": "string"})
    path = write(tmp_path / "schemas" / "root.json", root)
    write(tmp_path / "schemas" / "port.json", port)
    documents: list[Json] = [{"name": f"n{n}", "port": 1 + n % 9} for n in range(30)]
    for number, document in enumerate(documents):
        write(tmp_path / "docs" / f"{number}.json", document)
    output = tmp_path / "t.json"
    command = ["tokenizer", "train", tmp_path / "docs", "--schema", path, "-o", output]
    done = CliRunner().invoke(main, list(map(str, command)))
    assert done.exit_code == 0, done.stderr

    for file in (tmp_path / "schemas").iterdir():
        file.unlink()
    tokenizer = Tokenizer.load(output)
    for document in documents:
        tokens = tokenizer.encode(document)
        assert tokenizer.is_on_schema(tokens)
        assert tokenizer.decode(tokens) == document
    assert not tokenizer.is_on_schema(tokenizer.encode({"port": 10}))
    assert jsonschema_rs.is_valid(tokenizer.kind.schema(), {"port": 9})
    assert not jsonschema_rs.is_valid(tokenizer.kind.schema(), {"port": 10})
