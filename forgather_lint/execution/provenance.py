"""Which modules a value has passed through, as their first argument."""

from __future__ import annotations

from dataclasses import field, replace

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.libraries.standard import StandardLibrary
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.value import Arguments, TensorValue, TupleValue, Value, ValueId

Names = frozenset[str]
_NOWHERE: Names = frozenset()


@record(frozen=False)
class Provenance:
    """For each value, the modules that it has passed through."""

    sources: dict[ValueId, Names] = field(default_factory=dict)

    def of(self, arguments: Arguments) -> Names:
        """The modules that the first argument has passed through."""
        first = next(iter(arguments.all()), None)
        return _NOWHERE if first is None else self._at(first)

    def computed(self, arguments: Arguments, result: Value) -> None:
        """An op computed `result` from all its arguments."""
        self._note(result, _NOWHERE.union(*(self._at(value) for value in arguments.all())))

    def returned(self, module: str, passed: Names, result: Value) -> Value:
        """`result` of the module `module`, whose first argument had `passed` others."""
        own = _own(result)
        self._note(own, passed | {module})
        return own

    def _at(self, value: Value) -> Names:
        if isinstance(value, TupleValue):
            return _NOWHERE.union(*map(self._at, value.items))
        return self.sources.get(ValueId(value), _NOWHERE)

    def _note(self, value: Value, names: Names) -> None:
        self.sources[ValueId(value)] = names
        for item in value.items if isinstance(value, TupleValue) else ():
            self._note(item, names)


def _own(value: Value) -> Value:
    if isinstance(value, TupleValue):
        return replace(value, items=tuple(map(_own, value.items)))
    return replace(value) if isinstance(value, TensorValue) else value


@record(frozen=False)
class WatchedLibrary(StandardLibrary):
    """Tells `Provenance` what each op was computed from."""

    provenance: Provenance

    def __post_init__(self) -> None:
        StandardLibrary.__init__(self)

    def call(self, machine: Machine, name: str, arguments: Arguments, where: Place) -> Value:
        result = StandardLibrary.call(self, machine, name, arguments, where)
        self.provenance.computed(arguments, result)
        return result
