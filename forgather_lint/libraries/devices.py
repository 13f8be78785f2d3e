"""The devices of tensors while a model is built: vLLM keeps much of it on `meta`, without values.

A constructor that asks such a tensor for a number raises. Only a run that builds a model looks at
devices. How a device is chosen: torch/utils/_device.py, `DeviceContext`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.environment import Environment
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    External,
    Known,
    ListValue,
    TensorValue,
    TupleValue,
    Value,
    known,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine

META = "meta"
CPU = "cpu"
GPU = "cuda"
DEVICE = External("torch.device")

_FIRST = "meta of a first model"
"""The device of a tensor made without naming one, in a first model that is thrown away.

That model is built on `meta`; where such a tensor is in the second model is told by
`_device_later`.
"""

_NO_NUMBER = ("RuntimeError", "Tensor.item() cannot be called on meta tensors")
_NO_DATA = ("NotImplementedError", "Cannot copy out of meta tensor; no data!")
_NO_MODULE_DATA = (
    "NotImplementedError",
    "Cannot copy out of meta tensor; no data! Please use torch.nn.Module.to_empty() instead of "
    "torch.nn.Module.to() when moving module from meta to a different device.",
)
_NO_ARRAY = (
    "can't convert {device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to "
    "host memory first."
)
_TO_ARRAY = frozenset(["Tensor.numpy", "numpy.array", "numpy.asarray"])
_NO_POSITIONS = (
    "NotImplementedError",
    "The register_meta function for torch.nonzero() raises unimplemented by default, as a correct "
    "data-independent implementation does not exist.",
)
_NO_COUNTS = ("RuntimeError", "cannot repeat_interleave a meta tensor without output_size")


def _unsupported(name: str) -> tuple[str, str]:
    text = "attempted to run this operator with Meta tensors, but there was no fake impl"
    return "NotImplementedError", f"aten::{name}: {text} or Meta kernel registered."


_READERS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        (
            *("Tensor.item", "Tensor.__int__", "Tensor.__index__", "Tensor.__float__"),
            *("Tensor.__bool__", "Tensor.__complex__", "Tensor.__contains__"),
            *("torch.is_nonzero", "torch.allclose", "Tensor.allclose"),
            *(f"torch.nn.{name}.__init__" for name in ("Linear", "Embedding", "Dropout")),
        ),
        _NO_NUMBER,
    ),
    **dict.fromkeys(("Tensor.tolist", "Tensor.cpu", "Tensor.cuda"), _NO_DATA),
    **dict.fromkeys(
        ("torch.nonzero", "Tensor.nonzero", "torch.argwhere", "Tensor.argwhere"), _NO_POSITIONS
    ),
    **dict.fromkeys(("torch.masked_select", "Tensor.masked_select"), _unsupported("masked_select")),
    **dict.fromkeys(("torch.unique", "Tensor.unique"), _unsupported("_unique2")),
    **dict.fromkeys(("torch.equal", "Tensor.equal"), _unsupported("equal")),
    **dict.fromkeys(("torch.bincount", "Tensor.bincount"), _unsupported("bincount")),
}
"""What asks for the values of a tensor, and the error it raises where there are none."""

_SIZES_ARE_READ = frozenset(
    [
        *(f"torch.{name}" for name in ("zeros", "ones", "empty", "rand", "randn", "arange")),
        *(f"Tensor.{name}" for name in ("view", "reshape", "expand", "repeat", "split")),
        *(f"Tensor.{name}" for name in ("new_zeros", "new_ones", "new_empty", "tile")),
        "torch.split",
    ]
)
"""Ops whose arguments, other than the tensor itself, are numbers or tensors read as numbers."""

_MAKERS = frozenset(
    f"torch.{name}"
    for name in (
        "empty ones arange eye full linspace logspace rand randn randint randperm range "
        "tril_indices triu_indices zeros asarray tensor as_tensor scalar_tensor bartlett_window "
        "blackman_window hamming_window hann_window kaiser_window fft.fftfreq fft.rfftfreq "
        "empty_strided"
    ).split()
)
"""Functions that make tensors on the device that is chosen where they are called."""

_ON_CPU = frozenset(["torch.Tensor", "torch.normal", "torch.from_numpy"])
"""Functions that make tensors on the CPU, whatever device is chosen."""

_JOINING = frozenset(
    [
        *(f"operator.{n}" for n in "add sub mul truediv floordiv mod pow".split()),
        *(f"operator.{n}" for n in "eq ne lt le gt ge and_ or_ xor".split()),
        *(f"torch.{n}" for n in "add sub mul div pow maximum minimum cat concat stack".split()),
        "torch.where",
    ]
)
"""Ops whose operands must be on one device, except numbers in tensors without dimensions."""


def chosen_by(manager: Value, world: Environment) -> Environment:
    """The environment of code inside `with manager`, which may choose a device."""
    if not world.building or not isinstance(manager, Instance) or manager.cls != DEVICE:
        return world
    return replace(world, tensors_on=_named(manager, world.tensors_on))


def device_of(machine: Machine, value: Value) -> str:
    """The device of a tensor; "" where it is not known or does not matter."""
    world = machine.environment
    if not isinstance(value, TensorValue) or not world.building:
        return ""
    device = _kept_on(machine, value)
    if device == _FIRST:  # only the model that stays is initialised
        return world.tensors_stay_on if world.initialising else META
    return device


def _device_later(machine: Machine, value: TensorValue) -> str:
    """The device of `value` in the second model, the one that stays."""
    device = _kept_on(machine, value)
    return machine.environment.tensors_stay_on if device == _FIRST else device


def without_values(value: Value) -> bool:
    """Whether the tensor has no values in the model that stays, as a buffer of parameters."""
    return isinstance(value, TensorValue) and not value.is_parameter and value.device == META


def _kept_on(machine: Machine, value: TensorValue) -> str:
    if value.is_parameter and not value.device:
        return machine.environment.parameters_on
    return value.device


def registered(machine: Machine, value: Value) -> Value:
    """`value` as a module keeps it: a parameter is moved to the device of all parameters."""
    placed_alone = isinstance(value, TensorValue) and value.is_parameter and value.device
    if not placed_alone or not machine.environment.parameters_on:
        return value
    assert isinstance(value, TensorValue)
    return replace(value, device="")


def read_number(machine: Machine, value: Value, where: Place | None) -> None:
    """Called where `int(x)`, `if x` or the like reads a number from `value`.

    Raises what that raises.
    """
    if where is not None and device_of(machine, value) == META:
        raise Raised(*_NO_NUMBER, where)


def refuse(machine: Machine, name: str, arguments: Arguments, where: Place) -> None:
    """Raise what the op `name` raises for an operand without values, or on another device."""
    world = machine.environment
    if not world.building:
        return
    operands = list(tensors_in(arguments.all()))
    if not operands and not name.startswith("torch.nn.Module."):
        return
    devices = [device_of(machine, each) for each in operands]
    later = [_device_later(machine, each) for each in operands]
    if name in _READERS and META in devices:
        raise Raised(*_READERS[name], where)
    if name in _TO_ARRAY and devices[0] in (META, GPU):
        device = META if devices[0] == META else f"{GPU}:0"
        raise Raised("TypeError", _NO_ARRAY.format(device=device), where)
    numbers = arguments.all()[0 if name.startswith("torch.") and "split" not in name else 1 :]
    if name in _SIZES_ARE_READ and META in {device_of(machine, n) for n in tensors_in(numbers)}:
        raise Raised(*_NO_NUMBER, where)
    if name in ("operator.getitem", "torch.repeat_interleave", "Tensor.repeat_interleave"):
        _refuse_positions(machine, name, arguments, where)
    elif name == "operator.contains" and META in devices:
        raise Raised(*_NO_NUMBER, where)
    elif name in ("operator.setitem", "Tensor.copy_", "Tensor.to"):
        _refuse_copies(name, arguments, devices, where)
        _refuse_copies(name, arguments, later, where)
    elif name.startswith("torch.nn.Module."):
        _refuse_module(machine, name, arguments, where)
    elif name in _JOINING:
        _refuse_mixed(operands, devices, where)
        _refuse_mixed(operands, later, where)


def _refuse_positions(machine: Machine, name: str, arguments: Arguments, where: Place) -> None:
    """For ops whose result has as many elements as a mask has true ones, or as counts say."""
    index = arguments.positional[1] if len(arguments.positional) > 1 else NONE
    keys = index.items if isinstance(index, TupleValue) else (index,)
    empty = [each for each in tensors_in(keys) if device_of(machine, each) == META]
    if name == "operator.getitem" and any(each.dtype == "bool" for each in empty):
        raise Raised(*_NO_POSITIONS, where)
    if name != "operator.getitem" and empty and "output_size" not in arguments.keywords:
        raise Raised(*_NO_COUNTS, where)


def _refuse_copies(name: str, arguments: Arguments, devices: list[str], where: Place) -> None:
    """For copies from a tensor without values to a device that has values."""
    target = _target(arguments, META) if name == "Tensor.to" else devices[0]
    source = devices[:1] if name == "Tensor.to" else devices[1:]
    if META in source and target in (CPU, GPU):
        raise Raised(*_NO_DATA, where)


def _refuse_module(machine: Machine, name: str, arguments: Arguments, where: Place) -> None:
    """For moving a module with parameters on `meta` to a device where they would have values."""
    method = name.rpartition(".")[2]
    module = arguments.positional[0] if arguments.positional else NONE
    if method not in ("to", "cpu", "cuda") or not isinstance(module, Instance):
        return
    target = _target(arguments, META) if method == "to" else method
    if target not in ("", META) and any(
        device_of(machine, each) == META for each in _below(module, set())
    ):
        raise Raised(*(_NO_MODULE_DATA if method == "to" else _NO_DATA), where)


def _below(module: Instance, seen: set[Instance]) -> Iterator[Value]:
    """The tensors that `module` and the modules below it hold."""
    seen.add(module)
    for value in module.attributes.values():
        if isinstance(value, TensorValue):
            yield value
        elif isinstance(value, Instance) and value not in seen:
            yield from _below(value, seen)


def _refuse_mixed(operands: list[TensorValue], devices: list[str], where: Place) -> None:
    sized = [
        device
        for operand, device in zip(operands, devices, strict=True)
        if operand.shape or device == META
    ]
    known_all = all(devices) and all(each.shape is not None for each in operands)
    if known_all and META in sized and not {CPU, GPU}.isdisjoint(sized):
        other = next(each for each in sized if each != sized[0])
        of, expected = (f"{each}:0" if each == GPU else each for each in (other, sized[0]))
        text = f"Tensor on device {of} is not on the expected device {expected}!"
        raise Raised("RuntimeError", text, where)


def placed(machine: Machine, name: str, arguments: Arguments, made: Value) -> Value:
    """`made`, the result of the op `name`, with its device."""
    if not machine.environment.building or _is_one_of(made, arguments):
        return made
    return _put(made, _device_of_made(machine, name, arguments))


def _is_one_of(made: Value, arguments: Arguments) -> bool:
    return any(made is each for each in arguments.all())


def _put(made: Value, device: str) -> Value:
    if isinstance(made, TensorValue):
        return replace(made, device=device) if made.device != device else made
    if type(made) is TupleValue and any(isinstance(each, TensorValue) for each in made.items):
        return TupleValue(tuple(_put(each, device) for each in made.items))
    return made


def _device_of_made(machine: Machine, name: str, arguments: Arguments) -> str:
    world = machine.environment
    given = arguments.keywords.get("device", NONE)
    if given != NONE:
        return _named(given, world.tensors_on)
    if name in _MAKERS:
        return _FIRST if world.tensors_on == META else world.tensors_on
    if name in _ON_CPU:
        return CPU
    devices = [_kept_on(machine, each) for each in tensors_in(arguments.all())]
    if name == "Tensor.to" and devices:
        return _target(arguments, devices[0])
    if name.startswith("Tensor.") or name.endswith("_like"):
        devices = devices[:1]
    if {*devices} == {META, _FIRST}:
        return META
    return devices[0] if len(set(devices)) == 1 else ""


def _target(arguments: Arguments, own: str) -> str:
    """The device to which `x.to(...)` moves `x`.

    Its own if only a type is given, "" if not known.
    """
    for each in (*arguments.positional[1:], *arguments.keywords.values()):
        if isinstance(each, TensorValue):
            return each.device
        if isinstance(each, External) and each != DEVICE:
            continue
        if isinstance(each, Known) and not isinstance(each.value, str | int):
            continue
        if not (isinstance(each, Known) and isinstance(each.value, bool)):
            return _named(each, "")
    return own


def _named(device: Value, chosen: str) -> str:
    """The device that a value names, "" where that is not known.

    For None the one that is `chosen`.
    """
    if isinstance(device, Instance) and device.cls == DEVICE:
        if _FIRST in device.attributes:
            return _FIRST
        device = device.attributes.get("type", NONE)
    if not isinstance(device, Known):
        return ""
    if isinstance(device.value, str):
        return device.value.partition(":")[0]
    return chosen if device.value is None else GPU


def tensors_in(values: Iterable[Value]) -> Iterator[TensorValue]:
    """The tensors in `values`, and those in lists and tuples among them."""
    for value in values:
        if isinstance(value, TensorValue):
            yield value
        elif isinstance(value, TupleValue | ListValue):
            yield from tensors_in(value.items)


def shown_device(machine: Machine, value: Value, where: Place) -> Instance | None:
    """The value of `x.device` while a model is built; None where it is not known."""
    found = device_of(machine, value)
    if not found:
        return None
    shown = device_named(f"{GPU}:0" if found == GPU else found, where)
    if isinstance(value, TensorValue) and _kept_on(machine, value) == _FIRST:
        return Instance(DEVICE, {**shown.attributes, _FIRST: NONE}, where)
    return shown


def device_named(name: str, where: Place) -> Instance:
    """A `torch.device`, such as `cuda:1`."""
    kind, _, index = name.partition(":")
    number = known(int(index)) if index.isdigit() else NONE
    return Instance(DEVICE, {"type": known(kind), "index": number}, where)
