"""A strict field takes what `isinstance` says is of its type; of what may be nothing is said."""

from __future__ import annotations

import libcst as cst
import pytest

from forgather_lint.libraries.transformers.field_types import Misfit, misfit_of
from forgather_lint.python.values.value import Unknown
from tests.python_oracle import value_of

PREPARED = """from collections import OrderedDict, namedtuple
import torch
class Own(dict):
    pass
"""


def misfit(value: str, annotation: str) -> Misfit:
    machine, scope, held = value_of(f"{PREPARED}result = {value}")
    return misfit_of(machine, scope, "field", held, cst.parse_expression(annotation))


@pytest.mark.parametrize(
    ("value", "annotation"),
    [("OrderedDict()", "dict"), ("{}", "dict | None"), ("True", "bool"), ("[1]", "list[int]")],
)
def test_what_is_of_the_type_fits(value: str, annotation: str) -> None:
    assert misfit(value, annotation) == ""


@pytest.mark.parametrize(
    ("value", "annotation", "error"),
    [
        ("True", "int", "Field 'field' expected int, got bool (value: True)"),
        ("'8'", "int", "Field 'field' expected int, got str (value: '8')"),
        ("[1]", "dict", "Field 'field' expected dict, got list"),
        ("1", "int | None", ""),
    ],
)
def test_what_is_not_raises(value: str, annotation: str, error: str) -> None:
    assert misfit(value, annotation) == error


@pytest.mark.parametrize(("value", "annotation"), [("Own()", "dict"), ("torch.float32", "str")])
def test_what_may_be_is_not_known(value: str, annotation: str) -> None:
    assert isinstance(misfit(value, annotation), Unknown)
