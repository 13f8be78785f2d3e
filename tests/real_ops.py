"""Evaluates the same expressions of torch code with torch."""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from tests.op_cases import SYMBOLS, Operand

torch.set_num_threads(1)  # the tensors are tiny

DTYPES = {
    "float": "float64",
    "positive": "float64",
    "digits": "float64",
    "index": "int64",
    "mask": "bool",
}
ERRORS = (RuntimeError, TypeError, ValueError, IndexError, AssertionError)


def run_real(text: str, tensors: Mapping[str, Tensor]) -> Tensor:
    """The value of the last statement of `text`; the tensors given are not changed."""
    names = {"torch": torch, "F": F} | {name: each.clone() for name, each in tensors.items()}
    *statements, last = ast.parse(text).body
    assert isinstance(last, ast.Expr)
    with warnings.catch_warnings(), sdpa_kernel(SDPBackend.MATH):
        warnings.simplefilter("ignore")
        exec(compile(ast.Module(statements, []), "case.py", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "case.py", "eval"), names)
    return value if isinstance(value, Tensor) else torch.as_tensor(value)


def whole_shape(operand: Operand) -> tuple[int, ...]:
    """The shape with numbers for symbols."""
    return tuple(SYMBOLS[size] if isinstance(size, str) else size for size in operand.shape)


def random_tensor(operand: Operand, generator: torch.Generator) -> Tensor:
    """A random tensor for the operand."""
    shape = whole_shape(operand)
    if operand.kind == "mask":
        return torch.rand(shape, generator=generator) < 0.5
    if operand.kind == "index":
        numbers = torch.arange(math.prod(shape)) % operand.below
        return numbers[torch.randperm(len(numbers), generator=generator)].view(shape)
    if operand.kind == "digits":
        return torch.randint(-1, 2, shape, generator=generator).double()
    if operand.kind == "positive":
        return torch.rand(shape, generator=generator, dtype=torch.float64) + 0.5
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def error_text(error: Exception) -> str:
    """`RuntimeError: first line of the message`, with dtypes as if all were floats."""
    line = str(error).partition("\n")[0].replace("torch.DoubleTensor", "torch.FloatTensor")
    return f"{type(error).__name__}: {line}"
