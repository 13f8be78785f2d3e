"""Limits on the work of one analysis: input is hostile, and programs may never end."""

from __future__ import annotations

from collections import Counter
from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.python.values.endings import BudgetExceeded as BudgetExceeded
from forgather_lint.python.values.value import ValueId

MOST_STEPS = 400_000
"""Ten times what the largest model of transformers 5.23 takes."""
DEEPEST_CALL = 60
MOST_ROUNDS = 100_000
MOST_ITEMS = 100_000
LONGEST_TEXT = 1_000_000
LARGEST_BITS = 100_000
_ITEMS_PER_STEP = 20


class SourceNotHere(BudgetExceeded):
    """The answer depends on a file that is not on this machine.

    `reason` says which file and how to get it, `where` is the code that needs it.
    """

    def __init__(self, reason: str, where: Place) -> None:
        super().__init__(reason, where)


@record(frozen=False)
class Budget:
    """Counts evaluated nodes and the depth of calls; its methods raise `BudgetExceeded`."""

    steps: int = MOST_STEPS
    depth: int = 0
    running: Counter[ValueId] = field(default_factory=Counter)
    """How many calls of each function have begun and not ended."""
    items: int = 0

    def step(self) -> None:
        """Pay for the evaluation of one node."""
        self.spend(1)

    def walk(self, items: int) -> None:
        """Pay for looking at `items` items."""
        self.spend(items // _ITEMS_PER_STEP)

    def pay_for_item(self) -> None:
        """Pay for one more item of an iterator."""
        self.items += 1
        if self.items % _ITEMS_PER_STEP == 0:
            self.spend(1)

    def has_room(self, items: int) -> bool:
        """Whether a list of `items` items may be made; if so, its memory is paid for."""
        if items > MOST_ITEMS:
            return False
        self.spend(items // _ITEMS_PER_STEP)
        return True

    def spend(self, steps: int) -> None:
        """Pay for work that costs as much as evaluating `steps` nodes."""
        self.steps -= steps
        if self.steps < 0:
            raise BudgetExceeded("step-budget")
