"""State that a run reads from objects that existed before it, and changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.machine import Machine, Observer
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import next_serial


@record(frozen=False, eq=False)
class KeptState(Observer):
    """Watches code that is run more than once, where a run may change the result of the next.

    An attribute that is only written, or written before it is read, tells the next run nothing. Any
    change counts to what classes, modules, lists, dicts and sets hold.
    """

    machine: Machine
    found: list[Place | None] = field(default_factory=list)
    """The places at which such state is written or read; None for a place that is not known."""
    _born: int = 0
    _read: dict[tuple[Instance, str], Place] = field(default_factory=dict)

    def read(self, instance: Instance, name: str, where: Place) -> None:
        if instance.serial < self._born:
            slot = (instance, name)
            if slot not in self._read and not self.machine.trail.is_older(slot):
                self._read[slot] = where

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch what is run within the block, provided it reaches its end."""
        trail, self._born = self.machine.trail, next_serial()
        with trail.guarding(self._born):
            yield
        for slot, owner in trail.changed(self._born):
            if not isinstance(owner, Instance):
                self.found.append(self._reading(owner))
                continue
            name = slot[1]
            read = self._read.get((owner, name)) or self._read.get((owner, "__dict__"))
            if read is not None:
                self.found.append(owner.places.get(name, read))

    def _reading(self, owner: object) -> Place | None:
        """The place at which the attribute that holds `owner` is read; None if not known."""
        for (instance, name), where in self._read.items():
            if instance.attributes.get(name) is owner:
                return where
        return None
