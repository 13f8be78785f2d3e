"""Which fields of its config a model reads, while it is built and while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.engines.vllm.checks.anew import run_anew
from forgather_lint.libraries.names import CONFIG
from forgather_lint.model.build import ModelBuilder
from forgather_lint.python.interpreter.machine import Machine, Observer
from forgather_lint.python.values.objects import Instance

WHOLE = frozenset({"__dict__", "to_dict", "to_diff_dict", "to_json_string"})
"""Attributes through which any field may be read."""


@record(frozen=False, eq=False)
class _ConfigReads(Observer):
    """Records which fields of the config are read, and where first."""

    machine: Machine
    places: dict[str, Place] = field(default_factory=dict)

    def read(self, instance: Instance, name: str, where: Place) -> None:
        if name not in self.places and self.machine.is_instance_of(instance, CONFIG):
            self.places[name] = where


def config_reads(builder: ModelBuilder) -> Mapping[str, Place] | None:
    """The fields of its config that the model reads, each with the place of its first read.

    The model is built and run once more for it. None where that does not end, or the config is
    passed to unknown code.
    """
    watching: list[_ConfigReads] = []

    def watched_by(machine: Machine) -> Observer:
        watching.append(_ConfigReads(machine))
        return watching[0]

    return watching[0].places if run_anew(builder, watched_by) else None
