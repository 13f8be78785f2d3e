"""Rotary embeddings that are computed from another base than config.json says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.execution.inputs import engine_arguments
from forgather_lint.facts import EndKind, NotBuilt
from forgather_lint.facts.causes.config import RopeThetaOverlooked
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.libraries.names import CONFIG
from forgather_lint.model.analysis import contained
from forgather_lint.model.build import ModelBuilder
from forgather_lint.model.entry import AUTO_MODEL, model_reference
from forgather_lint.python.interpreter.machine import Machine, Observer
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Known

_PARAMETERS = "rope_parameters"
_THETA = "rope_theta"
_OTHER_WAYS = frozenset(
    {_PARAMETERS, "rope_scaling", "__dict__", "to_dict", "to_diff_dict", "to_json_string"}
)
"""What the base in `rope_parameters` is read through, by the model or by what it hands on."""


@check(Phase.WEIGHTS)
def theta_overlooked(seen: CheckedModel) -> Iterator[ServingProblem]:
    """`rope_parameters.rope_theta` in config.json, and a model that reads the older `rope_theta`.

    The model is built and run once more to see what it reads: few configs come to that.
    """
    said = seen.builder.config_values.get(_PARAMETERS)
    wanted = said.get(_THETA) if isinstance(said, dict) else None
    held = seen.setting(_THETA)
    here = held.value if isinstance(held, Known) else None
    if not isinstance(wanted, int | float) or not isinstance(here, int | float) or here == wanted:
        return
    place = _read_alone(seen.builder)
    if place is not None:
        yield ServingProblem(
            cause=RopeThetaOverlooked(here, wanted),
            verdict="",
            where=place,
            target=str(seen.target),
            error="",
            releases=None,
        )


@record(frozen=False, eq=False)
class _ConfigReads(Observer):
    """Notes what is read of the config, and where first."""

    machine: Machine
    places: dict[str, Place] = field(default_factory=dict)

    def read(self, instance: Instance, name: str, where: Place) -> None:
        if name not in self.places and self.machine.is_instance_of(instance, CONFIG):
            self.places[name] = where


def _read_alone(builder: ModelBuilder) -> Place | None:
    """Where `rope_theta` is read of the config by a model that never asks for `rope_parameters`.

    Nothing is said of a model that hands its config to code that is not known.
    """
    again = ModelBuilder(builder.sources, builder.config_file, builder.main, builder.environment)
    reads = _ConfigReads(again.machine)
    named = model_reference(again.config_values, AUTO_MODEL) is not None
    root = contained(again, lambda: again.build(AUTO_MODEL if named else None, reads))
    if isinstance(root, NotBuilt):
        return None
    ran = contained(again, lambda: _run(again.machine, root, reads))
    undecided = isinstance(ran, NotBuilt) and ran.kind is EndKind.UNDECIDED
    if undecided or again.machine.run.assumptions or not _OTHER_WAYS.isdisjoint(reads.places):
        return None
    return reads.places.get(_THETA)


def _run(machine: Machine, root: Instance, observer: Observer) -> None:
    with machine.undone_run(observer=observer):
        machine.call(root, engine_arguments(), root.where)
