"""Calls in Python that start an engine: `LLM(...)` and the classes of its arguments.

Nothing is run. The value of an argument is known where it is a literal, or a name to which its
function, or else the file, assigns a single literal.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence

import libcst as cst

from forgather_lint.core.record import record
from forgather_lint.core.words import Word
from forgather_lint.documents.commands.arguments import commands_in_code
from forgather_lint.documents.commands.bindings import Code, Scope
from forgather_lint.documents.commands.found import Keyword, Launch, ServingCall, ServingCommand
from forgather_lint.documents.python import SourceError, parse_python

MODEL = "model"
_NOT_KNOWN = object()


def in_python(path: str, text: str, launch: Launch) -> Iterator[ServingCommand]:
    """The calls in the text of a Python file that start the server of `launch`."""
    try:
        file = parse_python(path, text)
    except SourceError:
        return  # what else reads the file tells of it
    code = Code.of(file)
    names = _names_of(code.nodes, launch)
    for node in code.nodes:
        reader = _CallReader(code, names, code.scopes.get(node))
        if isinstance(node, cst.Call) and (called := reader.called(node)):
            yield ServingCommand(path, launch, (), {}, False, call=reader.call(node, called))
    yield from commands_in_code(code, launch)


def _names_of(nodes: Sequence[cst.CSTNode], launch: Launch) -> dict[str, str]:
    """The dotted name by which the file calls each class of `launch`, with the class's own name."""
    found: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, cst.ImportFrom) and node.module is not None and not node.relative:
            module = cst.Module([]).code_for_node(node.module)
            if module.partition(".")[0] != launch.package:
                continue
            if isinstance(node.names, cst.ImportStar):
                found |= {name: name for name in launch.calls}
                continue
            for alias in node.names:
                name = alias.evaluated_name
                if name in launch.calls:
                    found[alias.evaluated_alias or name] = name
        elif isinstance(node, cst.Import):
            for alias in node.names:
                if alias.evaluated_name == launch.package:
                    module = alias.evaluated_alias or launch.package
                    found |= {f"{module}.{name}": name for name in launch.calls}
    return found


@record
class _CallReader:
    code: Code
    names: Mapping[str, str]
    scope: Scope

    def called(self, node: cst.Call) -> str:
        """The name of the class that the call is of; empty where that is none of `launch`."""
        if isinstance(node.func, cst.Name | cst.Attribute):
            return self.names.get(cst.Module([]).code_for_node(node.func), "")
        return ""

    def call(self, node: cst.Call, called: str) -> ServingCall:
        """The arguments of the call."""
        keywords: list[Keyword] = []
        complete = True
        for index, argument in enumerate(node.args):
            if argument.star == "**":
                entries = self._entries(argument.value)
                complete = complete and entries is not None
                keywords += entries or ()
            elif argument.star or (argument.keyword is None and index):
                complete = False
            else:
                at = argument.keyword or argument.value
                name = argument.keyword.value if argument.keyword is not None else MODEL
                keywords.append(self._keyword(name, at, argument.value))
        word = Word(called, self.code.file.span(node.func))
        return ServingCall(called, word, tuple(keywords), complete)

    def _entries(self, value: cst.BaseExpression) -> list[Keyword] | None:
        """The entries of a dict display; None where they are not all known."""
        value = self._meant(value)
        if not isinstance(value, cst.Dict):
            return None
        found = []
        for element in value.elements:
            key = element.key if isinstance(element, cst.DictElement) else None
            if not isinstance(key, cst.SimpleString):
                return None
            found.append(self._keyword(str(key.evaluated_value), key, element.value))
        return found

    def _keyword(self, name: str, at: cst.CSTNode, value: cst.BaseExpression) -> Keyword:
        word = Word(name, self.code.file.span(at))
        meant = self._literal(value)
        if meant is None:
            return Keyword(name, word, None)
        return Keyword(name, word, Word(_text(meant), self.code.file.span(value)))

    def _meant(self, value: cst.BaseExpression) -> cst.BaseExpression:
        if isinstance(value, cst.Name):
            found = self.code.names.meant(self.scope, value.value)
            return value if found is None else found[1]
        return value

    def _literal(self, value: cst.BaseExpression) -> object:
        """The value of a literal; `_NOT_KNOWN` for anything else."""
        code = cst.Module([]).code_for_node(self._meant(value))
        try:
            return ast.literal_eval(code.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            return _NOT_KNOWN


def _text(value: object) -> str | None:
    """The value as it is written on a command line.

    None for a value that cannot be written there.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, dict | list | tuple):
        try:
            return json.dumps(value)
        except (TypeError, ValueError):
            return None
    return None
