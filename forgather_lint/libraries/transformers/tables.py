"""Tables of transformers: activations, RoPE functions, tests for optional packages."""

from __future__ import annotations

from forgather_lint.core.port import port_of
from forgather_lint.facts.causes.placement import ArgumentNotTaken
from forgather_lint.libraries.names import ATTENTION_INTERFACE, MASK_FUNCTIONS
from forgather_lint.libraries.nn.build import parameter, set_buffer, set_plain
from forgather_lint.python.interpreter import subscripts
from forgather_lint.python.interpreter.dispatch import machine_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.library import Site, op
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import (
    FALSE,
    NONE,
    TRUE,
    Arguments,
    External,
    Known,
    TensorValue,
    TupleValue,
    Value,
    known,
)

# The classes of activations.py, ACT2CLS, of every release; which of them it has, it says itself.
_ACTIVATIONS = {
    "gelu": "transformers.GELUActivation",
    "gelu_10": "transformers.ClippedGELUActivation",
    "gelu_fast": "transformers.FastGELUActivation",
    "gelu_new": "transformers.NewGELUActivation",
    "gelu_python": "transformers.GELUActivation",
    "gelu_pytorch_tanh": "transformers.GELUTanh",
    "gelu_python_tanh": "transformers.GELUTanh",
    "gelu_accurate": "transformers.AccurateGELUActivation",
    "hardswish": "torch.nn.Hardswish",
    "laplace": "transformers.LaplaceActivation",
    "leaky_relu": "torch.nn.LeakyReLU",
    "linear": "transformers.LinearActivation",
    "mish": "transformers.MishActivation",
    "quick_gelu": "transformers.QuickGELUActivation",
    "relu": "torch.nn.ReLU",
    "relu2": "transformers.ReLUSquaredActivation",
    "relu6": "torch.nn.ReLU6",
    "sigmoid": "torch.nn.Sigmoid",
    "silu": "transformers.SiLUActivation",
    "sqrtsoftplus": "transformers.SqrtSoftplusActivation",
    "swish": "torch.nn.SiLU",
    "tanh": "torch.nn.Tanh",
    "prelu": "torch.nn.PReLU",
    "xielu": "transformers.XIELUActivation",
}


@op("transformers.ACT2FN.__getitem__", "transformers.get_activation")
def activation(site: Site, key: Value) -> Value:
    """`ACT2FN[name]` is a fresh module."""
    name = key.value if isinstance(key, Known) else None
    if not isinstance(name, str):
        return site.unknown("unknown-activation")
    if not _has_activation(site, name):
        text = f"'{name}'"
        if site.name == "transformers.get_activation":
            text = f"function {name} not found in ACT2FN mapping"
        raise Raised("KeyError", text, site.where)
    if name not in _ACTIVATIONS:
        return site.unknown("unknown-activation")
    return site.evaluator.call(External(_ACTIVATIONS[name]), Arguments(), site.where)


def _has_activation(site: Site, name: str) -> bool:
    """Whether `ACT2FN` of the release has `name`; if its names are not known, whether any has."""
    names = machine_of(site).environment.activations
    if names:
        return name in names
    return name in _ACTIVATIONS


@op("transformers.ACT2CLS.__getitem__")
def activation_class(site: Site, key: Value) -> Value:
    name = key.value if isinstance(key, Known) else None
    if isinstance(name, str) and _has_activation(site, name) and name in _ACTIVATIONS:
        return External(_ACTIVATIONS[name])
    return site.unknown("unknown-activation")


@op("transformers.ACT2FN.__contains__")
def has_activation(site: Site, key: Value) -> Value:
    name = key.value if isinstance(key, Known) else None
    if not isinstance(name, str):
        return site.unknown("unknown-activation")
    return known(_has_activation(site, name))


@port_of("transformers/activations.py", "XIELUActivation")
@op("transformers.XIELUActivation.__init__")
def xielu(
    site: Site,
    self: Instance,
    alpha_p_init: Value = NONE,
    alpha_n_init: Value = NONE,
    beta: Value = NONE,
    eps: Value = NONE,
    dtype: Value = NONE,
    with_vector_loads: Value = NONE,
) -> Value:
    """Has two learned slopes and an epsilon."""
    for name in ("alpha_p", "alpha_n"):
        set_plain(site, self, **{name: parameter(site, 1, dtype="bfloat16")})
    for name in ("beta", "eps"):
        set_buffer(site, self, name, TensorValue((), dtype="bfloat16"), persistent=True)
    return NONE


def _plain(site: Site, self: Value, *arguments: Value, **options: Value) -> Value:
    return NONE


_WITHOUT_PARAMETERS = {name for name in _ACTIVATIONS.values() if "XIELU" not in name}
for _name in sorted(name for name in _WITHOUT_PARAMETERS if name.startswith("transformers.")):
    op(f"{_name}.__init__")(_plain)


