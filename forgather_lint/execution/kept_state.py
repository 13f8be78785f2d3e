"""What a forward leaves behind for the next one.

Before the first request an engine runs the model to see how much memory it takes, then once for
each token of an answer. A forward that reads what an earlier one has written does not compute from
its input alone.
"""

from __future__ import annotations

from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.libraries.aliases import SAME_MEMORY
from forgather_lint.libraries.operands import is_in_place
from forgather_lint.python.interpreter.kept_state import KeptState
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Arguments, TensorValue, TupleValue, Value


@record(frozen=False, eq=False)
class KeptByForward(KeptState):
    """Watches one forward for state: also for in-place ops on tensors that existed before it."""

    _tensors: set[Value] = field(default_factory=set)

    def read(self, instance: Instance, name: str, where: Place) -> None:
        KeptState.read(self, instance, name, where)
        if instance.serial < self._born:
            self._hold(instance.attributes.get(name))

    def called(self, name: str, arguments: Arguments, made: Value, where: Place) -> None:
        """Record an op on a tensor that existed before the forward, or on a part or view of one."""
        out = arguments.keywords.get("out")
        if isinstance(out, TensorValue) and out in self._tensors:
            self.found.append(where)
        first = arguments.positional[0] if arguments.positional else None
        if not isinstance(first, TensorValue) or first not in self._tensors:
            return
        short = name.removesuffix(".get").rpartition(".")[2]
        if is_in_place(name) or short == "setitem":
            self.found.append(where)
        elif short in SAME_MEMORY:
            self._hold(made)

    def _hold(self, value: Value | None) -> None:
        for each in value.items if isinstance(value, TupleValue) else (value,):
            if isinstance(each, TensorValue):
                self._tensors.add(each)
