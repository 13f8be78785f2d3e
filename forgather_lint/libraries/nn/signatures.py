"""What the constructors of `torch.nn` take, and what Python says to other arguments.

Those of torch 2.13; a test compares them with the torch that is installed. A module that is not
listed takes what its op does.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache

import libcst as cst

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.binding import bound_parameters
from forgather_lint.python.values.objects import ClassValue, FunctionValue, Namespace, Scope
from forgather_lint.python.values.value import Arguments, Known, Value

_PARAMETERS = {
    "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d": "output_size",
    "AdaptiveMaxPool1d AdaptiveMaxPool2d": "output_size, return_indices=False",
    "AlphaDropout Dropout Dropout1d Dropout2d Dropout3d": "p=0.5, inplace=False",
    "AvgPool1d": ("kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True"),
    "AvgPool2d AvgPool3d": (
        "kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, "
        "divisor_override=None"
    ),
    "BCELoss": "weight=None, size_average=None, reduce=None, reduction='mean'",
    "BCEWithLogitsLoss": (
        "weight=None, size_average=None, reduce=None, reduction='mean', pos_weight=None"
    ),
    "BatchNorm1d BatchNorm2d BatchNorm3d": (
        "num_features, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True, "
        "device=None, dtype=None, *, bias=True"
    ),
    "Bilinear": ("in1_features, in2_features, out_features, bias=True, device=None, dtype=None"),
    "CELU ELU": "alpha=1.0, inplace=False",
    "CTCLoss": "blank=0, reduction='mean', zero_infinity=False",
    "ConstantPad1d ConstantPad2d": "padding, value",
    "Conv1d Conv2d Conv3d": (
        "in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, "
        "groups=1, bias=True, padding_mode='zeros', device=None, dtype=None"
    ),
    "ConvTranspose1d ConvTranspose2d ConvTranspose3d": (
        "in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, "
        "groups=1, bias=True, dilation=1, padding_mode='zeros', device=None, dtype=None"
    ),
    "CosineEmbeddingLoss": "margin=0.0, size_average=None, reduce=None, reduction='mean'",
    "CosineSimilarity": "dim=1, eps=1e-08",
    "CrossEntropyLoss": (
        "weight=None, size_average=None, ignore_index=-100, reduce=None, "
        "reduction='mean', label_smoothing=0.0"
    ),
    "Embedding": (
        "num_embeddings, embedding_dim, padding_idx=None, max_norm=None, norm_type=2.0, "
        "scale_grad_by_freq=False, sparse=False, _weight=None, _freeze=False, "
        "device=None, dtype=None"
    ),
    "EmbeddingBag": (
        "num_embeddings, embedding_dim, max_norm=None, norm_type=2.0, "
        "scale_grad_by_freq=False, mode='mean', sparse=False, _weight=None, "
        "include_last_offset=False, padding_idx=None, device=None, dtype=None"
    ),
    "Flatten": "start_dim=1, end_dim=-1",
    "Fold": "output_size, kernel_size, dilation=1, padding=0, stride=1",
    "GELU": "approximate='none'",
    "GLU": "dim=-1",
    "GroupNorm": (
        "num_groups, num_channels, eps=1e-05, affine=True, device=None, dtype=None, *, bias=True"
    ),
    "Hardsigmoid Hardswish Mish ReLU ReLU6 SELU SiLU": "inplace=False",
    "Hardtanh": ("min_val=-1.0, max_val=1.0, inplace=False, min_value=None, max_value=None"),
    "HuberLoss": "reduction='mean', delta=1.0",
    "Identity": "*args, **kwargs",
    "KLDivLoss": "size_average=None, reduce=None, reduction='mean', log_target=False",
    "L1Loss MSELoss": "size_average=None, reduce=None, reduction='mean'",
    "LayerNorm": (
        "normalized_shape, eps=1e-05, elementwise_affine=True, bias=True, device=None, dtype=None"
    ),
    "LeakyReLU": "negative_slope=0.01, inplace=False",
    "Linear NonDynamicallyQuantizableLinear": (
        "in_features, out_features, bias=True, device=None, dtype=None"
    ),
    "LogSoftmax Softmax Softmin": "dim=None",
    "LogSigmoid Sigmoid Softsign Tanh Tanhshrink": "",
    "MaxPool1d MaxPool2d MaxPool3d": (
        "kernel_size, stride=None, padding=0, dilation=1, return_indices=False, ceil_mode=False"
    ),
    "ModuleDict ModuleList": "modules=None",
    "MultiheadAttention": (
        "embed_dim, num_heads, dropout=0.0, bias=True, add_bias_kv=False, "
        "add_zero_attn=False, kdim=None, vdim=None, batch_first=False, device=None, "
        "dtype=None"
    ),
    "NLLLoss": ("weight=None, size_average=None, ignore_index=-100, reduce=None, reduction='mean'"),
    "PReLU": "num_parameters=1, init=0.25, device=None, dtype=None",
    "PairwiseDistance": "p=2.0, eps=1e-06, keepdim=False",
    "ParameterDict": "parameters=None",
    "ParameterList": "values=None",
    "PixelShuffle": "upscale_factor",
    "PixelUnshuffle": "downscale_factor",
    "RMSNorm": ("normalized_shape, eps=None, elementwise_affine=True, device=None, dtype=None"),
    "ReflectionPad1d ReflectionPad2d ReplicationPad1d ReplicationPad2d ZeroPad1d ZeroPad2d": (
        "padding"
    ),
    "Sequential": "*args",
    "SmoothL1Loss": "size_average=None, reduce=None, reduction='mean', beta=1.0",
    "Softplus": "beta=1.0, threshold=20.0",
    "Threshold": "threshold, value, inplace=False",
    "Unflatten": "dim, unflattened_size",
    "Unfold": "kernel_size, dilation=1, padding=0, stride=1",
    "Upsample": (
        "size=None, scale_factor=None, mode='nearest', align_corners=None, "
        "recompute_scale_factor=None"
    ),
}


@record
class Signature:
    """The parameters behind `self`, and the defaults of those that need not be given."""

    positional: tuple[str, ...]
    named_only: tuple[str, ...]
    defaults: Mapping[str, Value]
    more_positional: bool
    more_keywords: bool

    def takes(self, arguments: Arguments) -> bool:
        """Whether `arguments`, of which the first is `self`, bind to the parameters."""
        count = len(arguments.positional) - 1
        if count > len(self.positional) and not self.more_positional:
            return False
        rest = {*self.positional[count:], *self.named_only}
        if not (self.more_keywords or rest.issuperset(arguments.keywords)):
            return False
        needed = rest - self.defaults.keys() - arguments.keywords.keys()
        return not needed or arguments.rest is not None

    def bound(
        self, positional: tuple[Value, ...], keywords: Mapping[str, Value]
    ) -> dict[str, Value]:
        """The values of the parameters, defaults where none are given."""
        return {**self.defaults, **dict(zip(self.positional, positional, strict=False)), **keywords}


def check_arguments(cls: str, arguments: Arguments, where: Place) -> None:
    """Raise what `torch.nn.<cls>.__init__` raises for arguments that it does not take."""
    signature = signature_of(cls)
    if signature is not None and not signature.takes(arguments):
        bound_parameters(_function(cls, where), arguments, where)


def listed() -> Mapping[str, str]:
    """The parameters of each constructor, as Python writes them."""
    return {name: text for names, text in _PARAMETERS.items() for name in names.split()}


@cache
def signature_of(cls: str) -> Signature | None:
    """The parameters of `torch.nn.<cls>`; None for a class that is not listed."""
    text = listed().get(cls)
    if text is None:
        return None
    (function,) = ast.parse(f"def __init__({text}): 0").body
    assert isinstance(function, ast.FunctionDef)
    given = function.args
    positional = tuple(each.arg for each in given.args)
    named_only = tuple(each.arg for each in given.kwonlyargs)
    with_default = positional[len(positional) - len(given.defaults) :]
    pairs = zip((*with_default, *named_only), (*given.defaults, *given.kw_defaults), strict=True)
    return Signature(
        positional,
        named_only,
        {name: Known(ast.literal_eval(node)) for name, node in pairs if node is not None},
        given.vararg is not None,
        given.kwarg is not None,
    )


def _function(cls: str, where: Place) -> FunctionValue:
    """The constructor as a function, whose binding says what Python does."""
    node = cst.parse_statement(
        f"def __init__({', '.join(filter(None, ('self', listed()[cls])))}): 0"
    )
    assert isinstance(node, cst.FunctionDef)
    signature = signature_of(cls)
    scope = Scope({}, None, Namespace("torch.nn", {}))
    owner = ClassValue(cls, f"torch.nn.{cls}", (), {}, None, where, scope)
    defaults = dict(signature.defaults) if signature is not None else {}
    return FunctionValue("__init__", node, scope, defaults, where, owner)
