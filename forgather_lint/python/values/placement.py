"""How a tensor on one rank relates to the tensor that one rank alone would hold.

The lattice is DTensor's (Replicate, Shard, Partial), plus two ends of its own: `Wrong` (computed
without an error, but not a part of the true value) and `Undecided`.
"""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.facts.cause import Cause


@record
class Replicate:
    """Every rank holds the whole true tensor."""


@record
class Shard:
    """Rank r holds the r-th of equal contiguous parts along `dim` (counted from 0).

    `since` is the place at which the value became sharded. With `blocks`, the dimension consists of
    that many equal blocks, and rank r holds the r-th part of each (DTensor's _StridedShard); for
    blocks that are not equal, `blocks` is a tuple of the widths of these parts.
    """

    dim: int
    since: Place | None = None
    blocks: int | tuple[int, ...] = 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shard) and (other.dim, other.blocks) == (self.dim, self.blocks)

    def __hash__(self) -> int:
        return hash(("Shard", self.dim, self.blocks))


@record
class Partial:
    """The true tensor is the sum over the ranks."""

    since: Place | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Partial)

    def __hash__(self) -> int:
        return hash("Partial")


@record
class Wrong:
    """Computed without an error, but no part of the true value.

    `cause` says how, `where` is the operation at which it went wrong, `since` the place at which
    its operand became sharded or partial.
    """

    cause: Cause
    where: Place | None = None
    since: Place | None = None


@record
class Undecided:
    """The relation is not known; `reason` is short and countable.

    `token` is the position of a single token that was picked by a number, if the tensor is of one.
    """

    reason: str
    where: Place | None = None
    token: int | None = None


Placement = Replicate | Shard | Partial | Wrong | Undecided

REPLICATE = Replicate()

ZEROS = "zeros"
"""The tag of a tensor filled with zeros: as a term of a sum it also counts as a partial sum."""
