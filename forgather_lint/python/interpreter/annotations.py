"""Annotations, which Python evaluates where a function or a class is made.

Only Python 3.14 leaves that for later, unless the file begins with `from __future__ import
annotations`. Which Python will run the model is not known, so that an annotation which raises
leaves it unproved.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.frame import Frame, Raised
from forgather_lint.python.interpreter.names import OPTIONAL_IMPORT
from forgather_lint.python.values.value import Unknown

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


def check_signature(machine: Machine, node: cst.FunctionDef, frame: Frame) -> None:
    """Evaluate the annotations of a function that is defined."""
    if _are_texts(frame.file.tree):
        return
    given = node.params
    several = (*given.posonly_params, *given.params, *given.kwonly_params)
    starred = (given.star_arg, given.star_kwarg)
    params = (*several, *(each for each in starred if isinstance(each, cst.Param)))
    written = (*(each.annotation for each in params), node.returns)
    for annotation in filter(None, written):
        _check(machine, annotation.annotation, frame)


def check_variable(machine: Machine, node: cst.AnnAssign, frame: Frame) -> None:
    """Evaluate the annotation of a variable, which one of a function never has."""
    if frame.function is None and not _are_texts(frame.file.tree):
        _check(machine, node.annotation.annotation, frame)


def _check(machine: Machine, annotation: cst.BaseExpression, frame: Frame) -> None:
    try:
        found = machine.evaluate(annotation, frame)
    except Raised as error:
        _leave(machine, error.shown, error.where)
    else:
        if isinstance(found, Unknown) and found.reason == OPTIONAL_IMPORT:
            text = f"NameError: name '{found.detail}' is not defined"
            _leave(machine, text, frame.place(annotation))


def _leave(machine: Machine, text: str, where: Place) -> None:
    shown = f"before Python 3.14, `{text}`"
    machine.leave_unproved(Unknown("annotation", where, shown))


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
