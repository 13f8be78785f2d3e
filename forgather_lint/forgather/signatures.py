"""The parameters of the classes and functions of a Python file, read from its syntax alone."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from forgather_lint.core.record import record
from forgather_lint.facts.templates import ConstructorSignature
from forgather_lint.forgather.parts import read_part

_MAX_BASES = 10


@record
class Definition:
    """A name at the top level of a file.

    `signature` is None where the source does not decide it.
    """

    name: str
    row: int
    signature: ConstructorSignature | None


@lru_cache(maxsize=256)
def _tree(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def names_in(path: Path) -> Mapping[str, ast.stmt] | None:
    """The names that the file binds at its top level; None when it cannot be parsed."""
    tree = _tree(read_part(path))
    if tree is None:
        return None
    found: dict[str, ast.stmt] = {}
    for statement in _statements(tree.body):
        for name in _bound(statement):
            found[name] = statement
    return found


def definition(path: Path, name: str) -> Definition | None:
    """The definition of `name` in the file `path`; None when there is none."""
    names = names_in(path) or {}
    statement = names.get(name)
    if statement is None:
        return None
    return Definition(name, statement.lineno, _signature(statement, names, depth=0))


def _statements(body: list[ast.stmt]) -> list[ast.stmt]:
    """`body`, with the statements of all branches of `if` and `try` in their place."""
    found: list[ast.stmt] = []
    for statement in body:
        found.append(statement)
        if isinstance(statement, ast.If | ast.Try):
            branches = [statement.body, statement.orelse]
            if isinstance(statement, ast.Try):
                branches += [handler.body for handler in statement.handlers]
            found += [inner for branch in branches for inner in _statements(branch)]
    return found


def _bound(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            return [statement.name]
        case ast.Import() | ast.ImportFrom():
            return [(alias.asname or alias.name).partition(".")[0] for alias in statement.names]
        case ast.Assign():
            return [name.id for name in statement.targets if isinstance(name, ast.Name)]
        case ast.AnnAssign() if isinstance(statement.target, ast.Name):
            return [statement.target.id]
    return []


def _signature(
    statement: ast.stmt | None, names: Mapping[str, ast.stmt], depth: int
) -> ConstructorSignature | None:
    if isinstance(statement, ast.FunctionDef) and not statement.decorator_list:
        return _parameters(statement.args, bound=0)
    if not isinstance(statement, ast.ClassDef) or statement.decorator_list or statement.keywords:
        return None
    methods = {each.name: each for each in statement.body if isinstance(each, ast.FunctionDef)}
    if "__init__" in methods and "__new__" not in methods:
        return _parameters(methods["__init__"].args, bound=1)
    base = statement.bases[0] if len(statement.bases) == 1 else None
    if isinstance(base, ast.Name) and "__new__" not in methods and depth < _MAX_BASES:
        return _signature(names.get(base.id), names, depth + 1)
    return None


def _parameters(arguments: ast.arguments, bound: int) -> ConstructorSignature:
    """The signature without the first `bound` parameters (`self`)."""
    unnamed = {each.arg for each in arguments.posonlyargs}
    positional = [each.arg for each in (*arguments.posonlyargs, *arguments.args)][bound:]
    keywords = [*positional, *(each.arg for each in arguments.kwonlyargs)]
    return ConstructorSignature(
        tuple(positional),
        frozenset(keywords) - unnamed,
        arguments.vararg is not None,
        arguments.kwarg is not None,
    )
