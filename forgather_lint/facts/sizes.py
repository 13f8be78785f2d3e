"""What becomes of a model on several ranks and stages."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.core.source import Place


@record
class Judged:
    """The verdict at one size that is not `serves`, with the code of the rule that explains it.

    `where` is what broke the value, `since` where it became sharded; `reason` is the error a user
    would see (verdict `fails`) or what is computed instead (verdict `wrong`). `sizes` names the
    sizes at which the same happens, as `tp 2, 4`.
    """

    code: str
    verdict: str
    reason: str
    where: Place
    since: Place | None
    module: str
    target: str
    sizes: str


@record
class SizesThatServe:
    """The tensor-parallel sizes of 1, 2, 4, 8 at which one target serves a model.

    `refused` gives the first reason for each size that does not.
    """

    target: str
    sizes: tuple[int, ...]
    refused: tuple[tuple[int, str, str], ...]
    where: Place
