"""Commands in Python: lists of arguments and texts for a shell, as `subprocess` takes them.

Nothing is run. A list is a command wherever it stands, as nothing else begins with the names of an
engine; a text is one only where it is handed to what runs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from forgather_lint.core.words import Word, Words
from forgather_lint.documents.commands.bindings import Code, Scope
from forgather_lint.documents.commands.expressions import HOLE, Reader
from forgather_lint.documents.commands.found import Launch, ServingCommand, serving
from forgather_lint.documents.commands.located import Located
from forgather_lint.documents.commands.shell import Command
from forgather_lint.documents.commands.texts import in_script
from forgather_lint.documents.walk import descendants

_RUN = frozenset(
    "run Popen call check_call check_output getoutput getstatusoutput system popen split "
    "create_subprocess_shell".split()
)
"""What runs the text of a command, or splits it: of `subprocess`, `os`, `asyncio`, `shlex`."""
_SPREAD = frozenset({"create_subprocess_exec"})
"""What takes the words as arguments of its own."""


def commands_in_code(code: Code, launch: Launch) -> Iterator[ServingCommand]:
    """The commands that the code of a file builds."""
    yield from _Finder(code, launch).found()


class _Finder:
    def __init__(self, code: Code, launch: Launch) -> None:
        self.file, self.launch = code.file, launch
        self.nodes, self.scopes = code.nodes, code.scopes
        self.reader = Reader(code.file, code.names)
        self.done: set[cst.CSTNode] = set()

    def found(self) -> Iterator[ServingCommand]:
        for node in self.nodes:
            if isinstance(node, cst.Module | cst.IndentedBlock):
                yield from self._assigned(node.body)
        for node in self.nodes:
            if node in self.done:
                continue
            if isinstance(node, cst.Call):
                yield from self._run(node)
            elif isinstance(node, cst.List | cst.Tuple | cst.BinaryOperation):
                yield from self._words(node, self.scopes.get(node))

    def _assigned(self, body: Sequence[cst.CSTNode]) -> Iterator[ServingCommand]:
        """The lists that statements assign, with what those behind them add."""
        for index, statement in enumerate(body):
            made = _assignment(statement)
            if made is None:
                continue
            name, value = made
            scope = self.scopes.get(value)
            for reader in self.reader.each_turn(scope, value):
                words = reader.words(scope, value)
                if words is None:
                    break
                added = tuple(_added(reader, scope, name, body[index + 1 :]))
                yield from self._serving((*words, *added), value)

    def _words(self, node: cst.BaseExpression, scope: Scope) -> Iterator[ServingCommand]:
        for reader in self.reader.each_turn(scope, node):
            words = reader.words(scope, node)
            if words is None:
                return
            yield from self._serving(words, node)

    def _serving(self, words: Words, node: cst.CSTNode) -> Iterator[ServingCommand]:
        found = serving(self.file.path, Command(words), self.launch)
        every = [found] if found is not None else []
        if not every and words and " " in (words[0].text or words[0].beginning):
            every = list(in_script(_joined(self.file.path, words), self.launch))
        if every:
            self.done.update(descendants(node))
        yield from every

    def _run(self, call: cst.Call) -> Iterator[ServingCommand]:
        name = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
        called = name.value if isinstance(name, cst.Name) else ""
        scope = self.scopes.get(call)
        if called in _SPREAD:
            given = [each for each in call.args if each.keyword is None]
            elements = [
                cst.StarredElement(each.value) if each.star else cst.Element(each.value)
                for each in given
            ]
            yield from self._words(cst.Tuple(elements), scope)
        elif called in _RUN and call.args and not call.args[0].star:
            value = call.args[0].value
            for reader in self.reader.each_turn(scope, value):
                text = reader.text(scope, value)
                if text is None:
                    return
                yield from in_script(text, self.launch)


def _joined(path: str, words: Words) -> Located:
    """The text that `" ".join(words)` makes, each word where it begins."""
    known = (word.text if word.text is not None else word.beginning + HOLE for word in words)
    texts = [(f"{text} ", word.span.start) for text, word in zip(known, words, strict=True)]
    places = tuple(at for text, at in texts for _ in text)
    return Located(path, "".join(text for text, _ in texts), places)


def _assignment(statement: cst.CSTNode) -> tuple[str, cst.BaseExpression] | None:
    """The name and the value of a statement `name = value`."""
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return None
    only = statement.body[0]
    if isinstance(only, cst.AnnAssign) and isinstance(only.target, cst.Name) and only.value:
        return only.target.value, only.value
    if isinstance(only, cst.Assign) and len(only.targets) == 1:
        target = only.targets[0].target
        return (target.value, only.value) if isinstance(target, cst.Name) else None
    return None


def _added(
    reader: Reader, scope: Scope, name: str, behind: Sequence[cst.CSTNode]
) -> Iterator[Word]:
    """The words that the statements behind a list add to it, up to where its name is bound anew."""
    for statement in behind:
        made = _assignment(statement)
        if made is not None and made[0] == name:
            value = made[1]
            if not (isinstance(value, cst.BinaryOperation) and _is(value.left, name)):
                return
            yield from _more(reader, scope, value.right)
        elif isinstance(statement, cst.SimpleStatementLine):
            for small in statement.body:
                yield from _added_by(reader, scope, name, small)
        elif any(True for node in descendants(statement) if _changes(node, name)):
            yield Word(None, reader.file.span(statement), several=True)


def _added_by(reader: Reader, scope: Scope, name: str, small: cst.CSTNode) -> Iterator[Word]:
    if isinstance(small, cst.AugAssign) and _is(small.target, name):
        yield from _more(reader, scope, small.value)
    elif isinstance(small, cst.Expr) and isinstance(small.value, cst.Call):
        call = small.value
        if not (isinstance(call.func, cst.Attribute) and _is(call.func.value, name)):
            return
        given = call.args[0].value if len(call.args) == 1 else None
        if call.func.attr.value == "extend" and given is not None:
            yield from _more(reader, scope, given)
        elif call.func.attr.value == "append" and given is not None:
            yield reader.word(scope, given)
        elif _changes(call, name):
            yield Word(None, reader.file.span(call), several=True)


def _more(reader: Reader, scope: Scope, value: cst.BaseExpression) -> Words:
    words = reader.words(scope, value)
    return words if words is not None else (Word(None, reader.file.span(value), several=True),)


def _is(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name


def _changes(node: cst.CSTNode, name: str) -> bool:
    """Whether the node adds to or replaces the list `name`."""
    if isinstance(node, cst.AugAssign | cst.AssignTarget):
        return any(_is(each, name) for each in descendants(node.target))
    return (
        isinstance(node, cst.Call)
        and isinstance(node.func, cst.Attribute)
        and _is(node.func.value, name)
        and node.func.attr.value in ("append", "extend", "insert", "remove", "pop", "clear")
    )
