"""How a router weighs the experts that it chooses, derived from how its weights are computed.

Softmax over the chosen ones equals softmax over all, renormalized; a factor before a
renormalization has no effect. What has no such form is `Unmatched`, with the op that is not
understood.
"""

from __future__ import annotations

from dataclasses import replace

from forgather_lint.core.record import record
from forgather_lint.engines.vllm.moe.groups import Groups, grouped
from forgather_lint.execution.terms import ATTRIBUTE, INPUT, ITEM, LIBRARY, MODULE, Term, peeled
from forgather_lint.python.values.value import Known

CORRECTION = "e_score_correction_bias"
NEGLIGIBLE = 1e-6
"""An epsilon added to a sum of weights that changes no more than rounding does."""
_SCORING = ("softmax", "sigmoid")
_MODULES = (MODULE, LIBRARY)


@record
class Unmatched:
    """A term that does not have the form that was looked for."""

    term: Term


@record
class Routing:
    """Scores of all experts, of which the `top_k` highest are chosen, with their scores as weights.

    `corrected`: the choice is by scores plus a learned correction, which the weights do not
    include. `sharpness` multiplies the logits. `groups`: the choice is within the best of them.
    """

    scoring: str
    renormalized: bool
    factor: float
    corrected: bool
    top_k: int
    sharpness: float = 1.0
    groups: Groups | None = None

    def times(self, factor: float, sharpness: float) -> Routing:
        """This routing with weights and logits multiplied."""
        return replace(self, factor=self.factor * factor, sharpness=self.sharpness * sharpness)

    def differences(self, other: Routing) -> list[str]:
        """The fields in which two routings weigh or choose differently."""
        found = [
            name
            for name in ("scoring", "corrected", "top_k", "groups")
            if getattr(self, name) != getattr(other, name)
        ]
        if self.renormalized != other.renormalized:
            found.append("renormalized")
        for name in ("factor", "sharpness"):
            here, there = getattr(self, name), getattr(other, name)
            if abs(here - there) > NEGLIGIBLE * abs(there):
                found.append(name)
        return found


@record
class Read:
    """A routing, and the logits that it scores."""

    routing: Routing
    logits: Term


def read_routing(weights: Term, index: Term) -> Read | Unmatched:
    """The routing that computed the `weights` of the experts at `index`."""
    chosen = peeled(index)
    choice = chosen.positional[0] if chosen.op == ITEM and chosen.place == 1 else chosen
    if choice.op != "topk" or not _over_last(choice, 2) or not _is_largest(choice):
        return Unmatched(chosen)
    count = choice.argument("k", 1)
    if count is None or count.number is None:
        return Unmatched(choice)
    term, factor, renormalized = _unweighed(weights, chosen)
    found = _scored(term, choice, chosen)
    if isinstance(found, Unmatched):
        return found
    scoring, logits, corrected, over_chosen, groups = found
    logits, sharpness = unscaled(logits)
    routing = Routing(
        scoring,
        renormalized or over_chosen,
        factor,
        corrected,
        top_k=int(count.number),
        sharpness=sharpness,
        groups=groups,
    )
    return Read(routing, logits)


def unscaled(term: Term) -> tuple[Term, float]:
    """The term without its factors, and their product."""
    term, factor = peeled(term), 1.0
    while (scaled := scaled_by(term)) is not None:
        term, factor = peeled(scaled[0]), factor * scaled[1]
    return term, factor


def _unweighed(weights: Term, chosen: Term) -> tuple[Term, float, bool]:
    """The term without factors and division by the sum, the factor, and whether it was divided."""
    term, factor, renormalized = peeled(weights), 1.0, False
    while True:
        scaled, whole = scaled_by(term), _renormalized(term)
        if scaled is not None:
            factor *= 1.0 if renormalized else scaled[1]
            term = peeled(scaled[0])
        elif whole is not None:
            renormalized, term = True, peeled(whole)
        elif _is_spread(term, chosen):
            term = peeled(term.positional[3])
        else:
            return term, factor, renormalized


def _is_spread(term: Term, chosen: Term) -> bool:
    """Whether weights are put at the indices of experts, `zeros.scatter(-1, chosen, weights)`."""
    if term.op != "scatter" or len(term.positional) != 4 or not _over_last(term, 1):
        return False
    zeros, index = term.positional[0], term.positional[2]
    return zeros.op in ("zeros", "zeros_like", "new_zeros") and peeled(index) is chosen


def scaled_by(term: Term) -> tuple[Term, float] | None:
    """`x` and `c` of `x * c`, `c * x` and `x / c`; None for other forms."""
    if term.op not in ("mul", "truediv", "div") or len(term.positional) != 2 or term.keywords:
        return None
    left, right = term.positional
    if right.number is not None:
        divides = term.op != "mul"
        return (left, 1 / right.number if divides else right.number) if right.number else None
    if term.op == "mul" and left.number is not None:
        return right, left.number
    return None


def _renormalized(term: Term) -> Term | None:
    """`w` of `w / w.sum(-1, keepdim=True)`, possibly with an epsilon; None for other forms."""
    if term.op not in ("truediv", "div") or len(term.positional) != 2 or term.keywords:
        return None
    weights, total = map(peeled, term.positional)
    if total.op == "add" and len(total.positional) == 2:
        numbers = [each.number for each in total.positional if each.number is not None]
        sums = [peeled(each) for each in total.positional if each.number is None]
        if len(sums) != 1 or not 0 <= numbers[0] <= NEGLIGIBLE:
            return None
        total = sums[0]
    kept = total.argument("keepdim", 2)
    keeps = kept is not None and isinstance(kept.value, Known) and kept.value.value is True
    if total.op != "sum" or not keeps or not _over_last(total, 1):
        return None
    return weights if peeled(total.positional[0]) is weights else None


