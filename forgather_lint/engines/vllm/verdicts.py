"""Verdicts over targets and sizes: the rows of `matrix`, and what `check` says of sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from forgather_lint.core import doing
from forgather_lint.core.settings import ModelImpl
from forgather_lint.documents.config_json import ConfigFile
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.target import Target
from forgather_lint.engines.vllm.checks.loading import NOT_COMPATIBLE, own_model
from forgather_lint.engines.vllm.checks.problems import blocking, look_for_problems
from forgather_lint.engines.vllm.checks.unread import unproved
from forgather_lint.engines.vllm.judge import Cell
from forgather_lint.engines.vllm.server import ServedBy, Server, server_of
from forgather_lint.engines.vllm.subject import Prepared, prepare
from forgather_lint.execution.outcome import Outcome, Verdict
from forgather_lint.facts import NotBuilt
from forgather_lint.model.analysis import deep_recursion

TENSOR_SIZES = (1, 2, 4, 8)
PIPELINE_SIZES = (1, 2, 4)


def matrix(
    model: ModelInput,
    targets: Sequence[Target],
    tensor_sizes: Sequence[int],
    pipeline_sizes: Sequence[int],
    dtype: str,
    impl: ModelImpl = ModelImpl.AUTO,
) -> Iterator[Cell]:
    """One cell for each target and pair of sizes, targets first."""
    for target in targets:
        prepared = examine(model, target, dtype, impl=impl)
        for ranks in tensor_sizes:
            for stages in pipeline_sizes:
                yield cell(prepared, ranks, stages)


def examine(
    model: ModelInput,
    target: Target,
    dtype: str,
    max_model_len: int | None = None,
    impl: ModelImpl = ModelImpl.AUTO,
) -> Prepared:
    """`model` as `target` builds it, with what the target holds against it at any size."""
    server = server_of(model.config.values if model.config else {}, target, impl)
    elsewhere = _served_elsewhere(model, target, server)
    if elsewhere is not None:
        return elsewhere
    prepared = prepare(model, target, dtype)
    look_for_problems(model, prepared, server, impl, max_model_len)
    if server.fallback and any(problem.code == NOT_COMPATIBLE for problem in prepared.problems):
        assert model.config is not None
        return _served_by_vllm(server.fallback, model.config, target)
    prepared.unproved = unproved(model, prepared)
    return prepared


def is_read(model: ModelInput, targets: Sequence[Target], impl: ModelImpl) -> bool:
    """Whether the code of `model` is what one of `targets` loads."""
    values = model.config.values if model.config else {}
    servers = ((target, server_of(values, target, impl)) for target in targets)
    return any(_served_elsewhere(model, target, server) is None for target, server in servers)


def _served_elsewhere(model: ModelInput, target: Target, server: Server) -> Prepared | None:
    """The verdict where the code of the folder is not loaded; None where it is."""
    config = model.config
    if config is None:
        return None
    if server.by is ServedBy.OWN_MODEL:
        return _served_by_vllm(server.name, config, target)
    if server.by is ServedBy.LIBRARY and (model.sources.paths or model.sources.texts):
        reason = f"transformers' own class for `{server.name}` is loaded, not the code here"
        where = config.place("model_type")
        return Prepared(target, None, own=Outcome(Verdict.UNKNOWN, "", reason, where))
    return None


def _served_by_vllm(name: str, config: ConfigFile, target: Target) -> Prepared:
    """The model of vLLM's own that serves: neither code nor plans of the folder are read."""
    problem = own_model(name, config, target)
    outcome = Outcome(Verdict.OWN_MODEL, problem.code, problem.detail, problem.where)
    return Prepared(target, None, problems=(problem,), own=outcome)


def cell(prepared: Prepared, ranks: int, stages: int) -> Cell:
    """The verdict of one target at one pair of sizes."""
    release = str(prepared.target.vllm.version)
    doing.now(f"judging vLLM {release} on {ranks} ranks and {stages} stages")
    refused = prepared.own or blocking(prepared)
    if refused is not None:
        return Cell(release, ranks, stages, refused)
    if prepared.judge is None:
        assert prepared.ended is not None
        return Cell(release, ranks, stages, of_end(prepared.ended))
    with deep_recursion():
        found = prepared.judge.cell(ranks, stages)
    if prepared.unproved is None:
        return Cell(release, ranks, stages, found.outcome, found.bytes_per_rank)
    serves = found.outcome.verdict is Verdict.SERVES
    return Cell(release, ranks, stages, prepared.unproved if serves else found.outcome)


def of_end(end: NotBuilt) -> Outcome:
    """The verdict on a model that the target cannot build."""
    if end.kind.value == "raises":
        return Outcome(Verdict.FAILS, "FGL405", end.message, end.where)
    if end.kind.value == "no class":
        return Outcome(Verdict.FAILS, "FGL404", end.message, end.where)
    return Outcome(Verdict.UNKNOWN, "FGL902", end.message, end.where)
