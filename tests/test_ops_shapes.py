"""Every op gives the shape, the dtype and the error that torch gives."""

from __future__ import annotations

import operator

import pytest

pytest.importorskip("torch")

import torch

from forgather_lint.python.interpreter.library import OpFailure, op_named, op_names
from forgather_lint.python.values import dims
from forgather_lint.python.values.value import TensorValue
from tests.abstract_ops import evaluate, load_ops, substituted
from tests.op_cases import ALL, SYMBOLS, Case, Operand
from tests.real_ops import DTYPES, ERRORS, error_text, random_tensor, run_real

DEPENDS_ON_DATA = ("x[m]", "torch.where(m)[0]", "m.nonzero()", "x.masked_select(m)", "torch.binc")
"""Cases whose result has a size that only the numbers tell."""


def abstract(operand: Operand, symbolic: bool) -> TensorValue:
    shape = tuple(
        size if isinstance(size, int) else dims.symbol(size) if symbolic else SYMBOLS[size]
        for size in operand.shape
    )
    return TensorValue(shape, dtype=DTYPES[operand.kind])


def predicted(case: Case, symbolic: bool) -> TensorValue | str:
    """The abstract result, or the error as torch would print it."""
    operands = {name: abstract(each, symbolic) for name, each in case.operands.items()}
    try:
        value = evaluate(case.text, operands)
    except OpFailure as failure:
        return f"{failure.error}: {failure.text}"
    return value if isinstance(value, TensorValue) else TensorValue((), dtype=None)


def real(case: Case, device: str) -> torch.Tensor | str:
    generator = torch.Generator().manual_seed(0)
    tensors = {n: random_tensor(o, generator).to(device) for n, o in case.operands.items()}
    try:
        return run_real(case.text, tensors)
    except ERRORS as error:
        return error_text(error)


@pytest.mark.parametrize("case", ALL, ids=str)
def test_numbers(case: Case) -> None:
    """With numbers for all sizes, shape and dtype are known, and errors are torch's own words."""
    truth, value = real(case, "cpu"), predicted(case, symbolic=False)
    if isinstance(truth, str) or isinstance(value, str):
        assert value == truth
        return
    assert value.shape is not None
    assert len(value.shape) == truth.ndim
    if not case.text.startswith(DEPENDS_ON_DATA):
        assert value.shape == tuple(truth.shape)
    assert value.dtype in (str(truth.dtype).removeprefix("torch."), None)


@pytest.mark.parametrize("case", [case for case in ALL if case.operands], ids=str)
def test_symbols(case: Case) -> None:
    """With symbols for batch and sequence, what is known is true, and what fails still fails."""
    truth, value = real(case, "cpu"), predicted(case, symbolic=True)
    if isinstance(value, str):
        assert isinstance(truth, str)
        assert value.partition(":")[0] == truth.partition(":")[0]
    elif not isinstance(truth, str):
        assert value.shape is not None
        sizes = [substituted(size, SYMBOLS) for size in value.shape]
        for size, true_size in zip(sizes, truth.shape, strict=True):
            assert size in (true_size, None)


@pytest.mark.parametrize("case", ALL, ids=str)
def test_meta_device_agrees(case: Case) -> None:
    """The truth of this file does not hang on a device: shapes are those of meta tensors."""
    on_cpu, on_meta = real(case, "cpu"), real(case, "meta")
    if not isinstance(on_cpu, str) and not isinstance(on_meta, str):
        assert on_cpu.shape == on_meta.shape


FAMILIES = {
    "activations",
    "attention",
    "cast",
    "convolution",
    "creation",
    "einsum",
    "embedding",
    "expansion",
    "filling",
    "gathering",
    "indexing",
    "linear",
    "loss",
    "masking",
    "module_forward",
    "norm",
    "numeric_limits",
    "padding",
    "permute",
    "pointwise",
    "reduce",
    "routing",
    "scattering",
    "softmax",
    "split",
    "tensor_attributes",
    "views",
}


def named_by_torch() -> list[str]:
    """Names of the ops on tensors that torch or Python's operator module should have."""
    load_ops()
    meanings = {name: op_named(name) for name in op_names()}
    return sorted(
        name
        for name, meaning in meanings.items()
        if meaning is not None
        and meaning.__module__.rpartition(".")[2] in FAMILIES
        and not name.startswith("transformers.")
    )


def exists(name: str) -> bool:
    top, *parts = name.removesuffix(".get").split(".")
    owner: object = {"torch": torch, "Tensor": torch.Tensor, "operator": operator}[top]
    return all((owner := getattr(owner, part, MISSING)) is not MISSING for part in parts)


MISSING = object()


def test_every_name_is_one_of_torch() -> None:
    """A name that torch lacks would never be asked for: a slip of the pen."""
    names = named_by_torch()
    assert len(names) > 700
    assert [name for name in names if not exists(name)] == []