_Scored = tuple[str, Term, bool, bool, Groups | None]


def _scored(term: Term, choice: Term, chosen: Term) -> _Scored | Unmatched:
    """Scoring, logits, whether they are corrected, whether over the chosen only, and groups."""
    whole = peeled(choice.positional[0])
    within = grouped(whole)
    among = whole if within is None else within.scores
    groups = None if within is None or within.groups.trivial else within.groups
    if _is_values_of(term, choice):
        scores = among if groups is None or among.op in _SCORING else whole
    elif term.op == "gather" and _gathers(term, chosen):
        scores = peeled(term.positional[0])
    elif term.op in _SCORING and _is_values_of(peeled(term.positional[0]), choice):
        # Scored behind the choice: a sigmoid is the same there, a softmax is over those chosen.
        if term.op == "softmax" and not _over_last(term, 1):
            return Unmatched(term)
        return term.op, among, False, term.op == "softmax", None
    else:
        return Unmatched(term)
    if scores.op not in _SCORING or (scores.op == "softmax" and not _over_last(scores, 1)):
        return Unmatched(scores)
    logits = peeled(scores.positional[0])
    if among is scores or (among is logits and groups is None):
        # Scores are above zero, so what is hidden as zero is not chosen.
        return scores.op, logits, False, False, groups
    if among.op != "add" or not _corrects(among, scores):
        return Unmatched(among)
    if groups is not None and within is not None and not within.is_far_below:
        return Unmatched(whole)
    return scores.op, logits, True, False, groups


def _is_values_of(term: Term, choice: Term) -> bool:
    return term.op == ITEM and term.place == 0 and term.positional[0] is choice


def _gathers(term: Term, chosen: Term) -> bool:
    """Whether it is `scores.gather(-1, chosen)`."""
    places = term.argument("index", 2)
    return places is not None and peeled(places) is chosen and _over_last(term, 1)


def _corrects(total: Term, scores: Term) -> bool:
    """Whether it is `scores + bias`."""
    sides = [peeled(each) for each in total.positional]
    others = [each for each in sides if each is not scores]
    return len(others) == 1 and _is_correction(others[0])


def _is_correction(term: Term) -> bool:
    while term.op in ("unsqueeze", "view", "reshape") and term.positional:
        term = peeled(term.positional[0])
    return term.op == ATTRIBUTE and term.name == CORRECTION


def _over_last(term: Term, place: int) -> bool:
    """Whether the op is along the last dimension, which is the default of `topk` alone."""
    given, source = term.argument("dim", place), term.positional[0]
    if given is None:
        return term.op == "topk"
    rank = len(source.shape) if source.shape is not None else None
    number = given.number
    return number == -1 or (rank is not None and number == rank - 1)


def _is_largest(choice: Term) -> bool:
    given = choice.argument("largest", 3)
    return given is None or (isinstance(given.value, Known) and given.value.value is True)


def linear_factor(logits: Term, owner: object, given: Term) -> float | None:
    """`c`, if `logits` are `linear(given * c, owner.weight)` without a bias; else None."""
    if logits.op != "linear" or len(logits.inputs) != 2:
        return None
    source, weight = logits.inputs
    inner, factor = unscaled(source)
    weight = peeled(weight)
    of_owner = weight.op == ATTRIBUTE and weight.owner is owner and weight.name == "weight"
    return factor if inner is given and of_owner else None


@record
class BlockOutput:
    """`experts(...) * factor`, and what is added, times `shared_factor`.

    That is a shared expert, perhaps times the sigmoid of its gate, or the input of the block.
    """

    factor: float
    shared: Term | None = None
    gate: Term | None = None
    shared_factor: float = 1.0


def read_output(result: Term, call: Term) -> BlockOutput | Unmatched:
    """The form of a block's result around the `call` of its experts."""
    term = peeled(result)
    factor = _factor_of(term, call)
    if factor is not None:
        return BlockOutput(factor)
    if term.op != "add" or len(term.positional) != 2:
        return Unmatched(term)
    for routed, other in (term.positional, term.positional[::-1]):
        factor = _factor_of(routed, call)
        if factor is None:
            continue
        inner, shared_factor = unscaled(other)
        if is_input(inner):
            return BlockOutput(factor, inner, None, shared_factor)
        shared = _shared(inner)
        return Unmatched(inner) if shared is None else BlockOutput(factor, *shared, shared_factor)
    return Unmatched(term)


def _factor_of(term: Term, call: Term) -> float | None:
    """`c`, if the term is the call times `c`; else None."""
    inner, factor = unscaled(term)
    return factor if inner is call else None


def _shared(term: Term) -> tuple[Term, Term | None] | None:
    """The calls in `shared(x)`, or in that times `sigmoid(gate(x))`; None for other forms."""
    if term.op in _MODULES:
        return term, None
    if term.op != "mul" or len(term.positional) != 2:
        return None
    for left, right in (term.positional, term.positional[::-1]):
        gated, shared = peeled(left), peeled(right)
        if gated.op == "sigmoid" and shared.op in _MODULES:
            gate = peeled(gated.positional[0])
            return (shared, gate) if gate.op in _MODULES else None
    return None


def reads(term: Term, given: Term) -> bool:
    """Whether a module is called with `given` alone."""
    return len(term.inputs) == 1 and peeled(term.inputs[0]) is given


def is_input(term: Term) -> bool:
    """Whether it is the first argument of the body."""
    return term.op == INPUT and term.place == 0
