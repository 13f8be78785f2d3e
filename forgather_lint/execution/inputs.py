"""The arguments with which the engine calls the base model."""

from __future__ import annotations

from forgather_lint.core.port import port_of
from forgather_lint.execution.narrow_ids import IDS
from forgather_lint.libraries.masks import KEYS
from forgather_lint.libraries.positions import COUNTED
from forgather_lint.python.values.dims import TOKENS, Size, symbol
from forgather_lint.python.values.value import (
    FALSE,
    NONE,
    Arguments,
    TensorValue,
)

SEQUENCE = symbol("T")
"""The number of tokens of one sequence that is read as a whole, as transformers does it."""

BATCHED = symbol(TOKENS)
"""The number of tokens of several sequences, each with earlier tokens in a cache."""


@port_of("vllm/model_executor/models/transformers/base.py", "Base.forward")
def engine_arguments(sequence: Size = SEQUENCE, ids: str = "int64") -> Arguments:
    """`input_ids` and `position_ids` of shape [1, tokens], passed by keyword, and nothing else.

    `ids` is the dtype of the former.
    """
    tokens = TensorValue((1, sequence), dtype=ids, tags=frozenset([IDS]))
    positions = TensorValue((1, sequence), dtype="int64", tags=frozenset([COUNTED, KEYS]))
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
