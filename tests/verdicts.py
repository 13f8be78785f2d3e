"""Static verdicts on fixture models and their mutants, without the command line around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from forgather_lint.core.recursion import deep_recursion
from forgather_lint.core.settings import ModelImpl
from forgather_lint.documents.single_file import single_model
from forgather_lint.engines.matrix import blocking, cell, of_end
from forgather_lint.engines.vllm.judge import VllmJudge
from forgather_lint.engines.vllm.subject import PreparedModel
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.execution.outcome import Outcome
from forgather_lint.facts import PlanEntry, PlanOrigin
from tests.mutants import Mutant

V013 = VllmTarget.of("0.13.0", "4.57.6")
V032 = VllmTarget.of("0.32.0", "5.19.0")


@dataclass
class Static:
    """A model directory as one target builds it; the stored answers are of engines in float32."""

    directory: Path
    target: VllmTarget
    dtype: str = "float32"

    @cached_property
    def examined(self) -> PreparedModel:
        model = single_model(self.directory)
        elsewhere = self.target.served_elsewhere(model, ModelImpl.AUTO)
        return elsewhere or self.target.checked(model, self.dtype, ModelImpl.AUTO, None)

    @cached_property
    def judge(self) -> VllmJudge:
        prepared = self.examined
        assert prepared.judge is not None, prepared.ended
        return prepared.judge

    @property
    def plan(self) -> dict[str, str]:
        return {e.full_key: e.style or "" for e in self.judge.subject.tensor_plan}

    def outcome(self, plan: Mapping[str, str] | None = None, ranks: int = 2) -> Outcome:
        """The verdict under `plan` (by default the model's own) on `ranks` ranks."""
        judge = self.judge if plan is None else self._with(plan)
        with deep_recursion():
            return judge.tensor_outcome(ranks)

    def cell(self, mutant: Mutant, ranks: int, stages: int) -> Outcome:
        """The verdict on a mutant of this directory's source, including problems at any size."""
        prepared = self.examined
        if mutant.plan is None and mutant.pipeline_keys is None:
            return cell(prepared, ranks, stages).outcome
        with deep_recursion():
            refused = blocking(prepared)
        if refused is not None:
            return refused
        if prepared.judge is None:
            assert prepared.ended is not None
            return of_end(prepared.ended)
        judge = self.judge if mutant.plan is None else self._with(mutant.plan)
        if mutant.pipeline_keys is not None:
            judge = VllmJudge(
                replace(judge.subject, pipeline_keys=list(mutant.pipeline_keys)), judge.element_type
            )
        with deep_recursion():
            return judge.outcome(ranks, stages)

    def _with(self, plan: Mapping[str, str]) -> VllmJudge:
        subject = self.judge.subject
        where = subject.where
        entries = [
            PlanEntry(key, where, where, repr(style), PlanOrigin.CONFIG_CLASS, "", style=style)
            for key, style in plan.items()
        ]
        judge = VllmJudge(replace(subject, tensor_plan=entries), self.judge.element_type)
        judge.__dict__["alone"] = self.judge.alone
        return judge
