"""What the constructors of `torch.nn` set: the parameters, buffers and sizes of each module.

Shapes are those that torch documents; an optional part is None when its flag is off. A flag that
cannot be decided makes the part a choice.
"""

from __future__ import annotations

from typing import cast

from forgather_lint.core.port import port_of
from forgather_lint.libraries.dtypes import kind
from forgather_lint.libraries.element_types import default_dtype
from forgather_lint.libraries.nn.signatures import signature_of
from forgather_lint.libraries.shapes import shape_text
from forgather_lint.python.interpreter.dispatch import machine_of
from forgather_lint.python.interpreter.library import OpFailure, Site, op
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.dims import Size, multiply
from forgather_lint.python.values.joining import join
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.type_names import is_plain, type_name
from forgather_lint.python.values.value import (
    NONE,
    TRUE,
    Arguments,
    External,
    Known,
    ListValue,
    TensorValue,
    TupleValue,
    Value,
    known,
    size_of,
)

Shape = tuple[Size | None, ...]


def set_plain(site: Site, target: Instance, **attributes: Value) -> None:
    """Set attributes without calling a `__setattr__` of the class."""
    machine = cast("Machine", site.evaluator)
    for name, value in attributes.items():
        _, kept = machine.library.on_set(machine, target, name, value)
        machine.trail.set_attribute(target, name, kept)


def parameter(site: Site, *shape: Size | None, dtype: str | None = None) -> TensorValue:
    """A fresh parameter; of torch's default dtype where none is given."""
    own = dtype or default_dtype(site)
    return TensorValue(shape, dtype=own, origin=site.where, is_parameter=True)


def optional(site: Site, flag: Value, part: Value) -> Value:
    """`part` if the flag is on, None if it is off, a choice of both if that is not known."""
    truth = cast("Machine", site.evaluator).truth(flag)
    if truth is None:
        return join([part, NONE])
    return part if truth else NONE


def set_buffer(site: Site, target: Instance, name: str, value: Value, persistent: bool) -> None:
    """Register a buffer."""
    set_plain(site, target, **{name: value})
    site.evaluator.trail.set_key(target.buffers, name, known(persistent))


def leave_open(site: Site, target: Instance, reason: str) -> None:
    """`target` may have further attributes, for `reason`."""
    site.evaluator.trail.may_have_more(target, site.unknown(reason))


def build_submodule(site: Site, name: str, *arguments: Value, **keywords: Value) -> Value:
    """An instance of the library class `name`."""
    return site.evaluator.call(External(name), Arguments(list(arguments), keywords), site.where)


def empty_shape(*sizes: Value) -> Shape:
    """The shape of `torch.empty(sizes)`, which modules begin with.

    Raises `OpFailure` for what is surely no size.
    """
    for place, each in enumerate(sizes):
        if isinstance(each, Known) and not isinstance(each.value, int):
            kind = type(each.value).__name__
            of_first = (
                f"(position 1) must be tuple of ints, but found element of type {kind} at pos 0"
            )
            of_other = (
                f"failed to unpack the object at pos {place + 1} with error "
                f'"type must be tuple of ints,but got {kind}"'
            )
            text = of_other if place else of_first
            raise OpFailure("TypeError", f"empty(): argument 'size' {text}")
    shape = tuple(map(size_of, sizes))
    negative = next((each for each in shape if isinstance(each, int) and each < 0), None)
    if negative is not None:
        text = f"Trying to create tensor with negative dimension {negative}: {shape_text(shape)}"
        raise OpFailure("RuntimeError", text)
    return shape


@op("torch.nn.Linear.__init__", "torch.nn.NonDynamicallyQuantizableLinear.__init__")
def linear(
    site: Site,
    self: Instance,
    in_features: Value,
    out_features: Value,
    bias: Value = TRUE,
    device: Value = NONE,
    dtype: Value = NONE,
) -> Value:
    rows, columns = empty_shape(out_features, in_features)
    set_plain(
        site,
        self,
        in_features=in_features,
        out_features=out_features,
        weight=parameter(site, rows, columns),
        bias=optional(site, bias, parameter(site, rows)),
    )
    return NONE


