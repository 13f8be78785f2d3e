"""What modules of `torch.nn` with parameters compute, in terms of `torch.nn.functional`."""

from __future__ import annotations

from forgather_lint.libraries.operands import ONE, ZERO, is_sequence, tensor, tensor_op
from forgather_lint.libraries.torch.convolution import convolution
from forgather_lint.libraries.torch.elementwise import elementwise
from forgather_lint.libraries.torch.embedding import embedding
from forgather_lint.libraries.torch.linear import linear, product
from forgather_lint.libraries.torch.loss import cross_entropy
from forgather_lint.libraries.torch.norm import group_norm, layer_norm, rms_norm
from forgather_lint.libraries.torch.softmax import softmax
from forgather_lint.python.interpreter.library import Site
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import NONE, TupleValue, Value


def _part(self: Instance, name: str, otherwise: Value = NONE) -> Value:
    return self.attributes.get(name, otherwise)


@tensor_op("torch.nn.Linear.forward")
def linear_forward(site: Site, self: Instance, input: Value) -> Value:
    return linear(site, input, _part(self, "weight"), _part(self, "bias"))


@tensor_op("transformers.Conv1D.forward")
def transposed_linear_forward(site: Site, self: Instance, x: Value) -> Value:
    """A Linear whose weight is (in features, out features); transformers/pytorch_utils.py."""
    weight = tensor(site, _part(self, "weight"), "weight", 2)
    made = product(site, tensor(site, x), weight)
    return elementwise(site, [(made, "term"), (_part(self, "bias"), "term")])


@tensor_op("torch.nn.Embedding.forward")
def embedding_forward(site: Site, self: Instance, input: Value) -> Value:
    return embedding(site, input, _part(self, "weight"))


@tensor_op("torch.nn.LayerNorm.forward")
def layer_norm_forward(site: Site, self: Instance, input: Value) -> Value:
    weight, bias = _part(self, "weight"), _part(self, "bias")
    return layer_norm(site, input, _normalized_shape(self), weight, bias)


@tensor_op("torch.nn.RMSNorm.forward")
def rms_norm_forward(site: Site, self: Instance, x: Value) -> Value:
    return rms_norm(site, x, _normalized_shape(self), _part(self, "weight"))


def _normalized_shape(self: Instance) -> Value:
    """The argument of the constructor; torch keeps a number as a tuple of one."""
    given = _part(self, "normalized_shape")
    return given if is_sequence(given) else TupleValue((given,))


@tensor_op("torch.nn.GroupNorm.forward")
def group_norm_forward(site: Site, self: Instance, input: Value) -> Value:
    weight, bias = _part(self, "weight"), _part(self, "bias")
    return group_norm(site, input, _part(self, "num_groups"), weight, bias)


@tensor_op(*[f"torch.nn.Conv{rank}d.forward" for rank in (1, 2, 3)])
def convolution_forward(site: Site, self: Instance, input: Value) -> Value:
    return convolution(
        site,
        input,
        _part(self, "weight"),
        _part(self, "bias"),
        stride=_part(self, "stride", ONE),
        padding=_part(self, "padding", ZERO),
        dilation=_part(self, "dilation", ONE),
        groups=_part(self, "groups", ONE),
    )


@tensor_op("torch.nn.Softmax.forward", "torch.nn.LogSoftmax.forward", "torch.nn.Softmin.forward")
def softmax_forward(site: Site, self: Instance, input: Value) -> Value:
    return softmax(site, input, _part(self, "dim"))


@tensor_op("torch.nn.CrossEntropyLoss.forward")
def cross_entropy_forward(site: Site, self: Instance, input: Value, target: Value) -> Value:
    return cross_entropy(site, input, target)
