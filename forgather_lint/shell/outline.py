"""A module tree for people: repeated layers folded, as text or as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.facts import Module, Parameter, Structure


@record
class Line:
    """One line of the outline, which stands for `count` equal modules."""

    depth: int
    label: str
    module: Module
    count: int = 1


def outline(structure: Structure, max_depth: int | None, expand: bool) -> Iterator[Line]:
    """The modules in tree order; siblings that differ only in their number share a line."""
    children: dict[str, list[Module]] = {}
    for module in structure.modules:
        if module.name:
            children.setdefault(module.parent, []).append(module)
    root = structure.module("")
    if root is not None:
        yield Line(0, root.cls, root)
        yield from _below(structure, children, root, 1, max_depth, expand)


Children = dict[str, list[Module]]


def _below(
    structure: Structure,
    children: Children,
    parent: Module,
    depth: int,
    max_depth: int | None,
    expand: bool,
) -> Iterator[Line]:
    if max_depth is not None and depth > max_depth:
        return
    for group in _groups(children, children.get(parent.name, []), expand):
        first, last = group[0], group[-1]
        label = first.leaf if len(group) == 1 else f"{parent.leaf}.{first.leaf}-{last.leaf}"
        yield Line(depth, label, first, len(group))
        yield from _below(structure, children, first, depth + 1, max_depth, expand)


def _groups(children: Children, modules: list[Module], expand: bool) -> list[list[Module]]:
    groups: list[list[Module]] = []
    for module in modules:
        previous = groups[-1][-1] if groups else None
        if previous is not None and not expand and _follows(children, previous, module):
            groups[-1].append(module)
        else:
            groups.append([module])
    return groups


def _follows(children: Children, previous: Module, module: Module) -> bool:
    numbered = previous.leaf.isdigit() and module.leaf.isdigit()
    if not numbered or int(module.leaf) != int(previous.leaf) + 1:
        return False
    return _alike(children, previous, module)


def _alike(children: Children, one: Module, other: Module) -> bool:
    if (one.cls, one.sizes, one.certain) != (other.cls, other.sizes, other.certain):
        return False
    ours, theirs = children.get(one.name, []), children.get(other.name, [])
    return len(ours) == len(theirs) and all(
        left.leaf == right.leaf and _alike(children, left, right)
        for left, right in zip(ours, theirs, strict=True)
    )


def own_parameters(structure: Structure, module: Module) -> list[Parameter]:
    """The parameters that `module` holds directly."""
    return [p for p in structure.parameters if p.name.rpartition(".")[0] == module.name]


def shared_groups(structure: Structure) -> list[list[str]]:
    """Groups of names of the same parameter, in tree order."""
    groups: dict[str, list[str]] = {}
    for parameter in structure.parameters:
        groups.setdefault(parameter.same_as or parameter.name, []).append(parameter.name)
    return [names for names in groups.values() if len(names) > 1]


def _span(place: Place) -> str:
    return str(place.span)


def as_json(structure: Structure, shown: Callable[[Place], str] = _span) -> dict[str, object]:
    """The tree unfolded, with an object for each module, parameter, buffer and unknown."""
    return {
        "root": structure.root,
        "modules": [
            {"name": m.name, "class": m.cls, "location": shown(m.where), "certain": m.certain}
            for m in structure.modules
            if m.name
        ],
        "parameters": [_tensor(parameter) for parameter in structure.parameters],
        "buffers": [_tensor(buffer) for buffer in structure.buffers],
        "shared": shared_groups(structure),
        "unknown": [
            {"reason": u.reason, "location": shown(u.where) if u.where else None}
            for u in structure.unknowns
        ],
    }


def _tensor(parameter: Parameter) -> dict[str, object]:
    shape = None if parameter.shape is None else list(parameter.shape)
    return {"name": parameter.name, "shape": shape}
