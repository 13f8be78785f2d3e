"""The one name of each library object that has several, and the bases of library classes.

Libraries re-export: `torch.nn.modules.linear.Linear` is `torch.nn.Linear`, and transformers moves
names between its modules from release to release, so that there only the last part counts.
"""

from __future__ import annotations

MODULE = "torch.nn.Module"
PRETRAINED = "transformers.PreTrainedModel"
CONFIG = "transformers.PretrainedConfig"
LINEAR = "torch.nn.Linear"
EMBEDDING = "torch.nn.Embedding"
IDENTITY = "torch.nn.Identity"
MODULE_LIST = "torch.nn.ModuleList"
MODULE_DICT = "torch.nn.ModuleDict"
MASK_FUNCTIONS = frozenset(
    f"transformers.create_{each}"
    for each in (
        "causal_mask",
        "sliding_window_causal_mask",
        "chunked_causal_mask",
        "bidirectional_mask",
        "bidirectional_sliding_window_mask",
    )
)
"""Functions that make masks, for attention implementations that take them."""
ATTENTION_INTERFACE = "transformers.attention_interface"
LINEAR_ACTIVATION = "transformers.LinearActivation"
FUSED_EXPERTS = "engine.FusedMoE"
FUSED_BLOCK = "engine.moe_block_forward"
"""The forward that replaces that of a whole block of experts."""
PLACEHOLDER = "engine.PPMissingLayer"
"""The class that a pipeline stage has in place of a module that it does not hold."""

_ALIASES = {
    "torch.nn.parameter.Parameter": "torch.nn.Parameter",
    "torch.nn.modules.Module": MODULE,
    "torch.FloatTensor": "torch.Tensor",
    "torch.distributions.Normal": "torch.distributions.normal.Normal",
    "torch.LongTensor": "torch.Tensor",
    "torch.BoolTensor": "torch.Tensor",
    "torch.IntTensor": "torch.Tensor",
    "transformers.PreTrainedConfig": CONFIG,
    "typing_extensions.Unpack": "typing.Unpack",
    "typing.OrderedDict": "collections.OrderedDict",
    "transformers.DynamicLayer": "transformers.DynamicLayer",
}
_FLAT = ("transformers", "torch.nn.modules")

_NOT_MODULES = frozenset({"Parameter", "Buffer", "UninitializedParameter", "UninitializedBuffer"})
TORCH_ACTIVATIONS = frozenset(
    "ReLU ReLU6 LeakyReLU ELU SELU CELU GELU SiLU Mish Sigmoid LogSigmoid Tanh Tanhshrink Softplus "
    "Softsign Hardswish Hardsigmoid Hardtanh Threshold".split()
)
# transformers/activations.py; `GELUTanh` was `PytorchGELUTanh`.
TRANSFORMERS_ACTIVATIONS = frozenset(
    "ClippedGELUActivation FastGELUActivation GELUActivation NewGELUActivation GELUTanh "
    "PytorchGELUTanh AccurateGELUActivation LaplaceActivation LinearActivation MishActivation "
    "QuickGELUActivation ReLUSquaredActivation SiLUActivation SqrtSoftplusActivation "
    "XIELUActivation".split()
)

_ABSTRACT_MAPPINGS = ("collections.abc.MutableMapping", "collections.abc.Mapping")
_LINEAGES: dict[str, tuple[str, ...]] = {
    MODULE: (MODULE,),
    PRETRAINED: (PRETRAINED, MODULE),
    CONFIG: (CONFIG,),
    "transformers.GenerationMixin": ("transformers.GenerationMixin",),
    "transformers.GradientCheckpointingLayer": ("transformers.GradientCheckpointingLayer", MODULE),
    "transformers.ModelOutput": ("transformers.ModelOutput", "collections.OrderedDict"),
    "transformers.Conv1D": ("transformers.Conv1D", MODULE),
    FUSED_EXPERTS: (FUSED_EXPERTS, MODULE),
    PLACEHOLDER: (PLACEHOLDER, IDENTITY, MODULE),
    "transformers.PerLayerConfig": ("transformers.PerLayerConfig",),
    "transformers.RotaryEmbeddingConfigMixin": ("transformers.RotaryEmbeddingConfigMixin",),
    "torch.nn.NonDynamicallyQuantizableLinear": (
        "torch.nn.NonDynamicallyQuantizableLinear",
        LINEAR,
        MODULE,
    ),
    **{
        name: (name, *others, MODULE)
        for name, *others in (
            ("torch.nn.utils.parametrize.ParametrizationList", MODULE_LIST),
            ("torch.nn.utils.parametrizations._WeightNorm",),
            ("torch.nn.utils.parametrizations._SpectralNorm",),
        )
    },
    "transformers.DynamicCache": ("transformers.DynamicCache",),
    "torch.Tensor": ("torch.Tensor",),
    "torch.distributions.normal.Normal": ("torch.distributions.normal.Normal",),
    "torch.autograd.Function": ("torch.autograd.Function",),
    "builtins.object": ("builtins.object",),
    "packaging.version.Version": ("packaging.version.Version",),
    "abc.ABC": ("abc.ABC",),
    "enum.Enum": ("enum.Enum",),
    "enum.IntEnum": ("enum.IntEnum", "enum.Enum"),
    "enum.StrEnum": ("enum.StrEnum", "enum.Enum"),
    "typing.Protocol": ("typing.Protocol",),
    "typing.Generic": ("typing.Generic",),
    "typing.NamedTuple": ("typing.NamedTuple",),
    "typing.TypedDict": ("typing.TypedDict",),
    "collections.OrderedDict": ("collections.OrderedDict",),
    "collections.ChainMap": ("collections.ChainMap", *_ABSTRACT_MAPPINGS),
    "types.MappingProxyType": ("types.MappingProxyType", *_ABSTRACT_MAPPINGS[1:]),
    "types.SimpleNamespace": ("types.SimpleNamespace",),
}


def canonical(name: str) -> str:
    """The name under which `name` is modelled."""
    for package in _FLAT:
        if name.startswith(package + "."):
            parts = name[len(package) + 1 :].split(".")
            first = next((i for i, part in enumerate(parts) if part[:1].isupper()), -1)
            top = "transformers" if package == "transformers" else "torch.nn"
            name = ".".join([top, *parts[first:]])
    if name.startswith("operator."):
        name = f"_{name}"  # as `operator.add.__module__` says; operators on tensors have the other
    return _ALIASES.get(name, name)


def lineage(name: str) -> tuple[str, ...] | None:
    """The class `name` and all that it derives from; None when it is not known as a class."""
    known = _LINEAGES.get(name)
    if known is not None:
        return known
    package, _, last = name.rpartition(".")
    if package == "torch.nn" and last[:1].isupper() and last not in _NOT_MODULES:
        return (name, MODULE)
    if package == "transformers":
        return _transformers_lineage(name, last)
    return None


def is_activation(name: str) -> bool:
    """Whether the class `name` applies an activation function."""
    package, _, last = name.rpartition(".")
    known = {"torch.nn": TORCH_ACTIVATIONS, "transformers": TRANSFORMERS_ACTIVATIONS}
    return last in known.get(package, ())


def _transformers_lineage(name: str, last: str) -> tuple[str, ...] | None:
    if last in TRANSFORMERS_ACTIVATIONS:
        return (name, MODULE)
    if last.endswith("Output") or "ModelOutput" in last or "CausalLMOutput" in last:
        return (name, *_LINEAGES["transformers.ModelOutput"])
    return None
