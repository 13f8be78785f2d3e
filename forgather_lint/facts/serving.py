"""What stands between a model and one target, as the rules of `serving` read it."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.core.source import Place


@record
class ServingProblem:
    """One thing that a target refuses, or does otherwise than the model's author wrote.

    `code` is the rule that explains it. `verdict` is what becomes of the model at every size:
    "fails", "wrong" or "" (it serves all the same). `error` is the exact text a user sees, empty
    where nothing is said. `name` is the field, module, class or style concerned, `detail` what more
    the rule needs to say it. `releases` is the range of releases that do so.
    """

    code: str
    verdict: str
    where: Place
    target: str
    error: str
    releases: str
    name: str
    detail: str = ""
    module: str = ""
