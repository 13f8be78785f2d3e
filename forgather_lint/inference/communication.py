"""Whether sharding a group of projections is worth what its ranks then have to send each other.

A row-parallel projection sends its whole output for the sum over ranks, and saves computation in
proportion to its inputs. With fewer inputs than a sixteenth of its outputs (`NARROWEST`) that does
not pay: gates and low-rank adapters stay whole.

A group whose column-parallel outputs are gathered sends those as well, and every rank still
computes all that is between. So it has to have a tenth (`SMALLEST_SHARE`) of the parameters that a
token meets in its layer; of a stack of experts in one tensor, one expert counts.
"""

from __future__ import annotations

import re
from math import prod

from forgather_lint.inference.projections import ProjectionGroup
from forgather_lint.model.tree import Tree
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import TensorValue

NARROWEST = 16
SMALLEST_SHARE = 10


def is_wide(owner: Instance, group: ProjectionGroup) -> bool:
    """Whether a row of the group has enough inputs for what its sum sends; True if not known."""
    return group.parameters != frozenset() or any(_is_wide(owner, row) for row in group.rows)


def _is_wide(owner: Instance, row: str) -> bool:
    linear = owner.attributes.get(row)
    weight = linear.attributes.get("weight") if isinstance(linear, Instance) else None
    shape = weight.shape if isinstance(weight, TensorValue) else None
    if shape is None or len(shape) != 2:
        return True
    out, taken = shape
    if not isinstance(out, int) or not isinstance(taken, int):
        return True
    return taken * NARROWEST >= out


def is_large(tree: Tree, name: str, group: ProjectionGroup) -> bool:
    """Whether the group of the module `name` has a fair share of its layer; True if not known."""
    layer = re.match(r"(?:[^.]+\.)*?\d+(?=\.)", name)
    inside = _elements(tree, layer[0] if layer else "")
    own = [_elements(tree, f"{name}.{each}") for each in (*group.columns, *group.rows)]
    if inside is None or None in own:
        return True
    return sum(each for each in own if each is not None) * SMALLEST_SHARE >= inside


def _elements(tree: Tree, prefix: str) -> int | None:
    """How many parameters a token meets below a dotted name; None when a shape is not known."""
    shapes = [
        each.shape
        for each in tree.structure.parameters
        if not prefix or each.name == prefix or each.name.startswith(f"{prefix}.")
    ]
    if any(shape is None or None in shape for shape in shapes):
        return None
    return sum(prod(size for size in (shape or ())[-2:] if size is not None) for shape in shapes)
