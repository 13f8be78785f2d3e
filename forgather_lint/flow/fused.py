"""What a release fuses, and what the layers in it must have in common."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.flow.dataflow import Step
from forgather_lint.record import record
from forgather_lint.values.objects import Instance
from forgather_lint.values.value import Known, TensorValue


@record
class Fusion:
    """One group that the engine shards: column-parallel layers and their row-parallel partner.

    `copies` has, for each of the columns, how often its heads are there before they are shared out.
    """

    kind: str
    columns: tuple[Instance, ...]
    row: Instance | None = None
    copies: tuple[int, ...] = ()

    def shares(self) -> Iterator[tuple[Instance, int]]:
        """Each column with its copies."""
        return zip(self.columns, self.copies or (1,) * len(self.columns), strict=True)


def modules_of(*steps: Step) -> tuple[Instance, ...]:
    """The modules that were called in these steps."""
    return tuple(step.module for step in steps if step.module is not None)


def mergeable(modules: tuple[Instance, ...]) -> bool:
    """Whether one layer can hold the weights of all."""
    inputs = {width(module, "in_features") for module in modules}
    return len(inputs) == 1 and len(set(map(_has_bias, modules))) == 1


def width(module: Instance, name: str) -> int:
    """A size that a layer was made with, 0 when it is not known."""
    value = module.attributes.get(name)
    return value.value if isinstance(value, Known) and isinstance(value.value, int) else 0


def _has_bias(module: Instance) -> bool:
    return isinstance(module.attributes.get("bias"), TensorValue)
