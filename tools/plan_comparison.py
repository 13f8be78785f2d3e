"""Compares an inferred plan with the official one, after both were judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from forgather_lint.execution.outcome import Verdict


class Kind(StrEnum):
    """How an inferred plan compares with the official one, the best first."""

    EQUIVALENT = "equivalent"
    BETTER = "better"
    ALIKE = "alike, undecided"
    DIFFERS = "differs"
    UNDECIDED = "undecided"
    REFUSED = "refused"
    RAISES = "raises"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class Judged:
    """A plan with its verdicts at each of the sizes at which it is judged.

    `reasons` has an empty one where a plan serves. `size` is the bytes of parameters on one of two
    ranks, `named` the same for each thing that the official plan names.
    """

    plan: Mapping[str, str]
    verdicts: tuple[Verdict, ...]
    reasons: tuple[str, ...]
    size: int | None
    named: Mapping[str, int | None]

    @property
    def reason(self) -> str:
        """The first reason that is not empty."""
        return next(filter(None, self.reasons), "")

    @property
    def serves(self) -> bool:
        """Whether it serves at all sizes."""
        return set(self.verdicts) == {Verdict.SERVES}

    @property
    def undecided(self) -> str | None:
        """Why it is undecided at one of the sizes; None if it is not."""
        told = zip(self.verdicts, self.reasons, strict=True)
        return next((why for verdict, why in told if verdict is Verdict.UNKNOWN), None)


@dataclass(frozen=True, slots=True)
class Compared:
    """Both plans of one model (None where they could not be judged), and how they compare."""

    kind: Kind
    reason: str
    official: Judged | None = None
    inferred: Judged | None = None

    @property
    def misses(self) -> str | None:
        """Why the official plan is not reproduced where it has entries; None when it is."""
        official, inferred = self.official, self.inferred
        if official is None or inferred is None or self.kind in (Kind.UNDECIDED, Kind.REFUSED):
            return self.reason or self.kind
        if not _as_good(official, inferred):
            return f"inferred {inferred.reason}"
        told = other_bytes(official, inferred)
        return f"{told}; official {official.reason}" if told and official.reason else told or None


def compared(official: Judged, inferred: Judged) -> Compared:
    """The kind, and the reason for any kind that is not the best."""
    return Compared(*_kind(official, inferred), official, inferred)


def _kind(official: Judged, inferred: Judged) -> tuple[Kind, str]:
    sizes = f"{official.size} to {inferred.size} bytes"
    alike = official.verdicts == inferred.verdicts
    same = alike and official.size == inferred.size
    if same and official.undecided is not None and official.undecided == inferred.undecided:
        return Kind.ALIKE, official.undecided
    for whose, plan in (("official", official), ("inferred", inferred)):
        if plan.undecided is not None:
            return Kind.UNDECIDED, f"{whose}: {plan.undecided}" + ("" if same else f"; {sizes}")
    if same:
        return Kind.EQUIVALENT, ""
    if not alike and _as_good(official, inferred):
        return Kind.BETTER, f"official {official.reason}"
    fewer = inferred.serves and (inferred.size or 0) < (official.size or 0)
    told = (sizes, f"inferred {inferred.reason}" if inferred.reason else "")
    return Kind.BETTER if fewer else Kind.DIFFERS, ", ".join(filter(None, told))


def _as_good(official: Judged, inferred: Judged) -> bool:
    """Whether the inferred plan serves, or has the verdict of the official one, at each size."""
    pairs = zip(official.verdicts, inferred.verdicts, strict=True)
    return all(ours in (Verdict.SERVES, theirs) for theirs, ours in pairs)


def other_bytes(official: Judged, inferred: Judged) -> str:
    """What the official plan names of which a rank holds other bytes with the inferred one."""
    other = [key for key, size in official.named.items() if inferred.named[key] != size]
    return f"other bytes in {', '.join(other)}" if other else ""
