"""What becomes of a model on several ranks and stages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.facts.cause import Cause
from forgather_lint.facts.plans import PlanEntry
from forgather_lint.facts.release import Release

SERVES, FAILS, WRONG, UNKNOWN = "serves", "fails", "wrong", "unknown"
"""The words of a verdict."""


@record
class OtherStyle:
    """The entry of a plan that should have `style` instead of its own."""

    entry: PlanEntry
    style: str


@record
class Judged:
    """A verdict `fails` or `wrong`, with its cause.

    `where` is the place at which the value goes wrong, `since` the place at which it became
    sharded; `reason` is the error a user would see (`fails`) or what is computed instead (`wrong`).
    `sizes` names all sizes with the same outcome, as `2 ranks, 4 ranks`.
    """

    cause: Cause
    verdict: str
    reason: str
    where: Place
    since: Place | None
    module: str
    target: Release
    sizes: str
    staged: bool = False
    """Whether the model is a pipeline of several stages at one of these sizes."""
    remedy: OtherStyle | None = None
    """The one change that makes the first of `sizes` serve; None where none is known."""


@record
class NotExplained:
    """A verdict for which no rule reported an error, although no rule for it was switched off."""

    judged: Judged


@record
class SizesUndecided:
    """Sizes at which nothing is proved, with the reason and its place.

    `asked` tells whether the user named these sizes.
    """

    reason: str
    where: Place
    module: str
    target: Release
    sizes: str
    asked: bool


@record
class SizeVerdict:
    """The verdict at one pair of sizes.

    `of_size`: its reason lies in the size, not in the model.
    """

    tensor_parallel_size: int
    pipeline_parallel_size: int
    verdict: str
    reason: str = ""
    of_size: bool = False


@record
class SizesJudged:
    """What one release makes of a model, at the sizes that were asked for or else at common ones.

    `where` is the class of the model. `others`: more releases are judged in the same run.
    `of_defaults`: without a config.json, the model is built with the defaults of its config class.
    """

    target: Release
    sizes: tuple[SizeVerdict, ...]
    asked: bool
    where: Place
    others: bool = False
    of_defaults: bool = False

    def at(self, *verdicts: str) -> tuple[SizeVerdict, ...]:
        """The sizes with one of these verdicts."""
        return tuple(each for each in self.sizes if each.verdict in verdicts)


def alike(reason: str) -> str:
    """What reasons have in common that differ in numbers alone, as errors on shapes do."""
    return re.sub(r"\d+", "#", reason)


def by_reason(sizes: Iterable[SizeVerdict]) -> Iterator[tuple[SizeVerdict, ...]]:
    """The sizes with the same verdict for the same reason."""
    groups: dict[tuple[str, str], list[SizeVerdict]] = {}
    for each in sizes:
        groups.setdefault((each.verdict, alike(each.reason)), []).append(each)
    yield from map(tuple, groups.values())


def named_sizes(sizes: Iterable[SizeVerdict]) -> str:
    """Sizes in words: `1, 2, 4 ranks and 2 stages`."""
    return named_pairs((each.tensor_parallel_size, each.pipeline_parallel_size) for each in sizes)


def named_pairs(pairs: Iterable[tuple[int, int]]) -> str:
    """Pairs of ranks and stages in words."""
    sizes = tuple(pairs)
    ranks = [str(ranks) for ranks, stages in sizes if stages == 1]
    stages = [str(stages) for ranks, stages in sizes if ranks == 1 and stages > 1]
    both = [f"{ranks} x {stages}" for ranks, stages in sizes if ranks > 1 and stages > 1]
    parts = [
        f"{', '.join(ranks)} {'rank' if ranks == ['1'] else 'ranks'}" if ranks else "",
        f"{', '.join(stages)} stages" if stages else "",
        f"{', '.join(both)} (ranks x stages)" if both else "",
    ]
    return " and ".join(filter(None, parts))
