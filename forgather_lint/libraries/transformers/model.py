"""`PreTrainedModel`: what its constructor and `post_init` do to a model."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import cast

from forgather_lint.core.port import port_of
from forgather_lint.libraries.names import PRETRAINED
from forgather_lint.libraries.nn.build import set_plain
from forgather_lint.libraries.nn.module import children_of, walk
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.dispatch import machine_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.library import Site, op
from forgather_lint.python.interpreter.literals import NewDict
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import (
    BoundMethod,
    ClassMethod,
    FunctionValue,
    Instance,
)
from forgather_lint.python.values.value import (
    FALSE,
    NONE,
    TRUE,
    Arguments,
    Choice,
    DictValue,
    External,
    Known,
    TensorValue,
    Unknown,
    Value,
    known,
    next_serial,
)

MERGED = "plans-merged"
"""The note on a model whose `post_init` has run."""

_MOST_STEPS = 200_000
"""The most steps for matching a pattern: length of the name to the power of its repetitions."""


@port_of("transformers/modeling_utils.py", "get_correct_attn_implementation")
@op("transformers.PreTrainedModel.__init__")
def init(site: Site, self: Instance, config: Value = NONE, *inputs: Value, **kw: Value) -> Value:
    """Keeps the config, and sets its attention to eager where the class supports no other."""
    set_plain(site, self, config=config)
    chosen = cast("Machine", site.evaluator).environment.attention
    supported = _class_attribute(site, self, "_supports_sdpa")
    lacks_sdpa = supported is None or (isinstance(supported, Known) and not supported.value)
    if chosen == "sdpa" and lacks_sdpa and isinstance(config, Instance):
        set_plain(site, config, _attn_implementation=known("eager"))
    return NONE


def plans_merged(model: Instance) -> bool | None:
    """Whether `post_init` of `model` has run; None where that is not known."""
    note = model.notes.get(MERGED, FALSE)
    return bool(note.value) if isinstance(note, Known) else None


@port_of("transformers/distributed/mixin.py", "DistributedMixin.init_parallel_plans")
@op("transformers.PreTrainedModel.post_init")
def post_init(site: Site, self: Instance) -> Value:
    """Merges the plans of config, class and children; ties weights."""
    trail = site.evaluator.trail
    trail.set_key(self.notes, MERGED, TRUE)
    for attribute, config_key in _PLANS:
        plan = _merged_plan(site, self, attribute, config_key)
        set_plain(site, self, **{attribute: plan})
        trail.hide(self, attribute)
    initialise = site.evaluator.attribute(self, "init_weights", site.where)
    return site.evaluator.call(initialise, Arguments(), site.where)


@port_of("transformers/modeling_utils.py", "PreTrainedModel.init_weights")
@op("transformers.PreTrainedModel.init_weights")
def init_weights(site: Site, self: Instance) -> Value:
    """Initialises the parameters, of which only errors matter here, and ties them."""
    machine = cast("Machine", site.evaluator)
    world = machine.environment
    if world.building and world.parameters_on:
        found = replace(world, tensors_on=world.tensors_stay_on, initialising=True)
        with machine.undone_run(observer=machine.observer, environment=found):
            _initialise(site, self, self, set(), set())
    return tie_weights(site, self)


@port_of("transformers/modeling_utils.py", "PreTrainedModel.initialize_weights")
@port_of("transformers/modeling_utils.py", "PreTrainedModel._initialize_weights")
def _initialise(
    site: Site,
    model: Instance,
    module: Instance,
    met: set[Instance],
    done: set[tuple[Instance, Instance]],
) -> None:
    """Call `model._init_weights` for the modules below `module`, then for itself.

    A model inside initialises its own modules. Of modules that a loop has built alike, only the
    first is passed (`done` records it for each model), unless something was written that a later
    one may read.
    """
    machine = cast("Machine", site.evaluator)
    met.add(module)
    for child in children_of(site, module).values():
        if child in met:
            continue
        own_way = machine.is_instance_of(child, PRETRAINED)
        if not own_way or plans_merged(child) is not True:
            _initialise(site, child if own_way else model, child, met, done)
    member = find_member(machine, model.cls, "_init_weights")
    if member is None or not isinstance(member.value, FunctionValue):
        return
    like = (model, module.first_alike)
    if like in done:
        return
    holds = _holds_tensors(module) if machine.environment.holders_initialised else True
    if holds is None:
        machine.assume(site.unknown("undecided-module"))
    written = machine.trail.outside_writes
    if holds is not False:
        with machine.trail.guarding(next_serial()):
            machine.call(BoundMethod(model, member.value), Arguments([module]), site.where)
    if machine.trail.outside_writes == written and _tells_no_round(module):
        done.add(like)


def _tells_no_round(module: Instance) -> bool:
    """Whether all copies that a loop made of `module` hold the same, without a layer index."""
    return all(
        isinstance(value, TensorValue) or (isinstance(value, Known) and value.loop is None)
        for value in module.attributes.values()
    )


def _holds_tensors(module: Instance) -> bool | None:
    """Whether `module` has a parameter or buffer of its own; None where that is not known."""
    own = [value for name, value in module.attributes.items() if name not in module.hidden]
    if any(isinstance(each, TensorValue) and each.is_parameter for each in own):
        return True
    if any(isinstance(module.attributes.get(name), TensorValue) for name in module.buffers):
        return True
    undecided = module.open is not None or any(isinstance(each, Choice | Unknown) for each in own)
    return None if undecided else False


_PLANS = (("_tp_plan", "base_model_tp_plan"), ("_pp_plan", "base_model_pp_plan"))


def _merged_plan(site: Site, self: Instance, attribute: str, config_key: str) -> DictValue:
    merged = NewDict(cast("Machine", site.evaluator), site.where)
    world = cast("Machine", site.evaluator).environment
    if world.class_plans_kept:
        _merge(merged, _class_attribute(site, self, attribute), "")
    if world.config_plan_everywhere or base_model(site, self) is self:
        _merge(merged, _optional(site, self.attributes.get("config"), config_key), "")
    for name, child in self.attributes.items():
        if isinstance(child, Instance) and name not in self.hidden:
            _merge(merged, _child_plan(site, child, attribute), f"{name}.")
    return merged.made()


def _child_plan(site: Site, child: Instance, attribute: str) -> Value | None:
    own = child.attributes.get(attribute)
    return own if own is not None else _class_attribute(site, child, attribute)


def _class_attribute(site: Site, instance: Instance, name: str) -> Value | None:
    member = find_member(cast("Machine", site.evaluator), instance.cls, name)
    return member.value if member is not None else None


def _optional(site: Site, owner: Value | None, name: str) -> Value | None:
    if owner is None:
        return None
    try:
        return site.evaluator.attribute(owner, name, site.where)
    except Raised:
        return None


def _merge(target: NewDict, plan: Value | None, prefix: str) -> None:
    if isinstance(plan, DictValue):
        target.items.update({f"{prefix}{key}": value for key, value in plan.items.items()})
        target.rest = target.rest or plan.rest


@op("transformers.PreTrainedModel.base_model.get")
def base_model(site: Site, self: Instance) -> Value:
    prefix = _class_attribute(site, self, "base_model_prefix")
    name = prefix.value if isinstance(prefix, Known) else None
    found = self.attributes.get(name) if isinstance(name, str) else None
    return found if found is not None else self


@port_of("transformers/modeling_utils.py", "get_expanded_tied_weights_keys")
@op("transformers.PreTrainedModel.tie_weights")
def tie_weights(site: Site, self: Instance, *arguments: Value, **options: Value) -> Value:
    """Give the targets in `_tied_weights_keys` the parameter of their source.

    Only when the config has `tie_word_embeddings`. The form that all releases accept is a dict of
    target to source, both regular expressions.
    """
    machine = cast("Machine", site.evaluator)
    wanted = _optional(site, self.attributes.get("config"), "tie_word_embeddings")
    keys = _class_attribute(site, self, "_tied_weights_keys")
    if wanted is None or machine.truth(wanted) is not True or not isinstance(keys, DictValue):
        return NONE
    owners = _parameter_owners(site, self)
    for target, source in keys.items.items():
        if isinstance(target, str) and isinstance(source, Known) and isinstance(source.value, str):
            _tie(machine, owners, target, source.value)
    return NONE


def _parameter_owners(site: Site, self: Instance) -> dict[str, tuple[Instance, str]]:
    return {
        f"{prefix}.{name}" if prefix else name: (module, name)
        for prefix, module in walk(site, self)
        for name, value in module.attributes.items()
        if isinstance(value, TensorValue) and value.is_parameter
    }


def _tie(
    machine: Machine, owners: dict[str, tuple[Instance, str]], target: str, source: str
) -> None:
    found = owners.get(source)
    if found is None or len(target) > 200:
        return
    value = found[0].attributes[found[1]]
    for name, (module, leaf) in owners.items():
        if name == target or _matches(target, name):
            machine.trail.set_attribute(module, leaf, value)


def _matches(pattern: str, name: str) -> bool:
    r"""Whether a plain pattern of names, dots and `\d+` matches `name`."""
    if (
        not re.fullmatch(r"[\w.\\+^$*\[\]-]*", pattern)
        or len(name) ** (pattern.count("*") + pattern.count("+")) > _MOST_STEPS
    ):
        return False
    try:
        return re.fullmatch(pattern, name) is not None
    except re.error:
        return False


@op("transformers.PreTrainedModel.get_input_embeddings")
def get_input_embeddings(site: Site, self: Instance) -> Value:
    """The default: `embed_tokens`, here or in the base model, or that of the language model."""
    for owner in (self, self.attributes.get("model"), base_model(site, self)):
        if isinstance(owner, Instance) and "embed_tokens" in owner.attributes:
            return owner.attributes["embed_tokens"]
    inner = self.attributes.get("language_model", base_model(site, self))
    if inner is not self and isinstance(inner, Instance):
        method = site.evaluator.attribute(inner, "get_input_embeddings", site.where)
        return site.evaluator.call(method, Arguments(), site.where)
    return site.unknown("input-embeddings")


@op("transformers.PreTrainedModel.get_output_embeddings")
def get_output_embeddings(site: Site, self: Instance) -> Value:
    return self.attributes.get("lm_head", NONE)


@op("transformers.PreTrainedModel.set_input_embeddings")
@op("transformers.PreTrainedModel.warn_if_padding_and_no_attention_mask")
@op("transformers.PreTrainedModel.gradient_checkpointing_enable")
@op("transformers.PreTrainedModel.register_for_auto_class")
@op("transformers.PreTrainedModel._init_weights")
def nothing(site: Site, self: Value, *arguments: Value, **options: Value) -> Value:
    return NONE


@op("transformers.PreTrainedModel.get_decoder")
def get_decoder(site: Site, self: Instance) -> Value:
    return base_model(site, self)


@op("transformers.PreTrainedModel.device.get")
def device(site: Site, self: Instance) -> Value:
    return External("torch.device")


@op("transformers.PreTrainedModel.dtype.get")
def dtype(site: Site, self: Instance) -> Value:
    return External(f"torch.{machine_of(site).environment.dtype}")


@op("transformers.PreTrainedModel.gradient_checkpointing.get")
@op("transformers.PreTrainedModel.is_gradient_checkpointing.get")
@op("transformers.GradientCheckpointingLayer.gradient_checkpointing.get")
@op("transformers.PreTrainedModel.is_remote_code")
@op("transformers.PreTrainedModel._is_stateful.get")
def off(site: Site, self: Instance) -> Value:
    return FALSE


_DEFAULTS: dict[str, Value] = {
    "base_model_prefix": known(""),
    "main_input_name": known("input_ids"),
    "supports_gradient_checkpointing": FALSE,
    "_tp_plan": NONE,
    "_pp_plan": NONE,
    "_no_split_modules": NONE,
    "_tied_weights_keys": NONE,
    "_supports_sdpa": FALSE,
    "_supports_flash_attn": FALSE,
    "_supports_flash_attn_2": FALSE,
    "_supports_flex_attn": FALSE,
    "_supports_attention_backend": FALSE,
    "_keys_to_ignore_on_load_unexpected": NONE,
    "_keep_in_fp32_modules": NONE,
    "config_class": NONE,
    "_from_config": ClassMethod(External("transformers.PreTrainedModel._from_config")),
}


def class_default(name: str) -> Value | None:
    """The default of a class attribute that a model does not set; None if there is none."""
    owner, _, attribute = name.rpartition(".")
    return _DEFAULTS.get(attribute) if owner == PRETRAINED else None
