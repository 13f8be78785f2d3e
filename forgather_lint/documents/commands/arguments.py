"""Commands in Python: lists of arguments and texts for a shell, as `subprocess` takes them.

Nothing is run. A list is a command wherever it stands, as nothing else begins with the names of an
engine; a text is one only where it is handed to what runs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

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
"""What runs the text of a command, or splits it, of `_MODULES`."""
_MODULES = frozenset({"subprocess", "os", "asyncio", "shlex"})
_SPREAD = frozenset({"create_subprocess_exec"})
"""What takes the words as arguments of its own."""

_TAKING = frozenset({"remove", "pop", "clear"})


def commands_in_code(code: Code, launch: Launch) -> Iterator[ServingCommand]:
    """The commands that the code of a file builds."""
    yield from _Finder(code, launch).found()


class _Finder:
    def __init__(self, code: Code, launch: Launch) -> None:
        self.file, self.launch = code.file, launch
        self.nodes, self.scopes = code.nodes, code.scopes
        self.reader = Reader(code.file, code.names)
        self.done: set[cst.CSTNode] = set()
        joined = [given for node in self.nodes if (given := _joined_by(node)) is not None]
        self.joined = set(joined)
        self.joined_names = {each.value for each in joined if isinstance(each, cst.Name)}
        self.modules = _MODULES | {
            alias.evaluated_alias or alias.evaluated_name
            for node in self.nodes
            if isinstance(node, cst.Import)
            for alias in node.names
            if alias.evaluated_name in _MODULES
        }

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
                behind = body[index + 1 :]
                added = tuple(_added(reader, scope, name, behind))
                joined, whole = name in self.joined_names, not _loses(name, behind)
                yield from self._serving((*words, *added), value, joined=joined, whole=whole)

    def _words(self, node: cst.BaseExpression, scope: Scope) -> Iterator[ServingCommand]:
        for reader in self.reader.each_turn(scope, node):
            words = reader.words(scope, node)
            if words is None:
                return
            yield from self._serving(words, node, joined=node in self.joined)

    def _serving(
        self, words: Words, node: cst.CSTNode, *, joined: bool, whole: bool = True
    ) -> Iterator[ServingCommand]:
        """The commands that a list is; `joined`: as a text. If it is not `whole`, some words go."""
        found = serving(self.file.path, Command(words), self.launch)
        every = [found] if found is not None else []
        if not every and joined and words and " " in (words[0].text or words[0].beginning):
            every = list(in_script(_joined(self.file.path, words), self.launch))
        if every:
            self.done.update(descendants(node))
        if not whole:
            unknown = (Word(None, self.file.span(node), several=True),)
            every = [replace(each, arguments=unknown) for each in every]
        yield from every

    def _run(self, call: cst.Call) -> Iterator[ServingCommand]:
        func = call.func
        if isinstance(func, cst.Attribute) and not any(
            _is(func.value, each) for each in self.modules
        ):
            return
        name = func.attr if isinstance(func, cst.Attribute) else func
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


def _joined_by(node: cst.CSTNode) -> cst.BaseExpression | None:
    """What `text.join(...)` is given; None for other nodes."""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.args:
        return node.args[0].value if node.func.attr.value == "join" else None
    return None


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
            more = _appended(name, made[1])
            if more is None:
                return
            yield from _more(reader, scope, more)
        elif isinstance(statement, cst.SimpleStatementLine):
            for small in statement.body:
                yield from _added_by(reader, scope, name, small)
        elif any(True for node in descendants(statement) if _changes(node, name)):
            yield Word(None, reader.file.span(statement), several=True)


def _appended(name: str, value: cst.BaseExpression) -> cst.BaseExpression | None:
    """What `name + more` adds to the list; None for other expressions."""
    adds = isinstance(value, cst.BinaryOperation) and _is(value.left, name)
    return value.right if isinstance(value, cst.BinaryOperation) and adds else None


def _loses(name: str, behind: Sequence[cst.CSTNode]) -> bool:
    """Whether words of a list may be taken away before it is run, up to where it is bound anew."""
    for statement in behind:
        if any(_takes(node, name) for node in descendants(statement)):
            return True
        made = _assignment(statement)
        if made is not None and made[0] == name and _appended(name, made[1]) is None:
            return False
    return False


def _takes(node: cst.CSTNode, name: str) -> bool:
    """Whether the node replaces, removes or leaves out words of the list `name`."""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        return _is(node.func.value, name) and node.func.attr.value in _TAKING
    if isinstance(node, cst.AssignTarget | cst.Del):
        target = node.target
        return isinstance(target, cst.Subscript) and _is(target.value, name)
    if isinstance(node, cst.Subscript):
        parts = [each.slice for each in node.slice]
        return _is(node.value, name) and any(isinstance(each, cst.Slice) for each in parts)
    return isinstance(node, cst.CompFor) and _is(node.iter, name) and bool(node.ifs)


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
