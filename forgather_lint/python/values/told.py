"""Constants that the host of the code tells it, of which another host would tell others.

Code that hands such a constant on computes the same wherever it runs. Code that asks what it is may
compute something else for one host than for another.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.python.values.loop_index import alike
from forgather_lint.python.values.value import Choice, Constant, Known, LoopIndex, Value


@record(eq=False)
class Told(Value):
    """What was told of `what` at `where`, and what another host tells instead."""

    value: Known
    otherwise: Constant
    what: str
    where: Place

    @property
    def is_asked(self) -> bool:
        """Whether a question was asked whose answer is another one elsewhere."""
        loop = self.value.loop
        try:
            return loop is not None and not alike(loop, self.otherwise)
        except TypeError:  # asked what only the one constant can be asked
            return True


def told(value: Constant, otherwise: Constant, what: str, where: Place) -> Told:
    """`value`, watched for what is asked of it."""
    return Told(Known(value, LoopIndex(handed_on=True)), otherwise, what, where)


def all_told(value: Value | None) -> Iterator[Told]:
    """What was told: several, where that hangs on a condition."""
    if isinstance(value, Told):
        yield value
    elif isinstance(value, Choice):
        for each in value.options:
            yield from all_told(each)
