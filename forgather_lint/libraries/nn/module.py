"""Methods and default attributes of `nn.Module` itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import libcst as cst

from forgather_lint.documents.walk import descendants
from forgather_lint.libraries.names import MODULE
from forgather_lint.libraries.nn import registration
from forgather_lint.libraries.nn.build import leave_open, set_plain
from forgather_lint.python.interpreter import stores
from forgather_lint.python.interpreter.calls import call_module
from forgather_lint.python.interpreter.classes import find_member, order_of
from forgather_lint.python.interpreter.dispatch import machine_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.library import Op, OpFailure, Site, op
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import (
    BoundMethod,
    FunctionValue,
    Instance,
    RegisteredDict,
)
from forgather_lint.python.values.value import (
    FALSE,
    NONE,
    TRUE,
    Arguments,
    Choice,
    External,
    IterableValue,
    Known,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
    keyed,
    known,
)


def is_module(site: Site, value: Value) -> bool:
    """Whether `value` is an `nn.Module`."""
    return registration.is_module(machine_of(site), value)


@op("torch.nn.Module.__init__")
def init(site: Site, self: Instance, *arguments: Value, **keywords: Value) -> Value:
    """Begins with empty dicts: what a module has registered before is gone. Takes no arguments."""
    machine = machine_of(site)
    if arguments or keywords:
        others = (e for e in order_of(machine, self.cls) if e != External(MODULE))
        if any(isinstance(each, External | Unknown) for each in others):
            # That class has a constructor of its own, which is not modelled.
            leave_open(site, self, "unmodelled-constructor")
        elif find_member(machine, self.cls, "call_super_init") is None:
            _refuse(self, arguments, keywords)
    if registration.has_begun(self):
        for name, value in list(self.attributes.items()):
            of_torch = isinstance(value, TensorValue) and (
                value.is_parameter or name in self.buffers
            )
            if name not in self.hidden and (of_torch or is_module(site, value)):
                machine.trail.delete_attribute(self, name)
    registration.note_begun(machine, self)
    return NONE


def _refuse(self: Instance, arguments: Sequence[Value], keywords: Mapping[str, Value]) -> None:
    title = f"{self.cls.name.rpartition('.')[2]}.__init__()"
    if keywords:
        text = f"{title} got an unexpected keyword argument '{next(iter(keywords))}'"
        raise OpFailure("TypeError", text)
    text = f"{title} takes 1 positional argument but {len(arguments) + 1} were given"
    raise OpFailure("TypeError", text)


def _name_of(value: Value) -> str | None:
    return value.value if isinstance(value, Known) and isinstance(value.value, str) else None


@op("torch.nn.Module.__setattr__")
def set_attribute(site: Site, self: Instance, name: Value, value: Value) -> Value:
    text = _name_of(name)
    if text is None:
        leave_open(site, self, "dynamic-attribute")
        return NONE
    registration.check_assigned(machine_of(site), self, text, value, site.where)
    stores.store(machine_of(site), self, text, value, site.where)
    return NONE


@op("torch.nn.Module.register_buffer")
def register_buffer(
    site: Site, self: Instance, name: Value, tensor: Value, persistent: Value = TRUE
) -> Value:
    text = _name_of(name)
    if text is None:
        return NONE
    registration.check_buffer(machine_of(site), self, text, tensor, site.where)
    site.evaluator.set_attribute(self, text, tensor, site.where)
    lasts = cast("Machine", site.evaluator).truth(persistent)
    kind = site.unknown("undecided-flag") if lasts is None else known(lasts)
    site.evaluator.trail.set_key(self.buffers, text, kind)
    return NONE


@op("torch.nn.Module.register_parameter")
def register_parameter(site: Site, self: Instance, name: Value, param: Value) -> Value:
    text = _name_of(name)
    if text is not None:
        registration.check_parameter(machine_of(site), self, text, param, site.where)
        if param == NONE:
            registration.note_none(machine_of(site), self, text, registration.PARAMETERS)
        set_plain(site, self, **{text: param})
        site.evaluator.trail.set_place(self, text, site.where)
    return NONE


@op("torch.nn.Module.add_module", "torch.nn.Module.register_module")
def add_module(site: Site, self: Instance, name: Value, module: Value) -> Value:
    text = _name_of(name)
    if text is None:
        leave_open(site, self, "dynamic-attribute")
    else:
        registration.check_child(machine_of(site), self, text, module, site.where)
        if module == NONE:
            registration.note_none(machine_of(site), self, text, registration.MODULE)
        set_plain(site, self, **{text: module})
        site.evaluator.trail.set_place(self, text, site.where)
    return NONE


@op("torch.nn.Module.training.get")
def training(site: Site, self: Instance) -> Value:
    """False: the engine calls `eval()`."""
    return FALSE


@op(*(f"{MODULE}.{each}" for each in ("__call__", "_call_impl", "_wrapped_call_impl")))
def call(site: Site, self: Instance, *arguments: Value, **keywords: Value) -> Value:
    """What a `__call__` of the model's own calls with `super()`: the forward."""
    given = Arguments([*arguments], keywords)
    return call_module(machine_of(site), self, given, site.where)


