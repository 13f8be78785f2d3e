"""Names in annotations, which Python evaluates where a function or a class is made.

Only Python 3.14 leaves that for later, unless the file begins with `from __future__ import
annotations`. Which Python will run the model is not known, so that a name which nothing binds
leaves it unproved.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.python.interpreter.frame import Frame
from forgather_lint.python.interpreter.names import is_bound
from forgather_lint.python.values.value import Unknown

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


def check_signature(machine: Machine, node: cst.FunctionDef, frame: Frame) -> None:
    """Look at the annotations of a function that a module or a class body defines."""
    if frame.function is not None or _are_texts(frame.file.tree):
        return
    given = node.params
    several = (*given.posonly_params, *given.params, *given.kwonly_params)
    starred = (given.star_arg, given.star_kwarg)
    params = (*several, *(each for each in starred if isinstance(each, cst.Param)))
    written = (*(each.annotation for each in params), node.returns)
    for annotation in filter(None, written):
        _check(machine, annotation.annotation, frame)


def check_variable(machine: Machine, node: cst.AnnAssign, frame: Frame) -> None:
    """Look at the annotation of a variable of a module or a class."""
    if frame.function is None and not _are_texts(frame.file.tree):
        _check(machine, node.annotation.annotation, frame)


def _check(machine: Machine, annotation: cst.BaseExpression, frame: Frame) -> None:
    for name in _names(annotation):
        if not is_bound(name, frame):
            text = f"before Python 3.14, `NameError: name '{name.value}' is not defined`"
            machine.leave_unproved(Unknown("annotation", frame.place(name), text))


def _names(node: cst.CSTNode) -> Iterator[cst.Name]:
    match node:
        case cst.Name():
            yield node
        case cst.Attribute(value=value):
            yield from _names(value)
        case cst.Subscript(value=value, slice=elements):
            yield from _names(value)
            for element in elements:
                if isinstance(element.slice, cst.Index):
                    yield from _names(element.slice.value)
        case cst.BinaryOperation(left=left, right=right):
            yield from _names(left)
            yield from _names(right)
        case cst.Tuple(elements=items) | cst.List(elements=items):
            for item in items:
                yield from _names(item.value)


@lru_cache(maxsize=16)
def _are_texts(tree: cst.Module) -> bool:
    """Whether the file says `from __future__ import annotations`, which has to stand above all."""
    for line in tree.body:
        for part in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(part, cst.ImportFrom) and isinstance(part.module, cst.Name):
                names = part.names if not isinstance(part.names, cst.ImportStar) else ()
                found = any(each.evaluated_name == "annotations" for each in names)
                if part.module.value == "__future__" and found:
                    return True
    return False
