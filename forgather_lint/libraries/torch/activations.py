"""Activation functions and the modules that apply them, gated units, and dropout."""

from __future__ import annotations

from dataclasses import replace

from forgather_lint.libraries.names import (
    IDENTITY,
    LINEAR_ACTIVATION,
    TORCH_ACTIVATIONS,
    TRANSFORMERS_ACTIVATIONS,
)
from forgather_lint.libraries.operands import (
    LAST,
    Undetermined,
    dimension,
    items,
    shape_of,
    tensor,
    tensor_op,
)
from forgather_lint.libraries.propagation import absorb
from forgather_lint.libraries.torch.elementwise import elementwise
from forgather_lint.libraries.torch.filling import RANDOM
from forgather_lint.libraries.torch.pointwise import floating, of_reals, same, unary
from forgather_lint.libraries.torch.split import chunk
from forgather_lint.python.interpreter.library import Op, OpFailure, Site
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.placement import Undecided
from forgather_lint.python.values.value import FALSE, NONE, TRUE, Known, TensorValue, Value

_FUNCTIONS = "sigmoid tanh softsign tanhshrink"
_OF_REALS = (
    "gelu silu elu selu celu leaky_relu softplus logsigmoid hardswish hardsigmoid mish".split()
)
_PIECEWISE_LINEAR = "relu relu6 hardtanh threshold"
_CURVED = {f"transformers.{name}" for name in TRANSFORMERS_ACTIVATIONS} - {LINEAR_ACTIVATION}
_HALF = Known(0.5)
_DROPOUTS = "Dropout Dropout1d Dropout2d Dropout3d AlphaDropout"

tensor_op(*[f"torch.nn.functional.{name}" for name in _FUNCTIONS.split()])(
    unary("argument", floating)
)
for _name in _OF_REALS:
    if _name != "gelu":
        tensor_op(f"torch.nn.functional.{_name}")(unary("argument", of_reals(_name)))
tensor_op(*[f"torch.nn.functional.{name}" for name in _PIECEWISE_LINEAR.split()])(
    unary("argument", same)
)


@tensor_op("torch.nn.functional.gelu")
def gelu(site: Site, input: Value, approximate: Value = NONE) -> Value:
    if isinstance(approximate, Known) and approximate.value not in (None, "none", "tanh"):
        raise OpFailure("RuntimeError", "approximate argument must be either none or tanh.")
    return elementwise(site, [(tensor(site, input), "argument")], of_reals("gelu"))


@tensor_op("torch.nn.GELU.forward")
def gelu_forward(site: Site, self: Instance, input: Value) -> Value:
    return gelu(site, input, self.attributes.get("approximate", NONE))


@tensor_op(
    *[f"torch.nn.{name}.forward" for name in sorted(TORCH_ACTIVATIONS - {"GELU"})],
    *[f"{name}.forward" for name in _CURVED],
)
def activation_forward(site: Site, self: Instance, input: Value) -> Value:
    name = site.name.removesuffix(".forward").rpartition(".")[2].lower()
    rule = of_reals(name) if name.replace("leakyrelu", "leaky_relu") in _OF_REALS else floating
    return elementwise(site, [(tensor(site, input), "argument")], rule)


@tensor_op("torch.nn.functional.glu")
def glu(site: Site, input: Value, dim: Value = LAST) -> Value:
    """The first half of a dimension, times the sigmoid of the second."""
    source = tensor(site, input)
    shape = shape_of(source)
    axis = dimension(dim, len(shape))
    size = shape[axis]
    if isinstance(size, int) and size % 2:
        text = f"Halving dimension must be even, but dimension {axis} is size {size}"
        raise OpFailure("RuntimeError", text)
    halves = items(site, chunk(site, source, Known(2), dim))
    if len(halves) != 2:
        raise Undetermined("symbolic-size")
    return elementwise(site, [(halves[0], "factor"), (halves[1], "argument")], of_reals("glu"))


@tensor_op("torch.nn.GLU.forward")
def glu_forward(site: Site, self: Instance, input: Value) -> Value:
    return glu(site, input, self.attributes.get("dim", LAST))


def _dropping(training: Known) -> Op:
    def dropout(
        site: Site,
        input: Value,
        p: Value = _HALF,
        training: Value = training,
        inplace: Value = FALSE,
        train: Value | None = None,
    ) -> Value:
        """The input, in evaluation mode or at a rate of 0."""
        return dropped(site, tensor(site, input), p, training if train is None else train)

    return dropout


def dropped(site: Site, source: TensorValue, rate: Value, training: Value = TRUE) -> TensorValue:
    """`source` where nothing is dropped; otherwise undecided, as it is random."""
    if any(isinstance(each, Known) and not each.value for each in (rate, training)):
        return source
    placement = absorb([source.placement, Undecided(RANDOM, site.where)])
    return replace(source, placement=placement or source.placement)


tensor_op(
    "torch.nn.functional.dropout",
    "torch.dropout",
    *[f"torch.nn.functional.dropout{dimensions}d" for dimensions in (1, 2, 3)],
)(_dropping(TRUE))
tensor_op(
    "torch.nn.functional.alpha_dropout",
    "torch.nn.functional.feature_alpha_dropout",
)(_dropping(FALSE))


@tensor_op(f"{IDENTITY}.forward", f"{LINEAR_ACTIVATION}.forward")
def identity_forward(site: Site, self: Instance, input: Value) -> Value:
    return input


@tensor_op(*[f"torch.nn.{name}.forward" for name in _DROPOUTS.split()])
def dropout_forward(site: Site, self: Instance, input: Value) -> Value:
    training = self.attributes.get("training", FALSE)
    return dropped(site, tensor(site, input), self.attributes.get("p", _HALF), training)
