"""Examines a model for one release: who serves it, and which problems it has."""

from __future__ import annotations

from forgather_lint.core.settings import ModelImpl
from forgather_lint.documents.config_json import ConfigFile
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.vllm.checks.loading import own_model
from forgather_lint.engines.vllm.checks.problems import look_for_problems
from forgather_lint.engines.vllm.checks.stored import checkpoint_of, files
from forgather_lint.engines.vllm.checks.unread import unproved
from forgather_lint.engines.vllm.server import ServedBy, server_of
from forgather_lint.engines.vllm.subject import PreparedModel, prepare
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.execution.outcome import Outcome, Verdict, undecided
from forgather_lint.facts.causes.code import AttentionNotReplaceable


def checked(
    model: ModelInput, target: VllmTarget, dtype: str, impl: ModelImpl, max_model_len: int | None
) -> PreparedModel:
    """`model` as `target` builds it, with the problems that it has at any size."""
    server = server_of(model.config.values if model.config else {}, target, impl)
    checkpoint = checkpoint_of(model)
    prepared = prepare(model, target, dtype)
    look_for_problems(model, prepared, server, impl, max_model_len, checkpoint)
    if server.fallback and any(
        isinstance(problem.cause, AttentionNotReplaceable) for problem in prepared.problems
    ):
        assert model.config is not None
        return _served_by_vllm(server.fallback, model.config, target)
    prepared.unproved = unproved(model, prepared) or prepared.unproved
    return prepared


def served_elsewhere(
    model: ModelInput, target: VllmTarget, impl: ModelImpl
) -> PreparedModel | None:
    """The result where the code of the folder is not loaded; None where it is."""
    config = model.config
    if config is None:
        return None
    server = server_of(config.values, target, impl)
    if server.by is ServedBy.OWN_MODEL:
        return _with_files(_served_by_vllm(server.name, config, target), model)
    if server.by is ServedBy.LIBRARY and (model.sources.paths or model.sources.texts):
        reason = f"transformers' own class for `{server.name}` is loaded, not the code here"
        where = config.place("model_type")
        return _with_files(PreparedModel(target, None, own=undecided(reason, where)), model)
    return None


def _served_by_vllm(name: str, config: ConfigFile, target: VllmTarget) -> PreparedModel:
    """The result where vLLM's own model serves: neither code nor plans of the folder are read."""
    problem = own_model(name, config, target)
    outcome = Outcome(
        Verdict.OWN_MODEL, reason=problem.cause.told, where=problem.where, cause=problem.cause
    )
    return PreparedModel(target, None, problems=(problem,), own=outcome)


def _with_files(elsewhere: PreparedModel, model: ModelInput) -> PreparedModel:
    """`elsewhere`, with problems in the weight files, which do not depend on the model."""
    checkpoint = checkpoint_of(model)
    if checkpoint is None:
        return elsewhere
    found = tuple(files(elsewhere, checkpoint))
    elsewhere.problems += found
    if any(problem.verdict == Verdict.FAILS.value for problem in found):
        elsewhere.own = None
    return elsewhere
