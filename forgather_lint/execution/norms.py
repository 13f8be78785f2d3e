"""The norms of a model that an engine replaces by its own, and how wide it takes them to be."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import TensorValue


@record
class Norms:
    """The kinds of module that an engine replaces by its norm; each kind by its first instance.

    `without_weight` is the width that is assumed for norms without a weight, None where the
    engine's norm does not gather its input.
    """

    kinds: frozenset[Instance] = frozenset()
    without_weight: int | None = None

    def has(self, module: Instance) -> bool:
        """Whether `module` is replaced."""
        return module.first_alike in self.kinds

    def width(self, module: Instance) -> int | None:
        """How many features the replacement of `module` expects; None: it takes any number."""
        if not self.has(module):
            return None
        weight = module.attributes.get("weight")
        if not isinstance(weight, TensorValue):
            return self.without_weight
        size = weight.shape[-1] if weight.shape else None
        return size if isinstance(size, int) else None


NO_NORMS = Norms()
