"""The tensor-parallel styles: which exist, and what each does to a layer."""

from __future__ import annotations

from enum import StrEnum


class Split(StrEnum):
    """How a style splits a linear layer, as seen from the layers around it."""

    COLUMN = "column"
    """Takes a whole input; each rank gets a slice of the output."""
    ROW = "row"
    """Takes each rank's slice of the input; the output is whole."""
    CLOSED = "closed"
    """Takes a whole input and gives a whole output."""


# transformers 5.23 distributed/tensor_parallel.py, ParallelInterface; vLLM 0.33
# model_executor/models/transformers/utils.py, replace_linear_class.
_ON_LINEAR = {
    "colwise": Split.COLUMN,
    "packed_colwise": Split.COLUMN,
    "rowwise": Split.ROW,
    "packed_rowwise": Split.ROW,
    "colwise_gather_output": Split.CLOSED,
    "colwise_rep": Split.CLOSED,
    "rowwise_split_input": Split.CLOSED,
    "rowwise_rep": Split.CLOSED,
}
_ON_ANY_MODULE = frozenset(
    {
        "all_reduce",
        "embedding_colwise",
        "embedding_rowwise",
        "ep_dispatch_experts",
        "grouped_gemm",
        "local_params",
        "mla_kv_a_proj",
        "moe_identity_expert",
        "moe_tp_experts",
        "replicate",
        "replicated_with_grad_allreduce",
        "sequence_parallel",
    }
)
# Known to transformers releases between 4.50 and 5.22 only; tests/test_styles.py holds both tables.
_RETIRED = {
    "gather": "all_reduce",
    "local": "local_params",
    "local_colwise": "colwise",
    "local_rowwise": "rowwise",
    "local_packed_rowwise": "packed_rowwise",
    "ep_router": "ep_dispatch_experts",
    "megamoe_router": "ep_dispatch_experts",
    "megamoe_experts": "ep_dispatch_experts",
}
_RETIRED_SPLITS = {"local_colwise": Split.COLUMN, "local_rowwise": Split.ROW}

KNOWN = frozenset(_ON_LINEAR) | _ON_ANY_MODULE
REDUCING = frozenset({"all_reduce", "moe_tp_experts", "gather"})
"""Styles of a container that give a whole output, as a row-parallel layer does."""


def split_of(style: str | None) -> Split | None:
    """How `style` splits a linear layer; None: not at all, or the style is unknown."""
    return _ON_LINEAR.get(style or "") or _RETIRED_SPLITS.get(style or "")


def needs_linear(style: str | None) -> bool:
    """Whether `style` makes sense on a linear layer only; packed styles also split parameters."""
    return split_of(style) is not None and "packed" not in (style or "")


def successor(style: str) -> str | None:
    """What replaced a style of older transformers releases; None if it never was a style."""
    return _RETIRED.get(style)
