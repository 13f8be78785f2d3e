"""Plans that are not known to be what was read of them."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.execution.outcome import Outcome, undecided
from forgather_lint.facts import UnknownFact


@record
class UnknownPlans:
    """Why the tensor-parallel plan or the pipeline plan is not known; None: it is."""

    tensor: UnknownFact | None = None
    pipeline: UnknownFact | None = None

    def outcome(self, ranks: int, stages: int, module: Place) -> Outcome | None:
        """The verdict at these sizes, if it rests on a plan that is not known; else None."""
        missing = self.tensor if ranks > 1 else None
        missing = missing or (self.pipeline if stages > 1 else None)
        return undecided(missing.reason, missing.where or module) if missing else None