_ABSENT = (
    "is_flash_attn_2_available is_flash_attn_available is_flash_attn_greater_or_equal_2_10 "
    "is_flash_attn_greater_or_equal is_torch_fx_proxy is_torchdynamo_compiling "
    "is_torch_flex_attn_available is_torch_xla_available is_torch_npu_available "
    "is_kernels_available is_mamba_ssm_available is_causal_conv1d_available "
    "is_mamba_2_ssm_available is_bitsandbytes_available is_apex_available "
    "is_deepspeed_zero3_enabled is_fsdp_managed_module is_torch_fx_available "
    "is_xformers_available is_flash_linear_attention_available is_flash_attn_3_available "
    "is_grouped_mm_available is_torch_tpu_available is_torch_xpu_available "
    "is_torch_mps_available is_ninja_available is_torch_cuda_available is_detectron2_available "
    "is_torchvision_available is_scipy_available is_timm_available is_hqq_available "
    "is_quanto_available is_mambapy_available is_torchdynamo_exporting is_tracing "
    "flash_attn_supports_top_left_mask"
).split()
_PRESENT = (
    "is_torch_available is_torch_sdpa_available is_torch_greater_or_equal is_safetensors_available"
)


def _absent(site: Site, *arguments: Value, **options: Value) -> Value:
    """False: optional kernels are taken not to be installed, so the plain path is followed."""
    return FALSE


def _present(site: Site, *arguments: Value, **options: Value) -> Value:
    return TRUE


for _name in _ABSENT:
    op(f"transformers.{_name}")(_absent)
for _name in _PRESENT.split():
    op(f"transformers.{_name}")(_present)


_FIELDS = ("past_key_values", "hidden_states", "attentions", "router_logits")
"""Further fields of the library's outputs of base models; None where they are not given."""


@op("transformers.ModelOutput.__init__")
def model_output(site: Site, self: Instance, *arguments: Value, **fields: Value) -> Value:
    """Keeps the fields of an output, as in transformers/utils/generic.py."""
    set_plain(site, self, **{f"field_{i}": value for i, value in enumerate(arguments)}, **fields)
    if isinstance(self.cls, External):
        left_out = (name for name in _FIELDS if name not in self.attributes)
        set_plain(site, self, **dict.fromkeys(left_out, NONE))
    return NONE


@op("transformers.ModelOutput.__getitem__")
def output_item(site: Site, self: Instance, key: Value) -> Value:
    """A field by name, or by position among the fields that are not None."""
    if isinstance(key, Known) and isinstance(key.value, str):
        return self.attributes.get(key.value, NONE)
    return subscripts.read(machine_of(site), output_tuple(site, self), key, site.where)


@op("transformers.ModelOutput.to_tuple")
def output_tuple(site: Site, self: Instance) -> Value:
    given = [value for value in self.attributes.values() if value is not NONE]
    return TupleValue(tuple(v for v in given if not (isinstance(v, Known) and v.value is None)))


@op("transformers.slice_logits_to_keep")
def kept_positions(site: Site, hidden_states: Value, logits_to_keep: Value) -> Value:
    """The states that the head is applied to; 0 keeps all (transformers/modeling_utils.py)."""
    all_of_them = isinstance(logits_to_keep, Known) and logits_to_keep.value == 0
    return hidden_states if all_of_them else site.unknown("positions-to-keep")


@op("transformers.ALL_ATTENTION_FUNCTIONS.__getitem__", "transformers.ALL_ATTENTION_FUNCTIONS.get")
@op("transformers.ALL_ATTENTION_FUNCTIONS.get_interface")
def attention_function(site: Site, key: Value, default: Value = NONE) -> Value:
    """All registered implementations mean the same; `eager` is never registered."""
    if isinstance(key, Known) and key.value == "eager":
        if site.name.endswith("__getitem__"):
            raise Raised("KeyError", "'eager'", site.where)
        return default
    return External(ATTENTION_INTERFACE)


@op("transformers.AttentionInterface")
def attention_interface(site: Site) -> Value:
    """A new table, with the entries of the library's."""
    return External("transformers.ALL_ATTENTION_FUNCTIONS")


@port_of("transformers/masking_utils.py", "create_causal_mask")
@op(*MASK_FUNCTIONS)
def causal_mask(site: Site, *arguments: Value, **options: Value) -> Value:
    """None, as the engine passes no mask, unless the model asks for one in any case.

    Source: `create_causal_mask` in transformers/masking_utils.py, for PyTorch's attention.
    """
    if "input_embeds" in options and not machine_of(site).environment.mask_takes_input_embeds:
        function = site.name.rpartition(".")[2]
        text = f"{function}() got an unexpected keyword argument 'input_embeds'"
        cause = ArgumentNotTaken(function, "input_embeds")
        raise Raised("TypeError", text, site.where, cause=cause)
    if options.get("allow_is_causal_skip") != FALSE:
        return NONE
    given = options.get("inputs_embeds") or options.get("input_embeds") or arguments[1]
    shape = given.shape if isinstance(given, TensorValue) else None
    if not shape or len(shape) != 3:
        return site.unknown("mask-of-unknown-length")
    return TensorValue((shape[0], 1, shape[1], shape[1]), dtype="bool", origin=site.where)


@port_of("transformers/masking_utils.py", "create_recurrent_attention_mask")
@op("transformers.create_recurrent_attention_mask")
def recurrent_mask(
    site: Site, config: Value, inputs_embeds: Value, attention_mask: Value = NONE, **_: Value
) -> Value:
    """Which tokens are padding, for layers that scan; None without a mask.

    transformers/masking_utils.py, `create_recurrent_attention_mask`.
    """
    return NONE if attention_mask == NONE else site.unknown("padding-mask")
