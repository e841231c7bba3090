"""Read the plain keywords of clauses: constants, strings, numbers, limits and keys."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import or_
from typing import Any

from interegular.fsm import FSM

from ...data.documents.json_text import Json
from ...data.errors import SchemaError
from ...data.schema import Validator
from .clauses import Clause
from .doubts import Doubt
from .expansion import expand, has_siblings, siblings_of_ref
from .languages.algebra import product, trie
from .languages.automata import ANYTHING, NOTHING, Strings, of_length
from .languages.numbers import (
    is_bounded,
    listed_numbers,
    loses_exponents,
    multiples,
    number_texts,
)
from .languages.patterns import ecma_pattern
from .pointers import resolve

__all__ = ["Keywords", "pattern_at"]


@dataclass(frozen=True)
class Keywords:
    """Reads the keywords of a schema's clauses."""

    schema: Any
    notes: list[str]
    """Gets a line for everything that is narrowed."""
    draft: int
    """4, 6, 7, 2019 or 2020."""

    def atoms(self, clause: Clause) -> list[tuple[str, dict[str, Any]]]:
        """The schemas of a clause, with their JSON pointers."""
        return [(pointer, resolve(self.schema, pointer)) for pointer in clause.atoms]

    def each(self, clause: Clause, keyword: str) -> list[Any]:
        """The values of a keyword, from the schemas that have it."""
        return [part[keyword] for _, part in self.atoms(clause) if keyword in part]

    def least(self, clause: Clause, keyword: str) -> int:
        """The lower limit of a keyword such as `minItems`; 0 if there is none."""
        return int(max(self.each(clause, keyword), default=0))

    def most(self, clause: Clause, keyword: str) -> int | None:
        """The upper limit of a keyword such as `maxItems`; None if there is none."""
        limits = self.each(clause, keyword)
        return int(min(limits)) if limits else None

    def enums(self, clause: Clause) -> list[list[Any]]:
        """The lists that all must hold the value; `const` is a list of one."""
        return [
            *self.each(clause, "enum"),
            *([value] for value in self.each(clause, "const")),
        ]

    def allows(self, clause: Clause, value: bool | None) -> bool:
        """Whether null, true or false is allowed."""
        name = "null" if value is None else "boolean"
        return name in clause.types and all(
            any(value is item for item in values) for values in self.enums(clause)
        )

    def note(self, clause: Clause) -> None:
        """Note doubts, and siblings of `$ref`, which older drafts ignore."""
        for pointer, part in self.atoms(clause):
            if self.draft < 2019 and has_siblings(part):
                self.notes.append(f"{pointer}/$ref: what is beside it applies, too")
        for doubt in sorted(clause.doubts):
            if doubt.type in ("null", "boolean"):
                continue  # so few values that the compiler checks them
            written = _WRITTEN.get(doubt.kind, f"no {doubt.type} is written")
            note = f"{doubt.pointer}: checked when a document is encoded; {written}"
            self.notes.append(note)

    def with_doubts(self, clauses: list[Clause]) -> list[Clause]:
        """Doubt, in alternatives of `oneOf`, the JSON types that two of them allow.

        A value of such a type may match both, which `oneOf` forbids.  For strings and
        objects the compiler determines more exactly what two alternatives share.
        """
        result = []
        for clause in clauses:
            doubts = set(clause.doubts)
            for other in clauses:
                if one_of := clause.excludes(other):
                    shared = clause.types & other.types - {"string", "object"}
                    doubts |= {Doubt(name, one_of) for name in shared}
            result.append(replace(clause, doubts=frozenset(doubts)))
        return sorted(result, key=lambda clause: bool(clause.doubts))

    def is_valid(self, pointers: Iterable[str], value: Json) -> bool:
        """Whether a value satisfies the schemas at all pointers."""
        return all(self._validator.allows(pointer, value) for pointer in pointers)

    @cached_property
    def _validator(self) -> Validator:
        def matches(pattern: str, text: str) -> bool:
            return bool(pattern_at(pattern, "").accepts(text))

        return Validator(self.schema, matches, draft=self.draft)

    # -- strings -----------------------------------------------------------------------

    def strings(self, clause: Clause) -> Strings:
        """The strings that a clause allows."""
        if "string" not in clause.types:
            return NOTHING
        strings = ANYTHING
        for values in self.enums(clause):
            words = frozenset(value for value in values if isinstance(value, str))
            strings = strings & Strings(words=words)
        for pointer, part in self.atoms(clause):
            strings = strings & _text_rules(pointer, part)
        for pointer in clause.denied:
            part = resolve(self.schema, pointer)
            listed = [*part.get("enum", ()), part.get("const")]
            words = frozenset(value for value in listed if isinstance(value, str))
            if "enum" in part and "const" in part:
                words &= {part["const"]} & {*filter(_is_text, part["enum"])}
            strings = strings - Strings(words=words)
        return strings

    def words(self, pointers: frozenset[str]) -> frozenset[str] | None:
        """A superset of the values of schemas that only allow listed strings.

        None for other schemas, and if draft-07 would allow more: see `siblings_of_ref`.
        """
        if any(siblings_of_ref(self.schema, pointer) for pointer in pointers):
            return None
        clauses = expand(self.schema, pointers)
        sets = [self.strings(clause) for clause in clauses]
        if any(clause.types != {"string"} for clause in clauses) or any(
            strings.language is not None for strings in sets
        ):
            return None
        return frozenset(word for strings in sets for word in strings.words)

    # -- numbers -----------------------------------------------------------------------

    def numbers(self, clause: Clause) -> FSM | None:
        """The texts of the numbers that a clause allows; None if it allows none."""
        if "number" not in clause.types:
            return None
        atoms = self.atoms(clause)
        rules = [part for _, part in atoms]
        enums = self.enums(clause)
        if enums:
            listed = listed_numbers(enums, rules, strict=self.draft == 4)
            if not all(listed.values()):
                where = next(p for p, part in atoms if part.keys() & {"enum", "const"})
                self.notes.append(f"{where}: long numbers in an enum are left out")
            words = [text for texts in listed.values() for text in texts]
            return trie(words) if words else None
        if loses_exponents(rules):
            where = next(pointer for pointer, part in atoms if is_bounded(part))
            self.notes.append(f"{where}: some bounded numbers have no exponent")
        texts = number_texts(rules, strict=self.draft == 4)
        return texts if texts.finals else None

    def multiples(self, clause: Clause) -> FSM | None:
        """The texts of numbers that surely satisfy each `multipleOf` of a clause."""
        texts = self.numbers(clause)
        for divisor in self.each(clause, "multipleOf"):
            found = multiples(divisor)
            if texts is None or found is None:
                return None
            texts = product(texts, found, lambda a, b: a and b)
        return None if texts is None or not texts.finals else texts

    # -- keys --------------------------------------------------------------------------

    def patterns(self, clauses: list[Clause]) -> dict[str, FSM]:
        """The languages of all `patternProperties`."""
        found = {
            pattern: pattern_at(pattern, pointer)
            for clause in clauses
            for pointer, part in self.atoms(clause)
            for pattern in part.get("patternProperties", {})
        }
        for clause in clauses:
            # A pointer cannot be taken for a pattern.
            names = self.names(clause)
            found |= {f"\0{pointer}": names[pointer] for pointer in names}
        return found

    def names(self, clause: Clause) -> dict[str, FSM]:
        """The keys that each `propertyNames` allows, by its pointer."""
        found = {}
        for pointer, part in self.atoms(clause):
            if "propertyNames" in part:
                place = f"{pointer}/propertyNames"
                allowed = reduce(
                    or_, map(self.strings, expand(self.schema, [place])), NOTHING
                )
                language = trie(allowed.words)
                if allowed.language is not None:
                    language = product(language, allowed.language, lambda a, b: a or b)
                found[place] = language
        return found

    def known_keys(self, clauses: list[Clause]) -> set[str]:
        """All keys that the clauses name."""
        keys: set[str] = set()
        for clause in clauses:
            keys |= clause.required | clause.forbidden
            for _, part in self.atoms(clause):
                keys |= {*part.get("properties", ()), *part.get("required", ())}
        return keys


_WRITTEN = {
    "unique": "no array of more than one item is written",
    "tuple": "no array with items is written",
    "multiple": "perhaps not all multiples are written",
    "keys": "no keys are written that only it allows",
}


def _is_text(value: Json) -> bool:
    return isinstance(value, str)


def _text_rules(pointer: str, part: dict[str, Any]) -> Strings:
    """The strings that `pattern`, `minLength` and `maxLength` allow."""
    strings = ANYTHING
    if "pattern" in part:
        strings = strings & Strings(language=pattern_at(part["pattern"], pointer))
    least, most = part.get("minLength", 0), part.get("maxLength")
    if least or most is not None:
        try:
            lengths = of_length(int(least), most if most is None else int(most))
        except ValueError as error:
            raise SchemaError(f"{pointer}: {error}") from error
        strings = strings & Strings(language=lengths)
    return strings


def pattern_at(pattern: str, pointer: str) -> FSM:
    """The strings that match a pattern of the schema at a pointer.

    Raises:
        SchemaError: the pattern is not supported.
    """
    try:
        return ecma_pattern(pattern)
    except ValueError as error:
        raise SchemaError(f"{pointer}: {error}") from error
