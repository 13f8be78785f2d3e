"""What a module's forward writes to: memory that it was handed belongs to its caller too."""

from __future__ import annotations

from forgather_lint.execution.dataflow import Body, Step
from forgather_lint.libraries.aliases import SAME_MEMORY
from forgather_lint.libraries.operands import is_in_place
from forgather_lint.python.values.value import TensorValue, ValueId

_CASTS = frozenset("to float half bfloat16 double type type_as".split())


def write_to_given(body: Body, dtype: str | None = None) -> Step | None:
    """The first step that writes to an argument of the body, or to memory that one shows.

    A cast copies where it changes the type; `dtype` is that of values of which none is noted, None
    where that is not known.
    """
    given = set(body.placeholders)
    for step in body.steps:
        if not step.inputs or step.inputs[0] not in given:
            continue
        if writes(step):
            return step
        short = step.name.removesuffix(".get").rpartition(".")[2]
        if short == "item" or (short in SAME_MEMORY and not _copies(step, short, dtype)):
            given.add(step.output)
    return None


def writes(step: Step) -> bool:
    """Whether a step changes its first input in place."""
    last = step.name.rpartition(".")[2]
    by_name = is_in_place(step.name) or last.strip("_") == "setitem"
    return bool(step.inputs) and (step.in_place or by_name)


def _copies(step: Step, short: str, dtype: str | None) -> bool:
    """Whether a cast surely makes a tensor of its own."""
    if short not in _CASTS:
        return False
    before, after = _dtype(step.inputs[0]) or dtype, _dtype(step.output)
    return before is not None and after is not None and after != before


def _dtype(value: ValueId) -> str | None:
    held = value.value
    return held.dtype if isinstance(held, TensorValue) else None
