"""The style names that a plan has to use for the releases that it is inferred for."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from forgather_lint.engines.api import Target
from forgather_lint.execution.layers import Role
from forgather_lint.inference.shardings import StyleNames


def words_of(target: Target) -> StyleNames:
    """The style names for a plan for `target`."""
    flow = target.flow
    known = target.transformers.plan.styles.value
    return StyleNames(
        gathered=_spelt(flow.plan.styles, known, Role.COLUMN_GATHERED),
        splitting=_spelt(flow.plan.styles, known, Role.ROW_SPLITTING),
        packed_column="packed_colwise" if "packed_colwise" in known else None,
        packed_row="packed_rowwise" if "packed_rowwise" in known else None,
        experts="moe_tp_experts" if "moe_tp_experts" in known else None,
        identity="moe_identity_expert" if "moe_identity_expert" in known else None,
        local="local_params" if flow.plan.splits_by_head else None,
        table=None,
        whole=None,
        gathers_attention=False,
        names_local=False,
    )


def _spelt(served: Mapping[str, Role], known: Collection[str], role: Role) -> str | None:
    """The name of the role that both releases know; else one that the engine knows, or None."""
    names = [style for style, kind in served.items() if kind is role]
    return next((name for name in names if name in known), next(iter(names), None))
