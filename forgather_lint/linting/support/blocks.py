"""The blocks that a model repeats: the elements of its stacks of layers."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.facts import Module, Structure
from forgather_lint.linting.support.tree import class_name, is_stack, is_within, linears

_LIBRARY = "torch."


def repeated_blocks(structure: Structure) -> Iterator[Module]:
    """The first block of each class among the elements of the outermost layer stacks.

    A block is a module of the model's own class with linear layers in at least two of its parts: it
    adds what each part returns to its input, and so must not be cut between them.
    """
    stacks = [module for module in structure.modules if is_stack(module)]
    seen: set[str] = set()
    for stack in stacks:
        if any(stack is not other and is_within(stack.name, other.name) for other in stacks):
            continue
        for element in structure.children(stack.name):
            if class_name(element) not in seen and _is_block(element, structure):
                seen.add(class_name(element))
                yield element


def _is_block(element: Module, structure: Structure) -> bool:
    if element.lineage and element.lineage[0].startswith(_LIBRARY):
        return False
    below = f"{element.name}."
    parts = {
        module.name.removeprefix(below).partition(".")[0]
        for module in linears(structure)
        if module.name.startswith(below)
    }
    return len(parts) > 1