@op("torch.nn.Module.train")
def train(site: Site, self: Instance, mode: Value = TRUE) -> Value:
    """In a forward, an assumption; after a constructor the engine calls `eval()`."""
    machine = machine_of(site)
    if machine.truth(mode) is not False and not machine.environment.building:
        machine.assume(Unknown("training-mode", site.where))
    return self


@op("torch.nn.Module.get_submodule", "torch.nn.Module.get_parameter")
def get_submodule(site: Site, self: Instance, target: Value) -> Value:
    text = _name_of(target)
    if text is None:
        return site.unknown("dynamic-attribute")
    value: Value = self
    for part in text.split(".") if text else ():
        value = site.evaluator.attribute(value, part, site.where)
        if isinstance(value, Known):
            raise Raised("AttributeError", f"`{part}` is not an nn.Module", site.where)
    return value


def walk(
    site: Site, module: Instance, prefix: str = "", met: set[Instance] | None = None
) -> Iterator[tuple[str, Instance]]:
    """`module` and every module below it, by dotted name; each once, by its first name.

    Like `named_modules` of torch/nn/modules/module.py.
    """
    met = set() if met is None else met
    met.add(module)
    site.evaluator.budget.spend(1)
    yield prefix, module
    for name, value in children_of(site, module).items():
        if value not in met:
            yield from walk(site, value, f"{prefix}.{name}" if prefix else name, met)


def objects_below(module: Instance) -> Iterator[Instance]:
    """`module`, and every object that it and the modules below it hold; each once."""
    waiting, seen = [module], {module}
    while waiting:
        here = waiting.pop(0)
        yield here
        for name, value in here.attributes.items():
            shown = name not in here.hidden and name != "config"
            if isinstance(value, Instance) and shown and value not in seen:
                seen.add(value)
                waiting.append(value)


@op("torch.nn.Module.apply")
def apply(site: Site, self: Instance, fn: Value) -> Value:
    """Run `fn` on every module, innermost first.

    A function that only fills tensors, as nearly all do, is not run: it changes nothing that is
    known.
    """
    function = fn.function if isinstance(fn, BoundMethod) else fn
    if not isinstance(function, FunctionValue) or _sets_attributes(function):
        for _, module in reversed(list(walk(site, self))):
            site.evaluator.call(fn, Arguments([module]), site.where)
    return self


def _sets_attributes(function: FunctionValue) -> bool:
    """Whether the source assigns an attribute, or calls `setattr`."""
    return any(map(_sets_attribute, descendants(function.node)))


def _sets_attribute(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.AssignTarget | cst.AnnAssign | cst.AugAssign):
        return isinstance(node.target, cst.Attribute) and isinstance(node.target.value, cst.Name)
    called = node.func if isinstance(node, cst.Call) else None
    return isinstance(called, cst.Name) and called.value == "setattr"


def children_of(site: Site, self: Instance) -> dict[str, Instance]:
    """The direct children of `self`, by name."""
    found = {
        name: value
        for name, value in self.attributes.items()
        if isinstance(value, Instance) and name not in self.hidden
    }
    return {name: value for name, value in found.items() if is_module(site, value)}


