"""Everything that a target holds against a model, in the order in which the engine gets to it."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.settings import ModelImpl
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.vllm.checks import (
    attention,
    building,
    classes,
    composite,
    embeddings,
    encoders,
    experts,
    forward,
    head,
    heads,
    imports,
    loading,
    modules,
    neighbours,
    norms,
    norms_read,
    plans,
    remote,
    rope,
    settings,
    sinks,
    weights,
)
from forgather_lint.engines.vllm.checks.examined import Examined, examined
from forgather_lint.engines.vllm.server import AskedFor, Server
from forgather_lint.engines.vllm.subject import Prepared
from forgather_lint.execution.outcome import Outcome, Verdict
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.model.analysis import Built, build_tree, deep_recursion
from forgather_lint.python.interpreter.budget import BudgetExceeded


def look_for_problems(
    model: ModelInput,
    prepared: Prepared,
    server: Server,
    impl: ModelImpl = ModelImpl.AUTO,
    max_model_len: int | None = None,
) -> None:
    """Note in `prepared` what stands between it and its target; the first that blocks is shown.

    Where the search has to be given up, what was found stays, and that more was not looked for.
    """
    target = prepared.target
    not_loaded = tuple(loading.config_not_loaded(model, target))
    found = list(not_loaded or loading.nobody_serves(model, target, server, impl))
    seen = None
    try:
        with deep_recursion():
            seen = examined(prepared)
            for problem in _all(seen, model, server, impl, max_model_len) if seen else ():
                found.append(problem)  # one by one: what was found before an error stays
            found += building.constructor(model, prepared)
    except BudgetExceeded as error:
        where = seen.cls.where if seen else None
        prepared.given_up = Outcome(Verdict.UNKNOWN, "", error.reason, where)
    prepared.problems = tuple(found)


def _all(
    seen: Examined,
    model: ModelInput,
    server: Server,
    impl: ModelImpl,
    max_model_len: int | None,
) -> Iterator[ServingProblem]:
    yield from settings.no_architecture(seen)
    yield from composite.text_part(seen)
    yield from settings.nulls(seen)
    yield from settings.auto_map_entries(seen)
    yield from remote.not_copied(seen)
    by_name = tuple(neighbours.imported_by_name(seen))
    yield from by_name or neighbours.imported_when_run(seen, model)
    yield from imports.removed(seen)
    if server.asked is AskedFor.FOLDER:
        yield from classes.attention_backend(seen, impl)
    yield from loading.no_auto_model(model, seen.target, server, seen.cls.where)
    yield from composite.processor(seen, model)
    yield from settings.max_length(seen, max_model_len)
    yield from experts.refused(seen)
    yield from classes.tied_weights(seen)
    yield from classes.tie_weights_override(seen)
    yield from classes.post_init(seen)
    yield from experts.fields_missing(seen)
    yield from attention.dispatch(seen)
    yield from settings.layer_types(seen)
    yield from encoders.not_causal(seen)
    yield from attention.scaling(seen)
    yield from sinks.sinks(seen)
    yield from embeddings.no_access(seen)
    yield from forward.arguments(seen)
    yield from forward.run(seen)
    # A folder holds no weights; their names are those that `save_pretrained` would write.
    whole = build_tree(seen.workshop) if seen.judge is not None else None
    if isinstance(whole, Built):
        yield from weights.names(seen, whole)
        yield from weights.buffers(seen, whole)
    yield from heads.misplaced(seen, whole)
    yield from modules.fused_names(seen)
    yield from modules.linear_subclass(seen)
    yield from experts.activation(seen)
    yield from norms.parameters(seen)
    yield from norms.second_input(seen)
    yield from norms.epsilon(seen)
    yield from norms.centre(seen)
    yield from norms_read.centre_overlooked(seen)
    yield from embeddings.forward_dropped(seen)
    if isinstance(whole, Built):
        yield from head.forward_lost(seen, whole.root)
    yield from rope.theta_overlooked(seen)
    yield from plans.renamed_styles(seen)
    yield from plans.disagreement(seen)
    yield from plans.tied_by_config_alone(seen)


def blocking(prepared: Prepared) -> Outcome | None:
    """The verdict at every size, when something already decides it."""
    for verdict in (Verdict.FAILS, Verdict.WRONG):
        for problem in prepared.problems:
            if problem.verdict == verdict.value:
                reason = problem.error or f"{problem.name}: {problem.detail or 'replaced'}"
                return Outcome(verdict, problem.code, reason, problem.where, None, problem.module)
    return prepared.given_up
