"""A base model as a release of an engine sees it, and the memory that it takes on a rank."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from types import MappingProxyType

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.documents.config_json import ConfigFile
from forgather_lint.engines.common.model_config import ModelConfig
from forgather_lint.engines.common.unknown_plans import UnknownPlans
from forgather_lint.execution.assignments import Assignment
from forgather_lint.execution.memory import DTYPE_BYTES, Cut, RankBytes, bytes_of_rank
from forgather_lint.execution.outcome import Outcome
from forgather_lint.execution.partition import StageParts
from forgather_lint.facts import Plan, PlanEntry
from forgather_lint.model.tree import Tree
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance


@record(frozen=False, eq=False)
class PlannedModel:
    """A base model with its plans, merged and spelt as one release reads them.

    `plans_merged` is None where an undecided condition decides whether there are plans.
    """

    machine: Machine
    tree: Tree
    root: Instance
    tensor_plan: Sequence[PlanEntry]
    pipeline_plan: Plan
    pipeline_keys: Sequence[str]
    where: Place
    plans_merged: bool | None = True
    config_file: ConfigFile | None = None
    plans_unknown: UnknownPlans = UnknownPlans()

    @property
    def styles(self) -> dict[str, str]:
        """The merged tensor-parallel plan: patterns to styles."""
        return {entry.full_key: entry.style or "" for entry in self.tensor_plan}


@record
class HeldParameters:
    """What determines the parameters that a rank holds: assignments, and how stages are cut."""

    tree: Tree
    assigned: Mapping[Instance, Assignment]
    parts: StageParts | Outcome
    fused: tuple[str, ...] = ()
    """Beginnings of names of parameters that the engine shards by itself."""
    stored: Mapping[str, int] | None = None
    """The bytes on a rank of parameters that are stored in another form, by name."""

    def on_ranks(
        self,
        ranks: int,
        dtype: str,
        config: ModelConfig,
        *,
        tied: bool,
        widths: Mapping[str, int] = MappingProxyType({}),
    ) -> RankBytes | None:
        """The bytes that one of `ranks` ranks holds; None where that is not known.

        A head that is not `tied` to the embedding is counted by the sizes in the `config`. `widths`
        are the bytes of an element for parameters whose elements are not of `dtype`.
        """
        width = DTYPE_BYTES.get(dtype)
        if width is None:
            return None
        rows, columns = (config.number(name) or 0 for name in ("vocab_size", "hidden_size"))
        cut = Cut(vocabulary=rows, width=columns, tied=tied)
        if isinstance(self.parts, StageParts):
            cut = replace(
                cut,
                layers=self._names(self.parts.layers),
                first=self._names(each for _, each in self.parts.before),
                last=self._names(each for _, each in self.parts.after),
            )
        return bytes_of_rank(
            self.tree, self.assigned, ranks, cut, width, self.fused, widths, self.stored
        )

    def _names(self, modules: Iterable[Instance]) -> tuple[str, ...]:
        return tuple(self.tree.name_of(module) or "" for module in modules)


@record(frozen=False, eq=False)
class KnownSizes:
    """What a judge has computed for each size, so that a survey computes it once."""

    on_ranks: dict[int, Outcome] = field(default_factory=dict)
    on_stages: dict[int, Outcome] = field(default_factory=dict)
    held: dict[int, RankBytes | None] = field(default_factory=dict)

    def bytes_per_rank(
        self, ranks: int, stages: int, held: Callable[[int], RankBytes | None]
    ) -> int | None:
        """The bytes of parameters on the fullest rank; None where that is not known."""
        found = self.held_on(ranks, held)
        return found.fullest(stages) if found is not None else None

    def held_on(self, ranks: int, held: Callable[[int], RankBytes | None]) -> RankBytes | None:
        """The bytes that one of `ranks` ranks holds, computed by `held` once for that size.

        None where that is not known, as when the model cannot be split over so many ranks.
        """
        if ranks not in self.held:
            try:
                self.held[ranks] = held(ranks)
            except (Raised, BudgetExceeded):
                self.held[ranks] = None
        return self.held[ranks]
