"""All problems that a target has with a model, in the order in which the engine would meet them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from forgather_lint.core.recursion import deep_recursion
from forgather_lint.core.settings import ModelImpl
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.vllm.checks import (
    building,
    classes,
    head_forward,
    imports,
    loading,
    stored,
    weights,
)
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel, checked_model
from forgather_lint.engines.vllm.checks.kept_apart import kept_apart
from forgather_lint.engines.vllm.checks.phases import Phase, all_checks, phase_of
from forgather_lint.engines.vllm.checks.unread import describes_alone
from forgather_lint.engines.vllm.server import AskedFor, ServingClass
from forgather_lint.engines.vllm.subject import PreparedModel
from forgather_lint.execution.outcome import undecided
from forgather_lint.facts import EndKind
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.python.interpreter.budget import BudgetExceeded

if TYPE_CHECKING:
    from forgather_lint.deployment.checkpoint.files import Checkpoint


def look_for_problems(
    model: ModelInput,
    prepared: PreparedModel,
    server: ServingClass,
    impl: ModelImpl = ModelImpl.AUTO,
    max_model_len: int | None = None,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Add to `prepared` its problems with its target; the first that blocks is the one shown.

    Where the search has to be given up, what was found stays, and `given_up` is set.
    """
    target = prepared.target
    not_loaded = tuple(loading.config_not_loaded(model, target))
    found = list(not_loaded or loading.nobody_serves(model, target, server, impl))
    seen, named = None, checkpoint is not None and checkpoint.whole
    try:
        with deep_recursion():
            seen = checked_model(model, prepared, server, impl, max_model_len, names_stored=named)
            if seen is None:
                found += _not_loaded(prepared, server)
            else:
                _read_quantization(seen, checkpoint)
                for look in all_checks():
                    later = phase_of(look) >= Phase.SIZES
                    for problem in look(seen):  # one by one: what was found before an error stays
                        found.append(replace(problem, after_sizes=later))
                lost = head_forward.head_unproved(seen)
                prepared.unproved = lost or weights.names_unproved(seen) or kept_apart(seen)
            last = list(building.constructor(model, prepared))
            if checkpoint is not None:
                last = [*stored.problems(model, prepared, seen, checkpoint), *last]
            found += [replace(problem, after_sizes=True) for problem in last]
    except BudgetExceeded as error:
        where = seen.cls.where if seen else None
        prepared.given_up = undecided(error.reason, where)
    prepared.problems = tuple(found)


def _not_loaded(prepared: PreparedModel, server: ServingClass) -> Iterator[ServingProblem]:
    """What stops the engine where there is no class of a model that checks could look at."""
    ended, builder = prepared.ended, prepared.builder
    if builder is None or server.asked is not AskedFor.FOLDER:
        return
    if ended is not None and ended.kind is EndKind.RAISES:
        yield from imports.removed_before(ended.where, builder, prepared.target)
    yield from classes.plain_module(builder, prepared.target)


def _read_quantization(seen: CheckedModel, checkpoint: Checkpoint | None) -> None:
    """Add the description of quantized weights, where config.json alone has one."""
    if seen.judge is None or not describes_alone(seen.model):
        return
    from forgather_lint.engines.vllm.quantized.found import quantized_of  # few models pay for it

    seen.judge.quantized = quantized_of(seen, checkpoint)
