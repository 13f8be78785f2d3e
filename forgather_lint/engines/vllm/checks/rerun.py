"""Runs a forward of the model's own and the library's on the same input, to compare the results."""

from __future__ import annotations

from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.fusers.fused import width
from forgather_lint.execution.inputs import SEQUENCE
from forgather_lint.execution.stages import NumberingLibrary
from forgather_lint.execution.value_numbers import is_numbered, number_of
from forgather_lint.libraries.names import EMBEDDING, LINEAR
from forgather_lint.python.interpreter.calls import call_forward
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Arguments, TensorValue

_FUNCTION = {LINEAR: "torch.nn.functional.linear", EMBEDDING: "torch.nn.functional.embedding"}


def computes_the_same(seen: CheckedModel, module: Instance, kind: str) -> bool:
    """Whether the forward returns exactly the value that the library's returns."""
    if seen.judge is None:
        return False
    machine, library = seen.builder.machine, NumberingLibrary(seen.judge.engine, 1, None)
    given, where = _given(module, kind), module.where
    try:
        with machine.undone_run(library):
            made = call_forward(machine, module, Arguments([given]), where)
            inherited = library.call(machine, f"{kind}.forward", Arguments([module, given]), where)
            called = library.call(machine, _FUNCTION[kind], _written(module, given), where)
    except Raised:
        return False
    return is_numbered(made) and number_of(made) in (number_of(inherited), number_of(called))


def _given(module: Instance, kind: str) -> TensorValue:
    """An input for a module of the kind: tokens, or features."""
    if kind == EMBEDDING:
        return TensorValue((1, SEQUENCE), dtype="int64")
    return TensorValue((1, SEQUENCE, width(module, "in_features")))


def _written(module: Instance, given: TensorValue) -> Arguments:
    """The arguments of `F.linear(x, self.weight)`, with the bias where there is one."""
    weights = (module.attributes.get(name) for name in ("weight", "bias"))
    return Arguments([given, *(each for each in weights if isinstance(each, TensorValue))])
