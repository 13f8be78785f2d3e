"""Rotary embeddings of transformers: where the config keeps their parameters, and their shapes.

Source: transformers/modeling_rope_utils.py, `RotaryEmbeddingConfigMixin` and the functions of
`ROPE_INIT_FUNCTIONS`. transformers 5 collects `rope_theta`, `rope_scaling` and
`partial_rotary_factor` in the dict `rope_parameters`, or in one such dict for each layer type.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from forgather_lint.core.port import port_of
from forgather_lint.core.source import Place
from forgather_lint.libraries.names import CONFIG
from forgather_lint.libraries.nn.build import set_plain
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.dispatch import machine_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.library import Site, op
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.dims import floor_divide
from forgather_lint.python.values.objects import ClassValue, Instance
from forgather_lint.python.values.value import (
    NONE,
    DictValue,
    External,
    Known,
    ListValue,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
    keyed,
    known,
    size_of,
)

_THETA = 10000.0

OLD_NAME = "rope_scaling"
NEW_NAME = "rope_parameters"
COMPLETED = "_completed_rope_parameters"
"""The parameters that a host has filled in, for a config that had none or others."""


def is_renamed(machine: Machine, config: Instance) -> bool:
    """Whether `config.rope_scaling` is an alias of `config.rope_parameters`.

    From 5.0 on it is, by a property of the base class, unless a class attribute hides that.
    """
    if not machine.environment.rope_parameters or not machine.is_instance_of(config, CONFIG):
        return False
    return find_member(machine, config.cls, OLD_NAME) is None


@op("transformers.PretrainedConfig.rope_parameters.get")
def rope_parameters(site: Site, self: Instance) -> Value:
    """The parameters of a config with the older attributes; from 5.0 on there are none such."""
    if machine_of(site).environment.rope_parameters:
        if COMPLETED in self.attributes:
            return _completed(site, self)
        name = self.cls.name.rpartition(".")[2]
        text = f"'{name}' object has no attribute '{NEW_NAME}'"
        raise Raised("AttributeError", text, site.where)
    scaling = self.attributes.get("rope_scaling")
    items: dict[Hashable, Value] = {"rope_type": known("default")}
    items["rope_theta"] = self.attributes.get("rope_theta", known(_THETA))
    if isinstance(scaling, DictValue):
        items.update(scaling.items)
    return DictValue(items)


@op("transformers.PretrainedConfig.rope_scaling.get")
def rope_scaling(site: Site, self: Instance) -> Value:
    if COMPLETED in self.attributes:
        return _completed(site, self)
    return self.attributes.get("rope_parameters", NONE)


def _completed(site: Site, config: Instance) -> Value:
    """What a host has filled in: transformers alone has it otherwise, which leaves it open."""
    machine_of(site).leave_unproved(Unknown("set-by-the-engine", site.where, NEW_NAME))
    return config.attributes[COMPLETED]


@op("transformers.PretrainedConfig.convert_rope_params_to_dict")
def convert(site: Site, self: Instance, *arguments: Value, **keywords: Value) -> Value:
    """Move the older keywords into `rope_parameters`; returns the others."""
    scaling = keywords.pop("rope_scaling", NONE)
    current = self.attributes.get("rope_parameters", NONE)
    parameters = scaling if isinstance(scaling, DictValue) and scaling.items else current
    if not isinstance(parameters, DictValue):
        parameters = DictValue({}, rest=parameters if isinstance(parameters, Unknown) else None)
    theta = keywords.pop("rope_theta", None) or _optional(site, self, "rope_theta")
    share = keywords.pop("partial_rotary_factor", None)
    for each in _flat(self, parameters):
        _set_default(site, each, "rope_theta", theta or known(_THETA))
        if share is not None:
            _set_default(site, each, "partial_rotary_factor", share)
    set_plain(site, self, rope_parameters=parameters)
    standardize(site, self)
    return DictValue(keyed(keywords))


@port_of(
    "transformers/modeling_rope_utils.py", "RotaryEmbeddingConfigMixin.standardize_rope_params"
)
@op("transformers.PretrainedConfig.standardize_rope_params")
def standardize(site: Site, self: Instance) -> Value:
    """Fill in the type, the base and the partial factor in every dict of parameters.

    A config with a base but without parameters gets some (modeling_rope_utils.py,
    `RotaryEmbeddingConfigMixin.standardize_rope_params`).
    """
    parameters = self.attributes.get("rope_parameters")
    share, theta = (
        _optional(site, self, "partial_rotary_factor"),
        _optional(site, self, "rope_theta"),
    )
    if theta is not None and not _is_none(theta) and (parameters is None or _is_none(parameters)):
        parameters = DictValue({})
        set_plain(site, self, rope_parameters=parameters)
    for each in _flat(self, parameters) if isinstance(parameters, DictValue) else ():
        _set_default(site, each, "rope_type", each.items.get("type", known("default")))
        if theta is not None and not _is_none(theta):
            _set_default(site, each, "rope_theta", theta)
        kind = each.items.get("rope_type")
        if isinstance(kind, Known) and kind.value in _LENGTHENED:
            length = _optional(site, self, "original_max_position_embeddings")
            length = length or _optional(site, self, "max_position_embeddings") or NONE
            _set_default(site, each, "original_max_position_embeddings", length)
        if share is not None and not _is_none(share):
            _set_default(site, each, "partial_rotary_factor", share)
    return NONE


def _set_default(site: Site, parameters: DictValue, key: str, value: Value) -> None:
    if key not in parameters.items:
        site.evaluator.trail.set_item(parameters, key, value)


_LENGTHENED = ("llama3", "yarn", "longrope")
"""The RoPE types that use the length that the model was trained on."""


_REQUIRED = {
    "linear": ("factor",),
    "dynamic": ("factor",),
    "yarn": ("factor",),
    "longrope": ("short_factor", "long_factor"),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor"),
}
"""What the parameters of a type must have, but for what `standardize_rope_params` fills in."""
_ODD_HEADS_FROM = 5
"""The smallest head of which an odd size is refused by some releases."""


def check_rope(machine: Machine, config: Instance, where: Place) -> None:
    """Raises for parameters that lack what their type requires.

    Source: transformers/modeling_rope_utils.py, `RotaryEmbeddingConfigMixin.validate_rope`.
    """
    parameters, text = config.attributes.get(NEW_NAME), machine.environment.rope_keys_missing
    if not isinstance(parameters, DictValue) or not text or not parameters.items:
        return
    for each in _flat(config, parameters):
        kind = each.items.get("rope_type", each.items.get("type", known("default")))
        name = kind.value if isinstance(kind, Known) else None
        required = _REQUIRED.get(str(name), ())
        missing = [key for key in required if key not in each.items]
        if missing and each.rest is None:
            shown = "{" + ", ".join(map(repr, missing)) + "}"
            raise Raised("KeyError", repr(text.format(type=name, keys=shown)), where)
        if any(not _is_number(each.items[key]) for key in required if key in each.items):
            machine.leave_unproved(Unknown("rope-parameters-not-followed", where))
        machine.trail.set_item(each, "rope_type", kind)
    size = size_of(config.attributes.get("head_dim", NONE))
    if isinstance(size, int) and size >= _ODD_HEADS_FROM and size % 2:
        machine.leave_unproved(Unknown("rope-parameters-not-followed", where, "head_dim"))


def _is_number(value: Value) -> bool:
    if isinstance(value, ListValue):
        return all(map(_is_number, value.items)) and value.rest is None
    held = value.value if isinstance(value, Known) else None
    return isinstance(held, int | float) and not isinstance(held, bool)


@op("transformers.PretrainedConfig.validate_rope")
def validate_rope(site: Site, self: Instance, *arguments: Value, **options: Value) -> Value:
    check_rope(machine_of(site), self, site.where)
    return NONE


@op("transformers.PretrainedConfig.nested_rope_parameter_keys")
def nested_keys(site: Site, self: Instance, rope_parameters: Value) -> Value:
    """The layer types with parameters of their own."""
    if not isinstance(rope_parameters, DictValue):
        return site.unknown("unknown-rope-parameters")
    return ListValue([known(name) for name in _nested(self, rope_parameters)])


def _nested(config: Instance, parameters: DictValue) -> list[str]:
    labels = _labels(config.cls) or config.attributes.get("layer_types")
    items = labels.items if isinstance(labels, ListValue | TupleValue) else ()
    names = {each.value for each in items if isinstance(each, Known)}
    return [key for key in parameters.items if isinstance(key, str) and key in names]


def _labels(cls: ClassValue | External) -> Value | None:
    """`_rope_type_labels` of the class or its bases: names that are no types of layers."""
    if not isinstance(cls, ClassValue):
        return None
    own = cls.namespace.get("_rope_type_labels")
    bases = (_labels(each) for each in cls.bases if isinstance(each, ClassValue))
    return own or next(filter(None, bases), None)


def _flat(config: Instance, parameters: DictValue) -> Iterator[DictValue]:
    """Each single dict of parameters: one for each layer type, or `parameters` itself."""
    nested = [parameters.items[name] for name in _nested(config, parameters)]
    if not nested:
        yield parameters
    yield from (each for each in nested if isinstance(each, DictValue))


def _is_none(value: Value) -> bool:
    return isinstance(value, Known) and value.value is None


@op("transformers.ROPE_INIT_FUNCTIONS.__getitem__")
def rope_function(site: Site, key: Value) -> Value:
    kind = key.value if isinstance(key, Known) else None
    if not _has(site, key):
        raise Raised("KeyError", repr(kind), site.where)
    return External(_PROPORTIONAL if kind == "proportional" else "transformers.rope_init")


_PROPORTIONAL = "transformers.proportional_rope_init"


@op("transformers.ROPE_INIT_FUNCTIONS.get")
def optional_rope_function(site: Site, key: Value, default: Value = NONE) -> Value:
    return rope_function(site, key) if _has(site, key) else default


@op("transformers.ROPE_INIT_FUNCTIONS.__contains__")
def has_rope_function(site: Site, key: Value) -> Value:
    return known(_has(site, key))


def _has(site: Site, key: Value) -> bool:
    """Whether the release has a function for that RoPE type; True where the type is not known."""
    types = machine_of(site).environment.rope_types
    return not types or not isinstance(key, Known) or key.value in types


@op("transformers.rope_init", "transformers.compute_default_rope_parameters")
def rope_init(
    site: Site,
    config: Value = NONE,
    device: Value = NONE,
    seq_len: Value = NONE,
    layer_type: Value = NONE,
    **options: Value,
) -> Value:
    """`(inv_freq, attention_scaling)`: as many frequencies as half the rotated width of a head."""
    head, share = _head_size(site, config), _share(site, config, layer_type)
    width = None if head is None or share is None else int(head * share)
    return _frequencies(site, width)


@op(_PROPORTIONAL)
def proportional_rope_init(
    site: Site,
    config: Value = NONE,
    device: Value = NONE,
    seq_len: Value = NONE,
    layer_type: Value = NONE,
    head_dim_key: Value = known("head_dim"),  # noqa: B008
) -> Value:
    """Frequencies for the whole head: those beyond the rotated share are zero."""
    name = head_dim_key.value if isinstance(head_dim_key, Known) else None
    return _frequencies(site, _head_size(site, config, str(name)))


def _frequencies(site: Site, width: int | None) -> Value:
    half = None if width is None else floor_divide(width + 1, 2)
    frequencies = TensorValue((half,), dtype="float32", origin=site.where)
    return TupleValue((frequencies, known(1.0)))


def _head_size(site: Site, config: Value, name: str = "head_dim") -> int | None:
    head = _integer(site, config, name)
    if head is None:
        hidden = _integer(site, config, "hidden_size")
        heads = _integer(site, config, "num_attention_heads")
        head = hidden // heads if hidden and heads else None
    return head


def _share(site: Site, config: Value, layer_type: Value) -> float | None:
    """The rotated share of a head, from `rope_parameters`, before 5.0 from the config itself."""
    parameters = _optional(site, config, "rope_parameters")
    if isinstance(layer_type, Known) and isinstance(parameters, DictValue):
        parameters = parameters.items.get(layer_type.value, parameters)
    factor = None
    if isinstance(parameters, DictValue):
        factor = parameters.items.get("partial_rotary_factor")
    factor = factor or _optional(site, config, "partial_rotary_factor") or NONE
    if _is_none(factor):
        return 1.0
    share = factor.value if isinstance(factor, Known) else None
    return float(share) if isinstance(share, int | float) else None


def _integer(site: Site, config: Value, name: str) -> int | None:
    value = _optional(site, config, name)
    size = size_of(value) if value is not None else None
    return size if isinstance(size, int) else None


def _optional(site: Site, owner: Value, name: str) -> Value | None:
    try:
        return site.evaluator.attribute(owner, name, site.where)
    except Raised:
        return None
