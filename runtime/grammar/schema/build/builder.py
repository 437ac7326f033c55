"""Nodes of formulas: per type, direct nodes where rules say it all, a Boolean node where they do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, NamedTuple

from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.boolean_formula import (
    FALSE,
    TRUE,
    All,
    Constant,
    Formula,
    Not,
    One,
    Some,
    all_of,
    negation,
    one_of,
    some_of,
)
from agentfast.runtime.grammar.automaton.nodes import Operand
from agentfast.runtime.grammar.automaton.whitespace import Gaps
from agentfast.runtime.grammar.numbers.number import Bounds, number_node
from agentfast.runtime.grammar.progress import report
from agentfast.runtime.grammar.schema.build.arrays import array_node
from agentfast.runtime.grammar.schema.build.mode import Mode, Side
from agentfast.runtime.grammar.schema.build.objects import closed_rules, object_node, subschemas_of
from agentfast.runtime.grammar.schema.build.unique_keys import unique_keys_node
from agentfast.runtime.grammar.schema.build.values import (
    any_value,
    booleans_node,
    language_node,
    language_of,
    numbers_node,
    string_node,
)
from agentfast.runtime.grammar.schema.reader import Reader
from agentfast.runtime.grammar.schema.rules.alternatives import (
    alternatives,
    conjunction,
    distributed,
    pairwise,
    project,
)
from agentfast.runtime.grammar.schema.rules.by_type import (
    ANYTHING,
    KINDS,
    ArrayRules,
    NumberRules,
    ObjectRules,
    Rules,
    StringRules,
)
from agentfast.runtime.grammar.schema.rules.subschemas import Subschemas
from agentfast.runtime.grammar.strings.language import StringLanguage

_MAX_NESTING: Final = 24
"""Schemas inside each other that are built at once; deeper ones wait, so that Python's stack does not run out."""
_REPORTED: Final = 100
"""Schemas between two reports of progress."""
_LOOK_AHEAD: Final = 3
"""Levels inside values that are looked at to tell two schemas apart."""


class _Key(NamedTuple):
    subschemas: Subschemas
    mode: Mode


