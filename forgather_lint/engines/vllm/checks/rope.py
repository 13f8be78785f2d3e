"""Rotary embeddings that are computed from another base than the one in config.json."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.source import Place
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.checks.config_reads import WHOLE, config_reads
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.facts.causes.config import RopeThetaOverlooked
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.model.build import ModelBuilder
from forgather_lint.python.values.value import Known

_PARAMETERS = "rope_parameters"
_THETA = "rope_theta"
_OTHER_WAYS = WHOLE | {_PARAMETERS, "rope_scaling"}
"""Names through which the base in `rope_parameters` is read, in whatever way."""


@check(Phase.WEIGHTS)
def theta_overlooked(seen: CheckedModel) -> Iterator[ServingProblem]:
    """`rope_parameters.rope_theta` in config.json, but a model that reads the older `rope_theta`.

    The model is built and run once more to see what it reads; few configs require that.
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


def _read_alone(builder: ModelBuilder) -> Place | None:
    """Where a model that never asks for `rope_parameters` reads `rope_theta`; None otherwise.

    None also for a model that passes its config to unknown code.
    """
    reads = config_reads(builder)
    if reads is None or not _OTHER_WAYS.isdisjoint(reads):
        return None
    return reads.get(_THETA)
