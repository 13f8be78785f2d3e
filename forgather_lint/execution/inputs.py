"""What the engine calls the base model with."""

from __future__ import annotations

from forgather_lint.python.values.dims import symbol
from forgather_lint.python.values.value import (
    FALSE,
    NONE,
    Arguments,
    TensorValue,
)

SEQUENCE = symbol("S")


def engine_arguments() -> Arguments:
    """`input_ids` and `position_ids` of shape [1, S], everything by keyword.

    Source: vllm/model_executor/models/transformers/base.py, `forward`: batch 1, no mask, no cache.
    """
    tokens = TensorValue((1, SEQUENCE), dtype="int64")
    positions = TensorValue((1, SEQUENCE), dtype="int64")
    return Arguments(
        [],
        {
            "input_ids": tokens,
            "inputs_embeds": NONE,
            "use_cache": FALSE,
            "position_ids": positions,
            "return_dict": FALSE,
        },
    )
