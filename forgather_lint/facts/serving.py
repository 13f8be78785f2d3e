"""What keeps a target from serving a model, as the rules of `serving` read it."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.core.version import ReleaseRange
from forgather_lint.facts.cause import Cause


@record
class ServingProblem:
    """One thing that a target refuses, or does otherwise than the model's author wrote.

    `verdict` is what becomes of the model at every size: "fails", "wrong", or "" where it serves
    all the same. `error` is the exact text a user sees, empty where the engine says nothing.
    `releases` are those that do so, None where it does not depend on the release. `after_sizes`:
    the target first holds the sizes it is asked for against the config, and may refuse those.
    """

    cause: Cause
    verdict: str
    where: Place
    target: str
    error: str
    releases: ReleaseRange | None
    module: str = ""
    after_sizes: bool = False
