"""Questions about a module tree: folded names, linear layers, layer stacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from forgather_lint.facts import Module, Structure, folded
from forgather_lint.libraries.names import LINEAR, MODULE_DICT, MODULE_LIST


def is_within(name: str, ancestor: str) -> bool:
    """Whether `name` is `ancestor` or lies below it; everything lies below the root."""
    return not ancestor or name == ancestor or name.startswith(f"{ancestor}.")


def is_linear(module: Module) -> bool:
    """Whether vLLM replaces `module` by a linear layer of its own."""
    return module.is_a(LINEAR)


def is_module_list(module: Module) -> bool:
    """Whether vLLM can share out the elements of `module` among stages."""
    return module.is_a(MODULE_LIST)


def is_module_dict(module: Module) -> bool:
    """Whether `module` is an `nn.ModuleDict`, whose layers cannot be shared out among stages."""
    return module.is_a(MODULE_DICT)


def linears(structure: Structure) -> Iterator[Module]:
    """The modules that vLLM replaces by its own linear layers."""
    return (module for module in structure.modules if is_linear(module))


def is_stack(module: Module) -> bool:
    """Whether `module` holds the layers that a pipeline splits."""
    return is_module_list(module) or is_module_dict(module)


def stacked_linears(structure: Structure) -> tuple[Module, ...]:
    """The linear layers that lie in a stack of layers."""
    stacks = [module.name for module in structure.modules if is_stack(module)]
    return tuple(m for m in linears(structure) if any(is_within(m.name, s) for s in stacks))


def first_of_each(modules: Iterable[Module]) -> dict[str, Module]:
    """Folded name to the first module of that name."""
    first: dict[str, Module] = {}
    for module in modules:
        first.setdefault(folded(module.name), module)
    return first


def deepest_existing(structure: Structure, name: str) -> tuple[Module | None, str]:
    """The module at which a walk along `name` ends, and the component that it lacks."""
    module, walked = structure.module(""), ""
    for component in name.split("."):
        below = structure.module(f"{walked}.{component}" if walked else component)
        if below is None:
            return module, component
        module, walked = below, below.name
    return module, ""


def class_name(module: Module) -> str:
    """The bare name of the module's class, as `type(module).__name__` gives it."""
    return module.cls.rpartition(".")[2]


def blocks_around(structure: Structure, name: str) -> Iterator[str]:
    """`name` and its ancestors, innermost first, up to the layer of a stack that holds it."""
    yield name
    while name:
        above = name.rpartition(".")[0]
        holder = structure.module(above)
        if holder is not None and is_stack(holder):
            return
        name = above
        yield name
