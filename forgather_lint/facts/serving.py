"""What stands between a model and one target, as the rules of `serving` read it."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.core.version import ReleaseRange
from forgather_lint.facts.cause import Cause


@record
class ServingProblem:
    """One thing that a target refuses, or does otherwise than the model's author wrote.

    `verdict` is what becomes of the model at every size: "fails", "wrong" or "" (it serves all the
    same). `error` is the exact text a user sees, empty where nothing is said. `releases` are
    those that do so, None where that is not a question of the release.
    """

    cause: Cause
    verdict: str
    where: Place
    target: str
    error: str
    releases: ReleaseRange | None
    module: str = ""
