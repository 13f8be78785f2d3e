"""The auto classes of transformers: from a model type to the classes of its config and model."""

from __future__ import annotations

from typing import cast

import libcst as cst

from forgather_lint.core.port import port_of
from forgather_lint.libraries.names import PRETRAINED
from forgather_lint.python.interpreter.classes import annotated, find_member, order_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.library import Site, op
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.interpreter.names import look_up
from forgather_lint.python.values.objects import ClassValue, Instance
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    DictValue,
    External,
    Known,
    Unknown,
    Value,
    known,
)


@op("transformers.PreTrainedModel._from_config")
def build_own(site: Site, cls: Value, config: Value, **options: Value) -> Value:
    """The class on which it is called, built from `config`."""
    return site.evaluator.call(cls, Arguments([config]), site.where)


def from_config(site: Site, config: Value, **options: Value) -> Value:
    """The model that an auto class builds for the type of `config`."""
    auto_class = site.name.split(".")[1]
    machine = cast("Machine", site.evaluator)
    model_type = _model_type(site, config)
    found = machine.loader.model_class(machine, auto_class, model_type) if model_type else None
    if found is None:
        return site.unknown("model-of-another-class")
    return site.evaluator.call(found, Arguments([config]), site.where)


for _name in (
    "AutoModel AutoModelForCausalLM AutoModelForSeq2SeqLM AutoModelForImageTextToText "
    "AutoModelForTextEncoding AutoModelForKeypointDetection AutoBackbone"
).split():
    op(f"transformers.{_name}.from_config")(from_config)


def _model_type(site: Site, config: Value) -> str | None:
    if not isinstance(config, Instance):
        return None
    try:
        value = site.evaluator.attribute(config, "model_type", site.where)
    except Raised:
        return None
    return value.value if isinstance(value, Known) and isinstance(value.value, str) else None


@op("transformers.CONFIG_MAPPING.__getitem__")
def config_class(site: Site, key: Value) -> Value:
    """The config class of a model type. Raises `Raised("KeyError")` for an unknown one."""
    machine = cast("Machine", site.evaluator)
    if not isinstance(key, Known) or not isinstance(key.value, str):
        return site.unknown("model-of-another-class")
    return machine.loader.config_class(machine, key.value) or site.unknown("model-type")


@op("transformers.CONFIG_MAPPING.__contains__")
def has_config_class(site: Site, key: Value) -> Value:
    found = config_class(site, key)
    return found if isinstance(found, Unknown) else known(True)


@op("transformers.AutoConfig.for_model")
def for_model(site: Site, model_type: Value, **keywords: Value) -> Value:
    cls = config_class(site, model_type)
    return site.evaluator.call(cls, Arguments([], keywords), site.where)


@port_of("transformers/models/auto/configuration_auto.py", "_LazyConfigMapping.register")
@op("transformers.AutoConfig.register")
def register_config(site: Site, model_type: Value, config: Value, exist_ok: Value = NONE) -> Value:
    """Raises for a type that the release has a config for, or that is not that of `config`."""
    machine = cast("Machine", site.evaluator)
    name = model_type.value if isinstance(model_type, Known) else None
    own = find_member(machine, config, "model_type") if isinstance(config, ClassValue) else None
    said = own.value.value if own is not None and isinstance(own.value, Known) else None
    if isinstance(name, str) and isinstance(said, str) and said != name:
        text = (
            "The config you are passing has a `model_type` attribute that is not consistent with "
            f"the model type you passed (config has {said} and you passed {name}. Fix one of those "
            "so they match!"
        )
        raise Raised("ValueError", text, site.where)
    taken = isinstance(name, str) and machine.environment.model_type_taken(name)
    if taken and machine.truth(exist_ok) is False:
        text = f"{name!r} is already used by a Transformers config, pick another name."
        raise Raised("ValueError", text, site.where)
    return NONE


@port_of("transformers/models/auto/auto_factory.py", "_BaseAutoModelClass.register")
def register_model(
    site: Site, config_class: Value, model_class: Value, exist_ok: Value = NONE
) -> Value:
    """Raises for a model class that names another config class, or none."""
    machine = cast("Machine", site.evaluator)
    if not isinstance(config_class, ClassValue) or not isinstance(model_class, ClassValue):
        return NONE
    named = config_of(machine, model_class)
    if named is NONE:
        text = "'NoneType' object has no attribute '__name__'"
        raise Raised("AttributeError", text, site.where)
    if isinstance(named, ClassValue) and named.name != config_class.name:
        text = (  # it goes on with both classes, in modules that are named when they are loaded
            "The model class you are passing has a `config_class` attribute that is not consistent "
            "with the config class you passed"
        )
        raise Raised("ValueError", text, site.where)
    _perhaps_taken(site, config_class, exist_ok)
    return NONE