@op("torch.nn.Module.children")
def children(site: Site, self: Instance) -> Value:
    return IterableValue(list(children_of(site, self).values()), self.open)


@op("torch.nn.Module.named_children")
def named_children(site: Site, self: Instance) -> Value:
    pairs: list[Value] = [TupleValue((known(n), v)) for n, v in children_of(site, self).items()]
    return IterableValue(pairs, self.open)


def _more(site: Site, self: Instance) -> Unknown | None:
    """Why there may be more modules below `self` than `walk` finds; None if there are none."""
    for _, module in walk(site, self):
        held = module.attributes.values()
        if module.open is not None:
            return module.open
        if any(isinstance(each, Choice) and _may_be_module(site, each) for each in held):
            return site.unknown("undecided-module")
    return None


def _may_be_module(site: Site, value: Choice) -> bool:
    return any(is_module(site, option) for option in value.options)


@op("torch.nn.Module.modules")
def modules(site: Site, self: Instance) -> Value:
    return IterableValue([module for _, module in walk(site, self)], _more(site, self))


@op("torch.nn.Module.named_modules")
def named_modules(site: Site, self: Instance, *arguments: Value, **options: Value) -> Value:
    pairs: list[Value] = [TupleValue((known(name), module)) for name, module in walk(site, self)]
    return IterableValue(pairs, _more(site, self))


@op("torch.nn.Module.parameters")
def parameters(site: Site, self: Instance, recurse: Value = TRUE) -> Value:
    return IterableValue([value for _, value in _parameters(site, self)])


@op("torch.nn.Module.named_parameters")
def named_parameters(site: Site, self: Instance, *arguments: Value, **options: Value) -> Value:
    return IterableValue([TupleValue((known(name), v)) for name, v in _parameters(site, self)])


def _parameters(site: Site, self: Instance) -> list[tuple[str, TensorValue]]:
    found: dict[TensorValue, str] = {}
    for prefix, module in walk(site, self):
        for name, value in module.attributes.items():
            if isinstance(value, TensorValue) and value.is_parameter:
                found.setdefault(value, f"{prefix}.{name}" if prefix else name)
    return [(name, value) for value, name in found.items()]


@op("torch.nn.Module._modules.get")
def modules_dict(site: Site, self: Instance) -> Value:
    return RegisteredDict(keyed(children_of(site, self)), rest=self.open, owner=self)


@op("torch.nn.Module._parameters.get")
def parameters_dict(site: Site, self: Instance) -> Value:
    held = self.attributes.items()
    own = {k: v for k, v in held if isinstance(v, TensorValue) and v.is_parameter}
    return RegisteredDict(keyed(own), rest=self.open, owner=self)


@op("torch.nn.Module._buffers.get")
def buffers_dict(site: Site, self: Instance) -> Value:
    own = {name: self.attributes[name] for name in self.buffers if name in self.attributes}
    return RegisteredDict(keyed(own), rest=self.open, owner=self)


@op("torch.nn.Module.register_forward_hook", "torch.nn.Module.register_forward_pre_hook")
def register_forward_hook(site: Site, self: Instance, *_: Value, **__: Value) -> Value:
    """Leaves it unproved: hooks are not followed, and engines replace the modules they are on."""
    machine_of(site).leave_unproved(Unknown("forward-hook", site.where))
    return site.unknown("hook-handle")


def _returns_self(site: Site, self: Instance, *arguments: Value, **options: Value) -> Value:
    return self


def _does_nothing(site: Site, self: Instance, *arguments: Value, **options: Value) -> Value:
    return NONE


def _for_each(names: str, meaning: Op) -> None:
    for name in names.split():
        op(f"torch.nn.Module.{name}")(meaning)


_for_each(
    "to cuda cpu float half bfloat16 double type eval requires_grad_ to_empty share_memory compile",
    _returns_self,
)
_for_each(
    "zero_grad register_full_backward_hook register_full_backward_pre_hook "
    "_register_load_state_dict_pre_hook register_load_state_dict_post_hook load_state_dict "
    "_register_state_dict_hook register_load_state_dict_pre_hook",
    _does_nothing,
)
