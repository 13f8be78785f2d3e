"""How many bytes of parameters one rank holds."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from forgather_lint.core.record import record
from forgather_lint.execution.assignments import Assignment
from forgather_lint.execution.layers import Role, split_dimension
from forgather_lint.execution.partition import get_pp_indices, stages_apart
from forgather_lint.libraries.names import EMBEDDING
from forgather_lint.model.tree import Tree
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Known

DTYPE_BYTES = {
    "float32": 4,
    "float": 4,
    "bfloat16": 2,
    "float16": 2,
    "half": 2,
    "float8_e4m3fn": 1,
    "fp8": 1,
}


@record
class RankBytes:
    """What one of several ranks holds: in each layer that stages share out, and beside them.

    `width` is what one element takes.
    """

    by_layer: tuple[int, ...]
    outside: int
    width: int

    def fullest(self, stages: int) -> int:
        """The bytes on the fullest of so many stages."""
        return (self.outside + _fullest(self.by_layer, stages)) * self.width


def bytes_of_rank(
    tree: Tree,
    assignments: Mapping[Instance, Assignment],
    ranks: int,
    layer_names: tuple[str, ...],
    head_elements: int,
    width: int,
    split: tuple[str, ...] = (),
    *,
    tables_split: bool = True,
    stored: Mapping[str, int] | None = None,
) -> RankBytes | None:
    """The parameters that a rank holds, None when a shape is not known.

    `layer_names` are the dotted names of the layers that stages share out, `head_elements` the
    size of an output head of its own, `width` the bytes of one element. Parameters whose name
    begins with one of `split` are spread over the ranks, whatever the plan says, and so with
    `tables_split` the embeddings beside the layers. What is `stored` in another form takes so many
    bytes on a rank, by the name of the parameter: then all is counted in bytes.
    """
    each, width = (width, 1) if stored else (1, width)
    by_layer = [0] * len(layer_names)
    outside = -(-head_elements // ranks) * each
    index = {name: i for i, name in enumerate(layer_names)}
    for parameter in tree.structure.parameters:
        if parameter.same_as is not None:
            continue
        if parameter.shape is None or None in parameter.shape:
            return None
        elements = prod(size for size in parameter.shape if size is not None)
        spread = parameter.name.startswith(split)
        spread = spread or _is_spread(tree, parameter.name, len(parameter.shape), assignments)
        spread = spread or (tables_split and _is_outer_table(tree, parameter.name))
        elements = _held(tree, parameter.name, elements, assignments, ranks)
        here = -(-elements // (ranks if spread else 1)) * each
        if stored and parameter.name in stored:
            here = stored[parameter.name]
        layer = _layer_of(parameter.name, index)
        if layer is None:
            outside += here
        else:
            by_layer[layer] += here
    return RankBytes(tuple(by_layer), outside, width)


def _fullest(by_layer: tuple[int, ...], stages: int) -> int:
    apart = stages_apart(len(by_layer), stages)
    bounds = (get_pp_indices(len(by_layer), stage, stages) for stage in apart)
    return max((sum(by_layer[start:end]) for start, end in bounds), default=0)


def _layer_of(name: str, index: Mapping[str, int]) -> int | None:
    parts = name.split(".")
    prefixes = (".".join(parts[:length]) for length in range(1, len(parts)))
    return next((index[prefix] for prefix in prefixes if prefix in index), None)


def _is_spread(
    tree: Tree, name: str, rank: int, assignments: Mapping[Instance, Assignment]
) -> bool:
    """Whether a parameter is spread over the ranks."""
    owner, _, leaf = name.rpartition(".")
    instance = tree.instances.get(owner)
    assignment = assignments.get(instance) if instance is not None else None
    if assignment is None:
        return False
    role = assignment.role_of(leaf)
    return role is Role.TABLE or split_dimension(leaf, rank, role) is not None


def _held(
    tree: Tree,
    name: str,
    elements: int,
    assignments: Mapping[Instance, Assignment],
    ranks: int,
) -> int:
    """The elements of a parameter before it is spread over the ranks, with what is there twice."""
    instance = tree.instances.get(name.rpartition(".")[0])
    assignment = assignments.get(instance) if instance is not None else None
    if assignment is None or instance is None:
        return elements
    rows = instance.attributes.get("out_features")
    if not assignment.parts or not isinstance(rows, Known) or not isinstance(rows.value, int):
        return elements * assignment.copies
    return elements // rows.value * sum(assignment.parts) * ranks


def _is_outer_table(tree: Tree, name: str) -> bool:
    owner = name.rpartition(".")[0]
    module = tree.structure.module(owner)
    is_table = module is not None and module.is_a(EMBEDDING)
    return is_table and "." not in owner.removeprefix("model.")