for _name in (
    "AutoModel AutoModelForCausalLM AutoModelForMaskedLM AutoModelForSeq2SeqLM "
    "AutoModelForSequenceClassification AutoModelForTokenClassification "
    "AutoModelForQuestionAnswering AutoModelForImageTextToText"
).split():
    op(f"transformers.{_name}.register")(register_model)


@port_of("transformers/modeling_utils.py", "PreTrainedModel.__init_subclass__")
def config_of(machine: Machine, model: ClassValue) -> Value | None:
    """`config_class` of a model class, `NONE` where it names none; None where it is not known."""
    for cls in order_of(machine, model):
        if not isinstance(cls, ClassValue):
            return NONE if cls == External(PRETRAINED) else None
        found = cls.namespace.get("config_class", NONE)
        annotation = annotated(cls, "config")
        if found == NONE and annotation is not None:
            return _as_annotation(cls, annotation)
        if found != NONE:
            return found
    return None


def _as_annotation(cls: ClassValue, annotation: cst.BaseExpression) -> Value:
    """What a class keeps of an annotation in its body: the object, or the text of a quoted one."""
    if isinstance(annotation, cst.SimpleString):
        return Known(annotation.evaluated_value)
    if "annotations" in cls.scope.namespace.globals:  # from __future__
        return Known(cst.Module([]).code_for_node(annotation))
    found = look_up(cls.scope, annotation.value) if isinstance(annotation, cst.Name) else None
    return found or Unknown("annotation-of-several", cls.where)


def _perhaps_taken(site: Site, config: Value, exist_ok: Value) -> None:
    """Leaves it unproved that a registration passes: the library may have a class for the config.

    Source: transformers/models/auto/auto_factory.py, `_LazyAutoMapping.register`. Which mappings
    have a class for it is not modelled.
    """
    machine = cast("Machine", site.evaluator)
    stem = config.name.removesuffix("Config") if isinstance(config, ClassValue) else ""
    taken = bool(stem) and machine.environment.has_class(f"{stem}Model")
    if taken and machine.truth(exist_ok) is not True:
        machine.leave_unproved(site.unknown("name-of-config-taken"))


@port_of("transformers/models/auto/tokenization_auto.py", "AutoTokenizer.register")
@op("transformers.AutoTokenizer.register")
def register_tokenizer(
    site: Site, config_class: Value, *classes: Value, exist_ok: Value = NONE, **named: Value
) -> Value:
    """Raises where no tokenizer class is given."""
    if all(each is NONE or each == NONE for each in (*classes, *named.values())):
        raise Raised("ValueError", "You need to pass a `tokenizer_class`", site.where)
    _perhaps_taken(site, config_class, exist_ok)
    return NONE


@op("transformers.SubConfigSpec")
def sub_config_spec(
    site: Site,
    config_class: Value,
    model_type: Value = NONE,
    init_kwargs: Value = NONE,
    optional: Value = NONE,
) -> Value:
    """A dict of its arguments; see `sub_config`."""
    return DictValue(
        {
            "config_class": config_class,
            "model_type": model_type,
            "init_kwargs": init_kwargs,
            "optional": optional,
        }
    )


@port_of("transformers/configuration_utils.py", "create_subconfig")
def sub_config(site: Site, specification: Value, value: Value) -> Value:
    """What a composite config makes of the value of one of its sub-configs."""
    spec = specification.items if isinstance(specification, DictValue) else {}
    cls = spec.get("config_class", specification)
    is_none = isinstance(value, Known) and value.value is None
    if not is_none and not isinstance(value, DictValue):
        return value
    if is_none and cast("Machine", site.evaluator).truth(spec.get("optional", NONE)):
        return value
    keywords = spec.get("init_kwargs") if is_none else value
    items = keywords.items if isinstance(keywords, DictValue) else {}
    if not isinstance(cls, ClassValue):
        cls = config_class(site, items.get("model_type", spec.get("model_type", NONE)))
    given = {name: item for name, item in items.items() if isinstance(name, str)}
    return site.evaluator.call(cls, Arguments([], given), site.where)