class Builder:
    """Builds the nodes of one document; each set of conditions once."""

    def __init__(self, reader: Reader, gaps: Gaps, digest: str) -> None:
        """
        Args:
            digest: identifies the document and how it is read, for the names of recursive rules.
        """
        self.reader = reader
        self.gaps = gaps
        self.digest = digest
        self._rules: dict[_Key, nodes.Rule] = {}
        self._finished: dict[_Key, nodes.Node] = {}
        self._recursive: set[_Key] = set()
        self._nesting = 0
        self._waiting: list[_Key] = []

    def document(self, mode: Mode, path: str = "") -> nodes.Node:
        """The node of the whole schema, or of the one at a pointer."""
        root = self.reader.root()
        node = self.value((self.reader.enter(path, root.scope) if path else root,), mode)
        while self._waiting:
            self._build(self._waiting.pop())
        return node

    def value(self, subschemas: Subschemas, mode: Mode) -> nodes.Node:
        """Values that meet all of the subschemas."""
        key = _Key(subschemas, mode)
        if key in self._finished:
            return self._finished[key]
        if key in self._rules:
            self._recursive.add(key)
            return nodes.Reference(self._rules[key])
        formula = self.formula(subschemas)
        if isinstance(formula, Constant):
            return any_value(self.gaps, mode.encoding) if formula.value else nodes.NOTHING
        self._rules[key] = nodes.Rule(f"{self.digest} {key!r}")
        if self._nesting >= _MAX_NESTING:
            self._recursive.add(key)
            self._waiting.append(key)
            return nodes.Reference(self._rules[key])
        return self._build(key)

    def _build(self, key: _Key) -> nodes.Node:
        self._nesting += 1
        nesting = self._nesting
        rule = self._rules[key]
        formula = self.formula(key.subschemas)
        parts = [self._kind(kind, formula, key.mode) for kind in KINDS]
        parts = [part for part in parts if part != nodes.NOTHING]
        rule.body = parts[0] if len(parts) == 1 else nodes.Choice(parts)
        if len(self._finished) % _REPORTED == 0:
            report(len(self._finished), None, "schemas")
        self._nesting = nesting - 1
        self._finished[key] = nodes.Reference(rule) if key in self._recursive else rule.body
        return self._finished[key]

    def formula(self, subschemas: Subschemas) -> Formula:
        """All of the subschemas as one formula."""
        return all_of(self.reader.formula(subschema) for subschema in subschemas)

    def _kind(self, kind: str, formula: Formula, mode: Mode) -> nodes.Node:
        """The node of the formula for values of one type."""
        found = project(formula, kind, closed=mode.closed)
        match kind:
            case "null":
                return nodes.Literal(b"null") if found == TRUE else nodes.NOTHING
            case "boolean":
                return booleans_node(found)
            case "string":
                return self._strings(found, mode)
            case _:
                return self._combined(kind, found, mode)

    def _strings(self, formula: Formula, mode: Mode) -> nodes.Node:
        if formula == FALSE:
            return nodes.NOTHING
        words = formula.words if isinstance(formula, StringRules) else None
        if words and isinstance(formula, StringRules) and not formula.parts and mode.encoding == "canonical":
            return nodes.Choice(string_node(word, "canonical") for word in sorted(words))
        language = self.strings(formula)
        return nodes.NOTHING if language.is_empty else language_node(language, mode.encoding, formula)

    def strings(self, formula: Formula) -> StringLanguage:
        """The strings that a formula over `StringRules` allows."""
        match formula:
            case StringRules():
                return language_of(formula)
            case All():
                found = StringLanguage.anything()
                for part in formula.parts:
                    found &= self.strings(part)
                return found
            case Some():
                found = StringLanguage.words(())
                for part in formula.parts:
                    found |= self.strings(part)
                return found
            case One():
                none, one = StringLanguage.anything(), StringLanguage.words(())
                for part in formula.parts:
                    language = self.strings(part)
                    none, one = none & ~language, (one & ~language) | (none & language)
                return one
            case Not():
                return ~self.strings(formula.part)
            case _:
                return StringLanguage.anything() if formula == TRUE else StringLanguage.words(())

    def _combined(self, kind: str, formula: Formula, mode: Mode) -> nodes.Node:
        """Numbers, objects and arrays: a choice of alternatives, those that are more than rules under a Boolean node."""
        if mode.closed:
            formula = distributed(formula)
        found = alternatives(formula, lambda parts: self.exclusive(parts, mode), closed=mode.closed)
        direct = [
            self._rules_node(kind, alternative.rules, mode) for alternative in found if not alternative.hard
        ]
        by_hard: dict[tuple[Formula, ...], list[nodes.Node]] = {}
        for alternative in found:
            if alternative.hard:
                by_hard.setdefault(alternative.hard, []).append(
                    self._rules_node(kind, alternative.rules, mode)
                )
        for hard, bases in by_hard.items():
            base = bases[0] if len(bases) == 1 else nodes.Choice(bases)
            direct.append(self._boolean(kind, base, hard, mode))
        direct = [node for node in direct if node != nodes.NOTHING]
        return direct[0] if len(direct) == 1 else nodes.Choice(direct)

    def _boolean(self, kind: str, base: nodes.Node, hard: tuple[Formula, ...], mode: Mode) -> nodes.Node:
        """Boolean node of the words of `base` that meet formulas; each leaf becomes an operand."""
        if base == nodes.NOTHING:
            return base
        operands = [base]
        if kind == "number" and mode.encoding == "canonical":
            operands.append(number_node(Bounds(), encoding="any"))
        elif kind != "number":
            unique = unique_keys_node(self, hard, kind)
            operands += [] if unique is None else [unique]
        always = [Operand(index) for index in range(len(operands))]

        def operand(leaf: Rules, side: Side) -> Formula:
            operands.append(self._rules_node(kind, leaf, mode.operand(side)))
            return Operand(len(operands) - 1)

        truth = all_of([*always, *(_replaced(part, operand, Side()) for part in hard)])
        return nodes.Boolean(operands, truth)

    def _rules_node(self, kind: str, rules: Rules | None, mode: Mode) -> nodes.Node:
        match ANYTHING[kind] if rules is None else rules:
            case ObjectRules() as found:
                return object_node(self, found, mode)
            case ArrayRules() as found:
                return array_node(self, found, mode)
            case NumberRules() as found:
                return numbers_node(found, mode.encoding)
            case found:
                raise AssertionError(f"no node for {found!r}")

    def exclusive(self, parts: tuple[Formula, ...], mode: Mode) -> bool:
        """Test whether no value meets two of the formulas, all over the rules of one type."""

        def exclude(a: Formula, b: Formula) -> bool:
            both = conjunction([self._closed(a, mode), self._closed(b, mode)])
            return self._is_nothing(both, _LOOK_AHEAD, mode)

        return all(pairwise(group, exclude) for group in self._same_tag(parts, mode))

    def _same_tag(self, parts: tuple[Formula, ...], mode: Mode) -> Iterable[tuple[Formula, ...]]:
        """Groups outside of which no two formulas have a value in common.

        Where all ask for a member that is one of few strings, as a discriminator is, those that share a string.
        """
        rules = [part for part in parts if isinstance(part, ObjectRules)]
        if len(rules) < max(len(parts), 3):
            return [parts]
        for name in rules[0].required:
            tags = [self._words(part, name, mode) if name in part.required else None for part in rules]
            groups: dict[str, list[Formula]] = {}
            for part, words in zip(rules, tags, strict=True):
                for word in words or ():
                    groups.setdefault(word, []).append(part)
            if all(words is not None for words in tags):
                return [tuple(group) for group in groups.values()]
        return [parts]

    def _words(self, rules: ObjectRules, name: str, mode: Mode) -> frozenset[str] | None:
        """The strings that a member may be, None if it may be something else."""
        formula = self.formula(subschemas_of(rules, name))
        found = project(formula, "string", closed=mode.closed)
        others = (project(formula, kind, closed=mode.closed) for kind in KINDS if kind != "string")
        if not isinstance(found, StringRules) or any(other != FALSE for other in others):
            return None
        return found.words

    def _closed(self, formula: Formula, mode: Mode) -> Formula:
        """The formula with objects closed, where the mode says so."""
        if not mode.closed:
            return formula
        match formula:
            case ObjectRules():
                return closed_rules(formula)
            case All():
                return conjunction(self._closed(part, mode) for part in formula.parts)
            case Some():
                return replace(formula, parts=tuple(self._closed(part, mode) for part in formula.parts))
            case _:
                return formula

    def _is_nothing(self, formula: Formula, levels: int, mode: Mode) -> bool:
        """Test whether a formula over the rules of one type plainly has no values."""
        found = alternatives(formula, lambda _: False)
        return all(
            alternative.rules is not None and self._is_empty(alternative.rules, levels, mode)
            for alternative in found
        )

    def _is_empty(self, rules: Rules, levels: int, mode: Mode) -> bool:
        match rules:
            case StringRules():
                return bool(rules.parts) and language_of(rules).is_empty
            case ObjectRules():
                return levels > 0 and any(
                    self.has_no_values(subschemas_of(rules, name), levels - 1, mode)
                    for name in rules.required
                )
            case ArrayRules():
                return levels > 0 and any(
                    self.has_no_values(subschemas, levels - 1, mode)
                    for subschemas in rules.prefix[: rules.least]
                )
            case _:
                return False

    def has_no_values(self, subschemas: Subschemas, levels: int, mode: Mode) -> bool:
        """Test whether the subschemas plainly exclude each other."""
        formula = self.formula(subschemas)
        if isinstance(formula, Constant):
            return not formula.value
        return all(
            self._is_nothing(project(formula, kind, closed=mode.closed), levels, mode) for kind in KINDS
        )


def _replaced(formula: Formula, operand: Callable[[Rules, Side], Formula], side: Side) -> Formula:
    """The formula with its leaves made operands."""

    def same(parts: Iterable[Formula], at: Side = side) -> Iterable[Formula]:
        return (_replaced(part, operand, at) for part in parts)

    match formula:
        case Rules():
            return operand(formula, side)
        case All():
            return all_of(same(formula.parts))
        case Some():
            return some_of(same(formula.parts))
        case One():
            # Its alternatives are whole schemas, so they may be closed; under a negation nothing is.
            whole = side.closed or (side.positive and not side.negative)
            return one_of(same(formula.parts, Side(positive=True, negative=True, closed=whole)))
        case Not():
            return negation(_replaced(formula.part, operand, Side(side.negative, side.positive)))
        case _:
            return formula
