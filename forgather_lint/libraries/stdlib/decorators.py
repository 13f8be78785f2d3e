"""Decorators of torch and transformers that do not change what a function or class computes."""

from __future__ import annotations

from forgather_lint.python.interpreter.dispatch import machine_of
from forgather_lint.python.interpreter.library import Site, op
from forgather_lint.python.values.objects import BoundMethod, ClassValue, FunctionValue
from forgather_lint.python.values.value import FALSE, NONE, TRUE, External, Value

_IDENTITY = External("functools.identity")

_DECORATORS = (
    "transformers.auto_docstring transformers.strict transformers.merge_with_config_defaults "
    "transformers.dynamic_rope_update transformers.force_fp32 "
    "transformers.filter_output_hidden_states transformers.torch_compilable_check "
    "transformers.use_experts_implementation transformers.requires "
    "torch.no_grad torch.inference_mode torch.compile torch.jit.script torch.jit.ignore "
    "torch.jit.script_if_tracing"
)
_MAKERS = (
    "transformers.use_kernel_forward_from_hub transformers.use_kernelized_func "
    "transformers.use_kernel_func_from_hub transformers.use_kernel_func_from_hub_with_fallback "
    "transformers.deprecate_kwarg transformers.add_start_docstrings "
    "transformers.add_start_docstrings_to_model_forward transformers.replace_return_docstrings "
    "transformers.replace_list_option_in_docstrings transformers.accepts_precomputed_kwargs "
    "transformers.compile_compatible_method_lru_cache transformers.force_accelerate_hooks "
    "transformers.select_hidden_states transformers.filter_out_non_signature_kwargs "
    "torch.manual_seed"
)


def _decorator(site: Site, *arguments: Value, **options: Value) -> Value:
    """A decorator that is used bare, or called with options first."""
    decorates = arguments and isinstance(arguments[0], FunctionValue | ClassValue | BoundMethod)
    return arguments[0] if decorates else _IDENTITY


def _maker(site: Site, *arguments: Value, **options: Value) -> Value:
    """A decorator that is always called with options first, one of which may be a function."""
    return _IDENTITY


TAKERS = frozenset(
    f"transformers.{_name}"
    for _name in "can_return_tuple capture_outputs check_model_inputs".split()
)
"""Decorators that answer `return_dict` themselves (transformers/utils/generic.py)."""


@op(*TAKERS)
def taker(site: Site, *arguments: Value, **options: Value) -> Value:
    """Such a decorator, called with options; or a function that is decorated by a call."""
    return arguments[0] if arguments else External(site.name)


@op("transformers.maybe_autocast", "torch.autocast", "torch.amp.autocast")
@op("torch.cuda.amp.autocast", "torch.cpu.amp.autocast")
def autocast(
    site: Site,
    device_type: Value = NONE,
    dtype: Value = NONE,
    enabled: Value = TRUE,
    **options: Value,
) -> Value:
    """A context, or a decorator, in which torch converts operands to one type by itself."""
    if FALSE not in (enabled, device_type):  # torch.cuda.amp.autocast(False)
        machine_of(site).run.autocast = True
    return _IDENTITY


for _name in _DECORATORS.split():
    op(_name)(_decorator)
for _name in _MAKERS.split():
    op(_name)(_maker)
