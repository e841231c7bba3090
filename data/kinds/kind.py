"""What a kind of document is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..documents.json_text import Json, dump
from ..documents.yaml_writer import to_yaml
from ..errors import ConfigError

__all__ = ["Format", "Kind", "Rules", "of_schema"]

Format: TypeAlias = Literal["yaml", "json"]
"""The language in which documents of a kind are written."""

Rules: TypeAlias = Literal["schema", "github"]
"""What a generated document must keep to."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Kind:
    """One kind of document.  Two kinds are equal if they are the same object."""

    name: str
    one: str = "document"
    """What one is called, in messages and as a key of results."""
    title: str
    """What they are called in the title of a page or a card, such as "Compose files".
    """
    schema: Callable[[], dict[str, Any]]
    """Reads the schema that judges use."""
    origin: str
    """Where the schema comes from, beside the version of a judge."""
    format: Format = "yaml"
    bare_keys: frozenset[str] = frozenset()
    """Keys that everybody writes without quotes in YAML, though readers of YAML 1.1
    take them for another type."""
    row_keys: frozenset[str] = frozenset()
    """Keys of which a line of JSON Lines has one if it is a document itself, not a row
    that holds one; empty for all that the schema names at the root."""
    folder: str | None = None
    """The folder of a git repository that holds them; None is the whole repository."""
    own_keys: frozenset[str] = frozenset()
    """Keys below which people choose the keys; complaints of judges leave those out."""
    fields: tuple[str, ...] = ()
    """Names of what `values` finds; empty for the choices that the schema lists."""
    numbers: tuple[str, ...] = ()
    """Fields that are numbers, each rounded up to a power of two."""
    values: Callable[[dict[str, Json]], dict[str, set[str]]] | None = None
    """The values of each field in a document, whose distributions `tct eval` compares;
    None for the choices that the schema lists."""
    programs: tuple[str, ...] = ()
    """Judges that are programs; see `trainer/evaluation/programs.py`."""
    rules: tuple[Rules, ...] = ("schema",)
    """What generated documents can keep to, the default first."""
    has_shortcuts: bool = False
    """Whether `tct generate` takes --name, --on and --runs-on."""

    @property
    def many(self) -> str:
        """What several are called."""
        return f"{self.one}s"

    def pick_rules(self, asked: Rules | None) -> Rules:
        """The rules that were asked for, or else the default.

        Raises:
            ConfigError: this kind has no such rules.
        """
        if asked is None:
            return self.rules[0]
        if asked not in self.rules:
            raise ConfigError(
                f"--rules {asked}: found {self.many} of the schema {self.name!r}, "
                "expected GitHub Actions workflows, which alone have these rules",
                "leave --rules out",
            )
        return asked

    def write(self, value: Json) -> str:
        """A document as people write it, ending in a newline."""
        if self.format == "json":
            return dump(value, indent=2) + "\n"
        return to_yaml(value, bare_keys=self.bare_keys)


def of_schema(name: str, schema: dict[str, Any], style: Format) -> Kind:
    """The kind of all documents of a schema.

    Args:
        name: of the schema.
        schema: as its author wrote it.
        style: the language of the documents.
    """
    return Kind(
        name=name,
        title=f"documents of the schema {name}",
        schema=lambda: schema,
        origin=f"schema {name} of the tokenizer",
        format=style,
    )