@op("torch.nn.Bilinear.__init__")
def bilinear(
    site: Site,
    self: Instance,
    in1_features: Value,
    in2_features: Value,
    out_features: Value,
    bias: Value = TRUE,
) -> Value:
    rows = size_of(out_features)
    weight = parameter(site, rows, size_of(in1_features), size_of(in2_features))
    set_plain(site, self, weight=weight, bias=optional(site, bias, parameter(site, rows)))
    return NONE


@port_of("transformers/pytorch_utils.py", "Conv1D")
@op("transformers.Conv1D.__init__")
def transposed_linear(site: Site, self: Instance, nf: Value, nx: Value) -> Value:
    """`Conv1D` of transformers: a Linear with the weight transposed."""
    rows, columns = size_of(nx), size_of(nf)
    set_plain(
        site,
        self,
        nf=nf,
        nx=nx,
        weight=parameter(site, rows, columns),
        bias=parameter(site, columns),
    )
    return NONE


@op("torch.nn.EmbeddingBag.__init__")
def embedding_bag(
    site: Site,
    self: Instance,
    num_embeddings: Value,
    embedding_dim: Value,
    max_norm: Value = NONE,
    *_: Value,
    padding_idx: Value = NONE,
    **options: Value,
) -> Value:
    return embedding(site, self, num_embeddings, embedding_dim, padding_idx, max_norm)


@op("torch.nn.Embedding.__init__")
def embedding(
    site: Site,
    self: Instance,
    num_embeddings: Value,
    embedding_dim: Value,
    padding_idx: Value = NONE,
    max_norm: Value = NONE,
    *_: Value,
    **options: Value,
) -> Value:
    """The padding id counts from the end where it is negative (torch/nn/modules/sparse.py)."""
    rows, padding = size_of(num_embeddings), size_of(padding_idx)
    if isinstance(padding, int) and isinstance(rows, int):
        if not -rows <= padding < max(rows, 1):
            raise OpFailure("AssertionError", "Padding_idx must be within num_embeddings")
        padding_idx = known(padding % rows if rows else padding)
    set_plain(
        site,
        self,
        num_embeddings=num_embeddings,
        embedding_dim=embedding_dim,
        padding_idx=padding_idx,
        max_norm=max_norm,
        weight=parameter(site, *empty_shape(num_embeddings, embedding_dim)),
    )
    return NONE


def shape_of(value: Value) -> Shape:
    """The sizes in a size, or in a sequence of sizes."""
    if isinstance(value, TupleValue | ListValue):
        return tuple(size_of(item) for item in value.items)
    return (size_of(value),)


@op("torch.nn.PReLU.__init__")
def prelu(site: Site, self: Instance, num_parameters: Value = Known(1), **options: Value) -> Value:  # noqa: B008
    set_plain(site, self, weight=parameter(site, size_of(num_parameters)))
    return NONE


@op("torch.nn.MultiheadAttention.__init__")
def multihead_attention(
    site: Site,
    self: Instance,
    embed_dim: Value,
    num_heads: Value,
    dropout: Value = NONE,
    bias: Value = TRUE,
    **options: Value,
) -> Value:
    width, heads = size_of(embed_dim), size_of(num_heads)
    if isinstance(width, int) and isinstance(heads, int):
        if min(width, heads) <= 0:
            got = f"got embed_dim={width} and num_heads={heads} instead"
            text = f"embed_dim and num_heads must be greater than 0, {got}"
            raise OpFailure("ValueError", text)
        if width % heads:
            raise OpFailure("AssertionError", "embed_dim must be divisible by num_heads")
    triple = None if width is None else multiply(width, 3)
    packed = not any(name in options for name in ("kdim", "vdim", "add_bias_kv"))
    if not packed:
        leave_open(site, self, "unmodelled-arguments")
    set_plain(
        site,
        self,
        embed_dim=embed_dim,
        num_heads=num_heads,
        in_proj_weight=parameter(site, triple, width),
        in_proj_bias=optional(site, bias, parameter(site, triple)),
        out_proj=build_submodule(
            site, "torch.nn.NonDynamicallyQuantizableLinear", embed_dim, embed_dim, bias
        ),
    )
    return NONE


