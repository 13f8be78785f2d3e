"""What expressions of Python say of commands: the words of lists, the text of strings.

Nothing is run. A name stands for what its function, or else the file, assigns to it once; one that
a loop over literals binds, for each of them.
"""

from __future__ import annotations

import ast
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import field
from itertools import islice, product

import libcst as cst

from forgather_lint.core.record import record
from forgather_lint.core.source import Position
from forgather_lint.core.words import Word, Words
from forgather_lint.documents.commands.bindings import Bindings, Scope
from forgather_lint.documents.commands.located import Located
from forgather_lint.documents.python import PythonFile

DEEPEST = 8
"""How many names and parts an expression is followed through."""
MOST_TURNS = 64
HOLE = "${}"
"""What stands for an unknown part of a text, which is then read as a script."""


@record(frozen=False)
class Reader:
    """Reads the expressions of one file.

    `chosen` has what names of loops stand for in this turn, `met` those that were asked for.
    """

    file: PythonFile
    names: Bindings
    chosen: Mapping[str, cst.BaseExpression] = field(default_factory=dict)
    met: dict[str, list[cst.BaseExpression]] = field(default_factory=dict)

    def each_turn(self, scope: Scope, value: cst.BaseExpression) -> Iterator[Reader]:
        """This reader, once for each turn of the loops whose names are in `value`."""
        first = Reader(self.file, self.names)
        first.words(scope, value)
        first.text(scope, value)
        over = dict(islice(first.met.items(), 3))
        for turn in islice(product(*over.values()), MOST_TURNS):
            yield Reader(self.file, self.names, dict(zip(over, turn, strict=True)))

    def words(self, scope: Scope, value: cst.BaseExpression, depth: int = 0) -> Words | None:
        """The words of a list of arguments; None where the expression is none."""
        if depth > DEEPEST:
            return None
        if isinstance(value, cst.Name):
            meant = self._meant(scope, value)
            return None if meant is None else self.words(*meant, depth + 1)
        if isinstance(value, cst.List | cst.Tuple):
            return tuple(
                word for each in value.elements for word in self._element(scope, each, depth)
            )
        if (sides := summands(value)) is not None:
            parts = [self.words(scope, each, depth + 1) for each in sides]
            if all(part is None for part in parts):
                return None
            given = zip(parts, sides, strict=True)
            return tuple(
                word
                for part, side in given
                for word in (part if part is not None else (self._unknown(side),))
            )
        if isinstance(value, cst.Call):
            return self._made(scope, value, depth)
        return None

    def _made(self, scope: Scope, value: cst.Call, depth: int) -> Words | None:
        """`shlex.split(text)`, `text.split()`, `" ".join(words)`."""
        named = value.func.attr.value if isinstance(value.func, cst.Attribute) else ""
        given = value.args[0].value if value.args else None
        if named == "join" and given is not None:
            return self.words(scope, given, depth + 1)
        if named == "split" and isinstance(value.func, cst.Attribute):
            text = self.text(scope, value.func.value, depth + 1)
            if _is_name(value.func.value, "shlex") and given is not None:
                text = self.text(scope, given, depth + 1)
            return None if text is None else _split(text)
        return None

    def _element(self, scope: Scope, element: cst.BaseElement, depth: int) -> Iterator[Word]:
        if isinstance(element, cst.StarredElement):
            inner = self.words(scope, element.value, depth + 1)
            yield from inner if inner is not None else (self._unknown(element.value),)
            return
        yield self.word(scope, element.value, depth)

    def word(self, scope: Scope, value: cst.BaseExpression, depth: int = 0) -> Word:
        """The word that the expression is."""
        span = self.file.span(value)
        text = self.text(scope, value, depth)
        if text is None:
            return Word(None, span)
        if HOLE in text.text:
            return Word(None, span, beginning=text.text.partition(HOLE)[0])
        return Word(text.text, span)

    def _unknown(self, value: cst.CSTNode) -> Word:
        return Word(None, self.file.span(value), several=True)

    def text(self, scope: Scope, value: cst.BaseExpression, depth: int = 0) -> Located | None:
        """The text that the expression is, with holes; None where nothing of it is known."""
        if depth > DEEPEST:
            return None
        if isinstance(value, cst.Name):
            meant = self._meant(scope, value)
            return None if meant is None else self.text(*meant, depth + 1)
        if (sides := summands(value)) is not None:
            found = [self.text(scope, each, depth + 1) for each in sides]
            return None if all(side is None for side in found) else self._joined(value, found)
        if isinstance(value, cst.FormattedString):
            filled = [self._filled(scope, each, depth) for each in value.parts]
            return self._joined(value, filled)
        if isinstance(value, cst.Call) and _is_name(value.func, "str") and len(value.args) == 1:
            return self.text(scope, value.args[0].value, depth + 1)
        return self._literal(value)

    def _filled(
        self, scope: Scope, part: cst.BaseFormattedStringContent, depth: int
    ) -> Located | None:
        if isinstance(part, cst.FormattedStringText):
            plain = part.value.replace("{{", "{").replace("}}", "}")
            as_it_is = plain == part.value and "\\" not in plain
            return self._string(part, plain, plain) if as_it_is else self._at(part, plain)
        is_plain = isinstance(part, cst.FormattedStringExpression) and not (
            part.format_spec or part.conversion or part.equal
        )
        if isinstance(part, cst.FormattedStringExpression) and is_plain:
            found = self.text(scope, part.expression, depth + 1)
            return None if found is None else self._at(part, found.text)
        return None

    def _joined(self, value: cst.CSTNode, parts: list[Located | None]) -> Located:
        known = [part if part is not None else self._at(value, HOLE) for part in parts]
        text = "".join(part.text for part in known)
        return Located(self.file.path, text, tuple(at for part in known for at in part.at))

    def _at(self, node: cst.CSTNode, text: str) -> Located:
        """`text`, all of it where `node` begins."""
        start = self.file.span(node).start
        return Located(self.file.path, text, (start,) * len(text))

    def _literal(self, value: cst.BaseExpression) -> Located | None:
        code = cst.Module([]).code_for_node(value).strip()
        try:
            meant = ast.literal_eval(code)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            return None
        if isinstance(meant, str):
            return self._string(value, code, meant)
        if isinstance(meant, bool) or not isinstance(meant, int | float):
            return None
        return self._at(value, repr(meant))

    def _string(self, value: cst.CSTNode, code: str, meant: str) -> Located:
        """The text of a string; each character at its place, if it is written as it is."""
        opening = code.find(meant) if meant else -1
        if opening < 0:
            return self._at(value, meant)
        row, column = self.file.span(value).start
        places: list[Position] = []
        for letter in code[: opening + len(meant)]:
            places.append(Position(row, column))
            row, column = (row + 1, 1) if letter == "\n" else (row, column + 1)
        return Located(self.file.path, meant, tuple(places[opening:]))

    def _meant(self, scope: Scope, name: cst.Name) -> tuple[Scope, cst.BaseExpression] | None:
        if name.value in self.chosen:
            return scope, self.chosen[name.value]
        over = self.names.turns(scope, name.value)
        if over:
            self.met[name.value] = over
            return None
        return self.names.meant(scope, name.value)


def summands(value: cst.BaseExpression) -> list[cst.BaseExpression] | None:
    """The parts of `a + b + c` or of adjacent strings; None for any other expression."""
    found: list[cst.BaseExpression] = []
    waiting = [value]
    while waiting:
        here = waiting.pop()
        adds = isinstance(here, cst.BinaryOperation) and isinstance(here.operator, cst.Add)
        if isinstance(here, cst.ConcatenatedString) or (
            isinstance(here, cst.BinaryOperation) and adds
        ):
            waiting += (here.right, here.left)
        else:
            found.append(here)
    return found if len(found) > 1 else None


def _is_name(node: cst.BaseExpression, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name


def _split(text: Located) -> Words | None:
    """The words as `shlex.split` and `str.split` find them."""
    from forgather_lint.documents.commands.shell import commands

    try:
        shlex.split(text.text)
    except ValueError:
        return None
    found = [word for command in commands(text) for word in command.words]
    return tuple(found)
