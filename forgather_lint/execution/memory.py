"""How many bytes of parameters one rank holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from math import prod
from types import MappingProxyType

from forgather_lint.core.record import record
from forgather_lint.execution.assignments import Assignment
from forgather_lint.execution.layers import VOCABULARY_STEP, Role, split_dimension
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


HEAD = "lm_head.weight"


@record
class Cut:
    """How modules are shared out among pipeline stages, by dotted names.

    `layers` are shared out, `first` is on the first stage alone (with `tied` on the last too),
    `last` on the last; any other module is on every stage. The output head has `vocabulary` rows of
    `width`, which it shares with the embedding if `tied`; tables with as many rows are split like
    it.
    """

    layers: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    vocabulary: int = 0
    width: int = 0
    tied: bool = True


@record
class RankBytes:
    """The bytes that one of several ranks holds: in each layer, and in modules beside the layers.

    Modules beside the layers are on the `first` stage, on the `last` or `everywhere`; with `tied`
    the last stage also has what the first has. `by_parameter` has the same bytes by the names of
    the parameters of the base model, `head` those of an output head of its own.
    """

    by_layer: tuple[int, ...]
    first: int
    last: int
    everywhere: int
    tied: bool
    by_parameter: Mapping[str, int] = field(default_factory=dict)
    head: int = 0

    def fullest(self, stages: int) -> int:
        """The bytes on the fullest of `stages` stages."""
        apart = stages_apart(len(self.by_layer), stages)
        return max(self.on_stage(stage, stages) for stage in apart)

    def by_stage(self, stages: int) -> list[int]:
        """The bytes on each of `stages` stages."""
        return [self.on_stage(stage, stages) for stage in range(stages)]

    def on_stage(self, stage: int, stages: int) -> int:
        """The bytes on stage number `stage` of `stages`."""
        is_first, is_last = stage == 0, stage == stages - 1
        start, end = get_pp_indices(len(self.by_layer), stage, stages)
        held = self.everywhere + sum(self.by_layer[start:end])
        if is_first or (is_last and self.tied):
            held += self.first
        return held + (self.last if is_last else 0)


def bytes_of_rank(
    tree: Tree,
    assignments: Mapping[Instance, Assignment],
    ranks: int,
    cut: Cut,
    width: int,
    split: tuple[str, ...] = (),
    widths: Mapping[str, int] = MappingProxyType({}),
    stored: Mapping[str, int] | None = None,
) -> RankBytes | None:
    """The bytes of parameters that a rank holds; None when a shape is not known.

    `width` is the size of one element in bytes, `widths` that for some parameters by name.
    Parameters whose name begins with one of `split` are spread over the ranks whatever the plan
    says, and so are tables of the vocabulary, padded to `VOCABULARY_STEP`. `stored` has the bytes
    on a rank of those parameters that are stored in another form, such as quantized.
    """
    by_layer = [0] * len(cut.layers)
    first, everywhere = 0, 0
    head = 0 if cut.tied else padded(cut.vocabulary) // ranks * cut.width
    last = own_head = head * widths.get(HEAD, width)
    by_parameter: dict[str, int] = {}
    index = {name: i for i, name in enumerate(cut.layers)}
    for parameter in tree.structure.parameters:
        if parameter.same_as is not None:
            continue
        if parameter.shape is None or None in parameter.shape:
            return None
        shape = [size for size in parameter.shape if size is not None]
        elements = prod(shape)
        spread = parameter.name.startswith(split)
        spread = spread or _is_spread(tree, parameter.name, len(shape), assignments)
        if not spread and shape[:1] == [cut.vocabulary] and _is_table(tree, parameter.name):
            spread, elements = True, padded(shape[0]) * prod(shape[1:])
        elements = _held(tree, parameter.name, elements, assignments, ranks)
        here = -(-elements // (ranks if spread else 1)) * widths.get(parameter.name, width)
        if stored and parameter.name in stored:
            here = stored[parameter.name]
        by_parameter[parameter.name] = here
        layer = _layer_of(parameter.name, index)
        if layer is not None:
            by_layer[layer] += here
        elif _is_below(parameter.name, cut.first):
            first += here
        elif _is_below(parameter.name, cut.last):
            last += here
        else:
            everywhere += here
    return RankBytes(
        tuple(by_layer), first, last, everywhere, cut.tied, by_parameter, head=own_head
    )


def padded(rows: int) -> int:
    """The rows of a vocabulary table as engines pad them."""
    return -(-rows // VOCABULARY_STEP) * VOCABULARY_STEP


def _is_below(name: str, parts: tuple[str, ...]) -> bool:
    return any(f"{name}.".startswith(f"{part}.") for part in parts)


def _layer_of(name: str, index: Mapping[str, int]) -> int | None:
    end = name.find(".")
    while end >= 0:
        layer = index.get(name[:end])
        if layer is not None:
            return layer
        end = name.find(".", end + 1)
    return None


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
    """The number of elements of a parameter over all ranks, counting copies of key-value heads."""
    instance = tree.instances.get(name.rpartition(".")[0])
    assignment = assignments.get(instance) if instance is not None else None
    if assignment is None or instance is None:
        return elements
    rows = instance.attributes.get("out_features")
    if not assignment.parts or not isinstance(rows, Known) or not isinstance(rows.value, int):
        return elements * assignment.copies
    return elements // rows.value * sum(assignment.parts) * ranks


def _is_table(tree: Tree, name: str) -> bool:
    module = tree.structure.module(name.rpartition(".")[0])
    return module is not None and module.is_a(EMBEDDING)