_WITHOUT_PARAMETERS = (
    "Identity Dropout Dropout1d Dropout2d Dropout3d AlphaDropout ReLU ReLU6 LeakyReLU ELU SELU "
    "CELU GELU SiLU Mish Sigmoid LogSigmoid Tanh Tanhshrink Softmax LogSoftmax Softmin Softplus "
    "Softsign Hardswish Hardsigmoid Hardtanh GLU Threshold Flatten Unflatten Fold Unfold "
    "Upsample PixelShuffle PixelUnshuffle ZeroPad1d ZeroPad2d ConstantPad1d ConstantPad2d "
    "ReflectionPad1d ReflectionPad2d ReplicationPad1d ReplicationPad2d AvgPool1d AvgPool2d "
    "AvgPool3d MaxPool1d MaxPool2d MaxPool3d AdaptiveAvgPool1d AdaptiveAvgPool2d "
    "AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d CrossEntropyLoss NLLLoss MSELoss "
    "L1Loss SmoothL1Loss HuberLoss BCELoss BCEWithLogitsLoss KLDivLoss CosineSimilarity "
    "PairwiseDistance CTCLoss CosineEmbeddingLoss"
).split()


def _plain_module(site: Site, self: Instance, *arguments: Value, **keywords: Value) -> Value:
    """The constructor of a module without parameters, which keeps its arguments as attributes."""
    name = site.name.removeprefix("torch.nn.").removesuffix(".__init__")
    signature = signature_of(name)
    given = signature.bound(arguments, keywords) if signature is not None else keywords
    rate = given.get("p") if "Dropout" in name else None
    if isinstance(rate, Known) and isinstance(rate.value, int | float) and not 0 <= rate.value <= 1:
        text = f"dropout probability has to be between 0 and 1, but got {rate.value}"
        raise OpFailure("ValueError", text)
    set_plain(site, self, **given)
    return NONE


for _name in _WITHOUT_PARAMETERS:
    op(f"torch.nn.{_name}.__init__")(_plain_module)


@op("torch.nn.Parameter")
def parameter_of(site: Site, data: Value | None = None, requires_grad: Value = TRUE) -> Value:
    """A new parameter. It is loaded, so that each rank has it whole, whatever `data` is."""
    if isinstance(data, TensorValue):
        asked = cast("Machine", site.evaluator).truth(requires_grad)
        if asked and data.dtype is not None and kind(data.dtype) < 2:
            text = "Only Tensors of floating point and complex dtype can require gradients"
            raise OpFailure("RuntimeError", text)
        world = machine_of(site).environment
        # vllm/.../transformers/base.py, `init_parameters`: each parameter is made anew in the dtype
        # of the model, whatever its own is.
        dtype = world.dtype if world.parameters_on == "meta" else data.dtype
        return TensorValue(data.shape, dtype=dtype, origin=site.where, is_parameter=True)
    if data is not None and is_plain(data) and data != NONE:
        text = f"'{type_name(data)}' object has no attribute 'detach'"
        raise OpFailure("AttributeError", text)
    shape: Shape | None = (0,) if data is None else None
    return TensorValue(shape, dtype=None, origin=site.where, is_parameter=True)


@op("torch.nn.Buffer")
def buffer_of(site: Site, data: Value, persistent: Value = TRUE) -> Value:
    if not isinstance(data, TensorValue):
        return site.unknown("unmodelled-buffer")
    kept = isinstance(persistent, Known) and bool(persistent.value)
    tags = frozenset({"buffer", "persistent"} if kept else {"buffer"})
    return TensorValue(data.shape, data.placement, data.dtype, site.where, tags=tags)
