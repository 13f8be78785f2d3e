"""Experts that are chosen within the best groups, as DeepSeek's router does.

Source of what the engine does: vllm/model_executor/layers/fused_moe/router/grouped_topk_router.py,
`grouped_topk`.
"""

from __future__ import annotations

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.execution.terms import CASTS, ITEM, RESHAPES, Term, peeled

TWO_BEST, BEST = "the sum of its two best", "its best"
_FAR_BELOW = -1e4
"""A score below every real one."""


@record
class Groups:
    """The `chosen` best of `count` groups; `by` says how a group is scored."""

    count: int
    chosen: int
    by: str

    @property
    def trivial(self) -> bool:
        """Whether every group is chosen."""
        return self.chosen >= self.count


@record
class Grouped:
    """Scores in which those outside the chosen groups are replaced by `hidden`."""

    scores: Term
    groups: Groups
    hidden: float

    @property
    def is_far_below(self) -> bool:
        """Whether the replacement is below every score."""
        return self.hidden <= _FAR_BELOW


@port_of("vllm/model_executor/layers/fused_moe/router/grouped_topk_router.py", "grouped_topk")
def grouped(among: Term) -> Grouped | None:
    """`scores.masked_fill(~mask, value)` with the mask of the best groups; None for other forms."""
    if among.op != "masked_fill" or len(among.inputs) != 3:
        return None
    scores, mask, value = among.inputs
    inner = _plain(mask)
    if inner.op != "invert" or value.number is None:
        return None
    spread = _plain(inner.positional[0])
    while spread.op in (*RESHAPES, "expand", "unsqueeze", "repeat_interleave"):
        spread = _plain(spread.positional[0])
    chosen = _marked(spread)
    groups = _groups(chosen, peeled(scores)) if chosen is not None else None
    return Grouped(peeled(scores), groups, value.number) if groups is not None else None


def _plain(mask: Term) -> Term:
    """A mask without casts."""
    while mask.op in CASTS or mask.op == "bool":
        mask = mask.positional[0]
    return mask


def _marked(mask: Term) -> Term | None:
    """The `topk(...)` whose indices the mask of zeros and ones marks; None for other forms."""
    if mask.op != "scatter" or len(mask.inputs) != 4:
        return None
    base, _, index, value = mask.inputs
    index = peeled(index)
    is_one = value.number == 1
    is_choice = index.op == ITEM and index.place == 1 and index.positional[0].op == "topk"
    zeros = base.op in ("zeros", "zeros_like", "new_zeros")
    return index.positional[0] if zeros and is_one and is_choice else None


def _groups(choice: Term, scores: Term) -> Groups | None:
    """The groups that a choice is made from; None for other forms."""
    count, quality = choice.argument("k", 1), peeled(choice.positional[0])
    if count is None or count.number is None:
        return None
    if quality.op == "sum" and quality.positional:
        best, by = peeled(quality.positional[0]), TWO_BEST
        of_two = best.op == ITEM and best.place == 0 and best.positional[0].op == "topk"
        two = best.positional[0].argument("k", 1) if of_two else None
        if two is None or two.number != 2:
            return None
    else:
        best, by = quality, BEST
        if best.op != ITEM or best.place != 0 or best.positional[0].op != "max":
            return None
    size = _number_of_groups(best.positional[0].positional[0], scores)
    return Groups(size, int(count.number), by) if size is not None else None


def _number_of_groups(viewed: Term, scores: Term) -> int | None:
    """The number of groups in a view of the scores, 1 for the scores as they are; else None."""
    if peeled(viewed) is scores:
        return 1
    if viewed.op not in RESHAPES or peeled(viewed.positional[0]) is not scores:
        return None
    size = viewed.shape[-2] if viewed.shape is not None and len(viewed.shape) == 3 else None
    return size if isinstance(size, int) else None
