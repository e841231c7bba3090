"""Turn the alternatives of an object into the branches of a node."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from interegular.fsm import FSM

from ...data.errors import SchemaError
from ...data.tokenizer.grammar import NO_NODE, Branch
from .clauses import Clause
from .keywords import Keywords, pattern_at
from .languages.algebra import trie
from .languages.automata import few_words, regions
from .pointers import quoted, resolve

__all__ = ["Objects"]


@dataclass(frozen=True, kw_only=True)
class Objects:
    """Makes branches."""

    keywords: Keywords
    node: Callable[[frozenset[str]], int]
    """Makes the node of the values for which the schemas at some pointers hold."""
    pointers: Sequence[frozenset[str]]
    """The schema positions of each node."""
    spelled: frozenset[str]
    """Known keys that are no symbol of their own."""

    def branches(
        self, clauses: list[Clause], where: str
    ) -> tuple[tuple[Branch, ...], list[FSM]]:
        """The branches of a node, and the languages of its free keys by label."""
        patterns = self.keywords.patterns(clauses)
        known = self.keywords.known_keys(clauses)
        for language in patterns.values():
            known |= few_words(language)
        try:
            free = list(regions(patterns, known))
        except ValueError as error:
            raise SchemaError(f"{where}: {error}") from error
        hits = [hit for hit, _ in free]
        spelled = sorted(known & self.spelled)
        found = [
            (clause, branch)
            for clause in clauses
            if (branch := self._branch(clause, known - self.spelled, hits, spelled))
        ]
        kept = []
        for clause, branch in found:
            rivals = [(c, other) for c, other in found if clause.excludes(c)]
            shared = [c for c, other in rivals if not self._disjoint(branch, other)]
            if shared and not branch.is_checked:
                one_of = clause.excludes(shared[0])
                note = "checked when a document is encoded; no object is written"
                self.keywords.notes.append(f"{one_of}: objects may overlap; {note}")
                branch = replace(branch, is_checked=True, safe_keys=None)
            kept += self._with_room(branch, clause, len(hits))
        kept.sort(key=lambda branch: branch.is_checked)
        languages = [language for _, language in free]
        return tuple(kept), languages + [trie([key]) for key in spelled]

    def _disjoint(self, a: Branch, b: Branch) -> bool:
        """Whether no object can be in both branches; False if that is hard to tell."""
        if a.required - b.properties.keys() or b.required - a.properties.keys():
            return True
        for key in a.required & b.required:
            in_a = self.keywords.words(self.pointers[a.properties[key]])
            in_b = self.keywords.words(self.pointers[b.properties[key]])
            if in_a is not None and in_b is not None and not in_a & in_b:
                return True
        return False

    def _branch(
        self,
        clause: Clause,
        known: set[str],
        regions: list[frozenset[str]],
        spelled: list[str],
    ) -> Branch | None:
        properties = self._properties(clause, known)
        others = self._properties(clause, set(spelled))
        required = clause.required | {
            key for keys in self.keywords.each(clause, "required") for key in keys
        }
        if not required <= properties.keys():
            return None
        allowed = {f"\0{pointer}" for pointer in self.keywords.names(clause)}
        return Branch(
            properties=properties,
            free=(
                *(
                    self._child(clause, None, hit) if allowed <= hit else NO_NODE
                    for hit in regions
                ),
                *(others.get(key, NO_NODE) for key in spelled),
            ),
            required=frozenset(required),
            min_properties=self.keywords.least(clause, "minProperties"),
            max_properties=self.keywords.most(clause, "maxProperties"),
            is_checked=bool(clause.doubts_about("object")),
            safe_keys=_safe_keys(clause),
        )

    def _properties(self, clause: Clause, keys: set[str]) -> dict[str, int]:
        """The nodes of the values of known keys, without forbidden ones."""
        names = self.keywords.names(clause).values()
        properties = {}
        for key in sorted(keys - clause.forbidden):
            if all(name.accepts(key) for name in names):
                child = self._child(clause, key, None)
                if child >= 0:
                    properties[key] = child
        return properties

    def _with_room(
        self, branch: Branch, clause: Clause, num_regions: int
    ) -> list[Branch]:
        """Narrow a branch with `maxProperties`, so that required keys always fit.

        The grammar counts keys, but not how many required ones are still missing; an
        object could be full without them.  So keep only as many optional keys as there
        is room for.  A free key of a region may come more than once, each time another
        text; a spelled one, after the regions, is one key.
        """
        most = branch.max_properties
        if most is None:
            return [branch]
        room = most - len(branch.required)
        if room < 0 or most < branch.min_properties:
            return []
        if not branch.required:
            return [branch]
        optional = sorted(branch.properties.keys() - branch.required)
        spelled = [n for n in range(len(branch.free)) if branch.free[n] >= 0]
        is_open = any(n < num_regions for n in spelled)
        spelled = [n for n in spelled if n >= num_regions]
        if len(optional) + len(spelled) > room or is_open:
            for pointer, part in self.keywords.atoms(clause):
                if "maxProperties" in part:
                    where = f"{pointer}/maxProperties"
                    self.keywords.notes.append(
                        f"{where}: some optional keys are left out"
                    )
        fitting = branch.required | set(optional[:room])
        properties = {k: c for k, c in branch.properties.items() if k in fitting}
        last = spelled[: max(0, room - len(optional))]
        free = tuple(c if n in last else NO_NODE for n, c in enumerate(branch.free))
        return [replace(branch, properties=properties, free=free, max_properties=None)]

    def _child(
        self, clause: Clause, key: str | None, hit: frozenset[str] | None
    ) -> int:
        """The node of the values of a known `key`, or of the keys in region `hit`."""
        pointers = set()
        for pointer, part in self.keywords.atoms(clause):
            rules = []
            if key is not None and key in part.get("properties", {}):
                rules.append(f"{pointer}/properties/{quoted(key)}")
            for pattern in part.get("patternProperties", {}):
                matches = (
                    pattern_at(pattern, pointer).accepts(key)
                    if key is not None
                    else pattern in (hit or ())
                )
                if matches:
                    rules.append(f"{pointer}/patternProperties/{quoted(pattern)}")
            if not rules and "additionalProperties" in part:
                rules.append(f"{pointer}/additionalProperties")
            pointers.update(rules)
        if any(resolve(self.keywords.schema, pointer) is False for pointer in pointers):
            return NO_NODE
        return self.node(frozenset(pointers))


def _safe_keys(clause: Clause) -> frozenset[str] | None:
    """The keys that are surely allowed in spite of doubts; None if none is."""
    doubts = clause.doubts_about("object")
    if not doubts or any(doubt.kind != "keys" for doubt in doubts):
        return None
    return frozenset.intersection(*(frozenset(doubt.keys) for doubt in doubts))
