"""`PretrainedConfig`: attributes from keywords, defaults, and `to_dict`."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import cast

from forgather_lint.core.port import port_of
from forgather_lint.libraries.names import CONFIG
from forgather_lint.libraries.nn.build import set_plain
from forgather_lint.libraries.stdlib.classes import (
    call_post_init,
    generated_below,
    set_fields,
)
from forgather_lint.libraries.transformers.auto import sub_config
from forgather_lint.libraries.transformers.strict import (
    check_base,
    check_strict,
    is_strict,
    refuse_positional,
)
from forgather_lint.python.interpreter.classes import find_member, order_of
from forgather_lint.python.interpreter.dispatch import machine_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.library import Site, op
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import ClassValue, FunctionValue, Instance
from forgather_lint.python.values.type_names import type_name
from forgather_lint.python.values.value import (
    FALSE,
    NONE,
    TRUE,
    Arguments,
    DictValue,
    External,
    Known,
    ListValue,
    SetValue,
    TupleValue,
    Unknown,
    Value,
    keyed,
    known,
)

_NOT_KEPT = frozenset({"torch_dtype", "attn_implementation", "name_or_path"})


@op("transformers.PretrainedConfig.__init__")
def init(site: Site, self: Instance, *arguments: Value, **keywords: Value) -> Value:
    """`super().__init__(...)` in a config class with an `__init__` of its own.

    If the base class has a generated `__init__`, that one runs: it sets its fields, given or not,
    and calls `__post_init__` with the rest. The one of the library's base class validates what it
    has made.
    """
    machine = cast("Machine", site.evaluator)
    said = "When `accept_kwargs=True`, PreTrainedConfig"
    refuse_positional(machine, said, len(arguments), site.where)
    generated = generated_below(machine, self.cls)
    if generated:
        left = set_fields(machine, self, generated[0], keywords, site.where)
        call_post_init(machine, self, Arguments([], left), site.where)
    elif machine.environment.fields_generated and _has_own_post_init(machine, self):
        call_post_init(machine, self, Arguments([], dict(keywords)), site.where)
    else:
        post_init(site, self, *arguments, **keywords)
    if not generated:
        check_base(machine, self, site.where)
    elif is_strict(generated[0]):
        check_strict(machine, self, generated[0], site.where)
    return NONE


def _has_own_post_init(machine: Machine, self: Instance) -> bool:
    member = find_member(machine, self.cls, "__post_init__")
    return member is not None and isinstance(member.value, FunctionValue)


@op("transformers.PretrainedConfig.__post_init__")
def post_init(site: Site, self: Instance, *arguments: Value, **keywords: Value) -> Value:
    """Every keyword that is not special becomes an attribute."""
    world = cast("Machine", site.evaluator).environment
    if "torch_dtype" in keywords and "dtype" not in keywords:
        set_plain(site, self, dtype=keywords["torch_dtype"])
    _set_parts(site, self)
    if "rope_parameters" in self.attributes or (world.rope_parameters and _says_rope(keywords)):
        keywords = dict(_with_rope_moved(site, self, keywords))
    for name, value in keywords.items():
        if name not in _NOT_KEPT and name not in world.popped_fields:
            site.evaluator.set_attribute(self, name, value, site.where)
    _rename_layer_types(site, self)
    _check_labels(site, self, keywords)
    said = self.attributes.get("dtype", NONE)
    if isinstance(said, Known) and isinstance(said.value, str):
        if said.value not in _DTYPES:
            machine_of(site).leave_unproved(Unknown("unknown-dtype", site.where, said.value))
        elif said.value != "auto":
            dtype = External(f"torch.{said.value}")
            set_plain(site, self, dtype=dtype, torch_dtype=dtype)
    return NONE


_DTYPES = frozenset(
    "auto float32 float float16 half bfloat16 float64 double float8_e4m3fn float8_e5m2".split()
)
_SINGLE_LABEL = "single_label_classification"
_PROBLEMS = ("regression", _SINGLE_LABEL, "multi_label_classification")


def _check_labels(site: Site, self: Instance, keywords: Mapping[str, Value]) -> None:
    """Raises for labels that are no dict of numbers, and for a number of them that is none.

    Source: transformers/configuration_utils.py, `PreTrainedConfig.__post_init__`.
    """
    named = self.attributes.get("id2label", NONE)
    count = keywords.get("num_labels", NONE)
    if isinstance(named, Known | ListValue) and named != NONE:
        text = f"'{type_name(named)}' object has no attribute 'items'"
        raise Raised("AttributeError", text, site.where)
    for key in named.items if isinstance(named, DictValue) else ():
        try:
            int(key if isinstance(key, str) else 0)
        except ValueError as error:
            raise Raised("ValueError", str(error), site.where) from None
    if named == NONE and isinstance(count, Known) and isinstance(count.value, str | float):
        text = f"'{type_name(count)}' object cannot be interpreted as an integer"
        raise Raised("TypeError", text, site.where)
    problem = self.attributes.get("problem_type", NONE)
    if problem == Known(_SINGLE_LABEL) and count == Known(1):
        text = f'`problem_type="{_SINGLE_LABEL}"` requires `num_labels > 1`.'
        raise Raised("ValueError", text, site.where)
    other = isinstance(problem, Known) and problem.value not in (None, *_PROBLEMS)
    if other and not machine_of(site).environment.fields_generated:
        machine_of(site).leave_unproved(Unknown("unknown-problem-type", site.where))


def _says_rope(keywords: Mapping[str, Value]) -> bool:
    """Whether older keywords ask for RoPE scaling, in a config without an attribute for it."""
    scaling = keywords.get("rope_scaling")
    return isinstance(scaling, DictValue) and bool(scaling.items) and "rope_theta" in keywords


@port_of("transformers/configuration_utils.py", "remap_legacy_layer_types")
def _rename_layer_types(site: Site, self: Instance) -> None:
    """Rename layer types to the names that newer releases have for them."""
    rules = cast("Machine", site.evaluator).environment.layer_types
    given = self.attributes.get("layer_types")
    if rules is None or not rules.renamed or not isinstance(given, ListValue):
        return
    renamed = [
        known(rules.renamed.get(str(each.value), each.value)) if isinstance(each, Known) else each
        for each in given.items
    ]
    set_plain(site, self, layer_types=ListValue(renamed, rest=given.rest))


def _set_parts(site: Site, self: Instance) -> None:
    """Make the sub-configs of a composite config; from 5.20 on they are declared on its class."""
    machine = cast("Machine", site.evaluator)
    member = find_member(machine, self.cls, "sub_configs_defaults")
    specifications = member.value if member is not None else None
    for name, each in specifications.items.items() if isinstance(specifications, DictValue) else ():
        value = self.attributes.get(str(name), NONE)
        set_plain(site, self, **{str(name): sub_config(site, each, value)})


def _with_rope_moved(
    site: Site, self: Instance, keywords: Mapping[str, Value]
) -> Mapping[str, Value]:
    """The rest of `keywords` after `convert_rope_params_to_dict`, which may be overridden."""
    method = site.evaluator.attribute(self, "convert_rope_params_to_dict", site.where)
    left = site.evaluator.call(method, Arguments([], dict(keywords)), site.where)
    items = left.items if isinstance(left, DictValue) else keywords
    return {str(name): value for name, value in items.items()}


_DEFAULTS: dict[str, Value] = {
    "model_type": known(""),
    "is_encoder_decoder": FALSE,
    "is_decoder": FALSE,
    "add_cross_attention": FALSE,
    "tie_word_embeddings": FALSE,
    "output_hidden_states": FALSE,
    "output_attentions": FALSE,
    "return_dict": TRUE,
    "use_return_dict": TRUE,
    "chunk_size_feed_forward": known(0),
    "num_labels": known(2),
    "problem_type": NONE,
    "torch_dtype": NONE,
    "dtype": NONE,
    "pad_token_id": NONE,
    "bos_token_id": NONE,
    "eos_token_id": NONE,
    "sep_token_id": NONE,
    "decoder_start_token_id": NONE,
    "pruned_heads": NONE,
    "torchscript": FALSE,
    "architectures": NONE,
    "base_model_tp_plan": NONE,
    "base_model_pp_plan": NONE,
    "base_model_ep_plan": NONE,
    "attribute_map": NONE,
    "default_theta": known(10000.0),
    "default_rope_type": known("default"),
    "ignore_keys_at_rope_validation": SetValue({}),
    "_name_or_path": known(""),
    "_experts_implementation": NONE,
}


def class_default(name: str) -> Value | None:
    """The default of a config attribute that nothing sets; None if there is none.

    Some of these left the base class in transformers 5 (`pad_token_id`, `tie_word_embeddings`); the
    module tree does not depend on that, and the serving rules say which release lacks them.
    """
    owner, _, attribute = name.rpartition(".")
    return _DEFAULTS.get(attribute) if owner == CONFIG else None


_WHOSE = "the name of the attention"
_OF_TRANSFORMERS = frozenset(("sdpa", "eager"))
"""What the library itself sets, where nobody asks for another attention."""


@op("transformers.PretrainedConfig._attn_implementation.get")
def attention_implementation(site: Site, self: Instance) -> Value:
    """The implementation that the model is built for, which the engine has set."""
    machine = cast("Machine", site.evaluator)
    here = machine.environment.attention
    return (
        known(here) if here in _OF_TRANSFORMERS else machine.tell(here, "sdpa", _WHOSE, site.where)
    )


@port_of("transformers/utils/generic.py", "is_flash_attention_requested")
@op("transformers.is_flash_attention_requested")
def flash_attention_requested(
    site: Site,
    config: Value = NONE,
    requested_attention_implementation: Value = NONE,
    version: Value = NONE,
) -> Value:
    """Whether the implementation is flash attention."""
    chosen = requested_attention_implementation
    if isinstance(config, Instance):
        chosen = site.evaluator.attribute(config, "_attn_implementation", site.where)
    if not isinstance(chosen, Known):
        return Unknown("unknown-attention-implementation", site.where)
    return known("flash" in str(chosen.value))


@op("transformers.PretrainedConfig.num_hidden_layers.get")
def layers_by_list(site: Site, self: Instance) -> Value:
    raise Raised("AttributeError", "config has no attribute 'num_hidden_layers'", site.where)


_DECODERS, _ENCODERS = ("decoder", "generator", "text_config"), ("text_encoder",)


@port_of("transformers/configuration_utils.py", "get_text_config")
@op("transformers.PretrainedConfig.get_text_config")
def get_text_config(
    site: Site, self: Instance, decoder: Value = NONE, encoder: Value = NONE
) -> Value:
    """The only sub-config that may be of a text model; without one, the config itself."""
    of_decoder, of_encoder = (
        cast("Machine", site.evaluator).truth(each) for each in (decoder, encoder)
    )
    if of_decoder is None or of_encoder is None:
        return Unknown("which-text-config", site.where)
    names: tuple[str, ...] = (*_ENCODERS, *_DECODERS)
    if of_decoder is not of_encoder:
        names = _DECODERS if of_decoder else _ENCODERS
    found = {name: part for name in names if (part := _part(site, self, name)) != NONE}
    if len(found) > 1:
        if any(isinstance(part, Unknown) for part in found.values()):
            return Unknown("which-text-config", site.where)
        text = f"Multiple valid text configs were found in the model config: {list(found)}."
        raise Raised("ValueError", text, site.where)
    return next(iter(found.values()), self)


def _part(site: Site, config: Instance, name: str) -> Value:
    """`config.name`; None where there is no such attribute."""
    try:
        return site.evaluator.attribute(config, name, site.where)
    except Raised:
        return NONE


@port_of("transformers/configuration_utils.py", "to_dict")
@port_of("transformers/configuration_utils.py", "_remove_keys_not_serialized")
@op("transformers.PretrainedConfig.to_dict")
def to_dict(site: Site, self: Instance) -> Value:
    """Every attribute except the plans, with class constants that a config declares."""
    items: dict[Hashable, Value] = keyed(_class_constants(site, self))
    items.update(self.attributes)
    for name in ("base_model_tp_plan", "base_model_pp_plan", "_attn_implementation"):
        items.pop(name, None)
    if cast("Machine", site.evaluator).environment.rope_parameters:
        _rename_rope(items)
    return DictValue(items, rest=self.open)


@port_of("transformers/configuration_utils.py", "rope_scaling")
def _rename_rope(items: dict[Hashable, Value]) -> None:
    """Merge `rope_scaling` and `rope_theta` into `rope_parameters`, as transformers 5 does.

    Source: transformers/configuration_utils.py, `PreTrainedConfig.rope_scaling` and
    `__post_init__`.
    """
    if "rope_scaling" not in items:
        return
    scaling = items.pop("rope_scaling")
    if isinstance(scaling, DictValue) and scaling.items and "rope_theta" in items:
        theta = items.pop("rope_theta")
        scaling = DictValue({**scaling.items, "rope_theta": theta}, rest=scaling.rest)
    items.setdefault("rope_parameters", scaling)


def _class_constants(site: Site, self: Instance) -> dict[str, Value]:
    """The class attributes that are written out: `model_type` is, others are not."""
    found: dict[str, Value] = {}
    for entry in order_of(cast("Machine", site.evaluator), self.cls):
        if isinstance(entry, ClassValue) and "model_type" in entry.namespace:
            found.setdefault("model_type", entry.namespace["model_type"])
    return found


@op("transformers.PretrainedConfig.get")
def get(site: Site, self: Instance, key: Value, default: Value = NONE) -> Value:
    name = key.value if isinstance(key, Known) else None
    return self.attributes.get(name, default) if isinstance(name, str) else default


@op("transformers.PretrainedConfig.update")
def update(site: Site, self: Instance, config_dict: Value) -> Value:
    """Set every key of a dict as an attribute."""
    if isinstance(config_dict, DictValue):
        for name, value in config_dict.items.items():
            if isinstance(name, str):
                site.evaluator.set_attribute(self, name, value, site.where)
    rest = config_dict.rest if isinstance(config_dict, DictValue) else site.unknown("unknown-dict")
    site.evaluator.trail.may_have_more(self, rest)
    return NONE


@op(
    "transformers.PretrainedConfig.ignore_keys_at_rope_validation",
    "transformers.PretrainedConfig.validate",
    "transformers.PretrainedConfig.validate_architecture",
    "transformers.PretrainedConfig.validate_layer_type",
    "transformers.PretrainedConfig.validate_output_attentions",
    "transformers.PretrainedConfig.validate_token_ids",
)
def nothing(site: Site, self: Instance, *arguments: Value, **options: Value) -> Value:
    return NONE


@op("transformers.PretrainedConfig.register_for_auto_class")
def register_for_auto_class(site: Site, *arguments: Value, **options: Value) -> Value:
    """Has no effect here: it changes only what `save_pretrained` writes."""
    return NONE


@op("transformers.rope_config_validation", "transformers.layer_type_validation")
def validation(site: Site, *arguments: Value, **options: Value) -> Value:
    return NONE


def plain(value: Value) -> object:
    """A config value as a Python object; None for one that is not plain."""
    match value:
        case Known(content):
            return content
        case ListValue():
            return [plain(item) for item in value.items]
        case TupleValue(items):
            return [plain(item) for item in items]
        case DictValue():
            return {str(key): plain(item) for key, item in value.items.items()}
    return None
