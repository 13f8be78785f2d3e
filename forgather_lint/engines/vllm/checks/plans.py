"""Plan entries that the target silently reads otherwise than they are meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from forgather_lint.engines.fact import Effect
from forgather_lint.engines.transformers.matching import transformers_match
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel, releases_of
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.engines.vllm.matching import vllm_match
from forgather_lint.execution.engine import UndecidedKey
from forgather_lint.facts import PlanEntry
from forgather_lint.facts.causes.config import TiedByConfigAlone
from forgather_lint.facts.causes.plans import PlanReadDifferently, StyleRenamed
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.libraries.names import LINEAR
from forgather_lint.model.build import NoModel
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.value import Known

RENAMED = {
    "colwise_rep": "colwise_gather_output",
    "rowwise_rep": "rowwise_split_input",
}
"""Old and new names of two styles: vllm/model_executor/models/transformers/utils.py."""
_OTHER = RENAMED | {new: old for old, new in RENAMED.items()}


@check(Phase.WEIGHTS)
def renamed_styles(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A style that other releases of vLLM have under this name, and this one does not."""
    if seen.judge is None:
        return
    styles = seen.target.vllm.plan.styles
    for entry in seen.judge.subject.tensor_plan:
        style = entry.style or ""
        if style in _OTHER and style not in styles.value:
            yield ServingProblem(
                cause=StyleRenamed(entry.full_key, style, _OTHER[style]),
                verdict="",
                where=entry.value_where,
                target=str(seen.target),
                error="",
                releases=releases_of(styles),
                module=entry.full_key,
            )


@check(Phase.WEIGHTS)
def disagreement(seen: CheckedModel) -> Iterator[ServingProblem]:
    """Linears to which vLLM and transformers apply different entries.

    One problem for each entry.
    """
    if seen.judge is None:
        return
    entries = {entry.full_key: entry for entry in seen.judge.subject.tensor_plan}
    told: set[str] = set()
    for module in seen.judge.subject.tree.structure.modules:
        if not module.is_a(LINEAR):
            continue
        here = vllm_match(list(entries), module.name, seen.target.vllm.plan)
        there = transformers_match(entries, module.name, seen.target.transformers.plan)
        if (
            isinstance(here, UndecidedKey)
            or here in told
            or _style(entries, here) == _style(entries, there)
        ):
            continue
        entry = entries[here or there or ""]
        told.add(entry.full_key)
        yield ServingProblem(
            cause=PlanReadDifferently(module.name, _shown(entries, here), _shown(entries, there)),
            verdict="",
            where=entry.key_where,
            target=str(seen.target),
            error="",
            releases=releases_of(seen.target.transformers.plan.wildcard),
            module=module.name,
        )


def _style(entries: Mapping[str, PlanEntry], key: str | None) -> str | None:
    return entries[key].style if key is not None else None


def _shown(entries: Mapping[str, PlanEntry], key: str | None) -> str:
    return f"`{key}` ({_style(entries, key)})" if key is not None else "nothing"


@check(Phase.WEIGHTS)
def tied_by_config_alone(seen: CheckedModel) -> Iterator[ServingProblem]:
    """The config ties the embeddings, the class with the head does not."""
    ties = seen.setting("tie_word_embeddings")
    fact = seen.target.vllm.weights.tied_head_in_checkpoint
    if not (isinstance(ties, Known) and ties.value is True) or fact.value.effect is Effect.NONE:
        return
    machine = seen.builder.machine
    try:
        cls = seen.builder.model_class()
    except (NoModel, Raised):
        return
    keys = find_member(machine, cls, "_tied_weights_keys")
    empty = keys is None or machine.truth(keys.value) is False
    if empty:
        yield ServingProblem(
            cause=TiedByConfigAlone(cls.name),
            verdict="",
            where=seen.place_of_setting("tie_word_embeddings"),
            target=str(seen.target),
            error="",
            releases=releases_of(fact),
        )
