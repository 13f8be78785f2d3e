"""Why a *serves* would not be a proof: what the model shares, and the engine keeps apart.

That is memory which a norm writes to, and weights under several names.
"""

from __future__ import annotations

from forgather_lint.engines.vllm.checks.checked_model import HEAD, CheckedModel
from forgather_lint.engines.vllm.checks.weights import has_plain_head
from forgather_lint.execution.outcome import Outcome, undecided
from forgather_lint.execution.writes import write_to_given
from forgather_lint.model.tree import class_name
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.values.objects import ClassValue
from forgather_lint.python.values.value import DictValue

_TIES = "_tied_weights_keys"


def kept_apart(seen: CheckedModel) -> Outcome | None:
    """Why it is open whether the engine computes the same; None where nothing is shared."""
    return _written_by_norm(seen) or _weight_under_two_names(seen) or _tied(seen)


def _written_by_norm(seen: CheckedModel) -> Outcome | None:
    """A norm that changes its input, as the layer of the engine in its place does not."""
    judge = seen.judge
    if judge is None:
        return None
    for module in judge.norms.kinds:
        body = judge.bodies.get(module)
        step = write_to_given(body, judge.dtype) if body is not None else None
        if step is not None:
            reason = f"`{class_name(module)}` writes to its input"
            return undecided(reason, step.where or module.where)
    return None


def _weight_under_two_names(seen: CheckedModel) -> Outcome | None:
    """A weight that two modules of the base model hold, each of which the engine replaces."""
    if seen.judge is None:
        return None
    for each in seen.judge.subject.tree.structure.parameters:
        if each.same_as is not None:
            reason = f"whether `{each.name}` stays the same weight as `{each.same_as}`"
            return undecided(reason, each.where)
    return None


def _tied_beside_head(seen: CheckedModel) -> Outcome | None:
    """Weights other than that of the head that the config ties too: the engine ties the head."""
    if seen.whole is None or not isinstance(seen.whole.root.cls, ClassValue):
        return None
    cls = seen.whole.root.cls
    found = find_member(seen.builder.machine, cls, _TIES)
    names = found.value.items if found is not None and isinstance(found.value, DictValue) else {}
    other = next((each for each in names if not str(each).startswith(HEAD)), None)
    if other is None:
        return None
    return undecided(f"whether `{other}` is tied", seen.place_of_member(_TIES, cls))


def _tied(seen: CheckedModel) -> Outcome | None:
    """Weights that are tied in another way than the head to the embedding, by the config."""
    if seen.settings.tied:
        return _tied_beside_head(seen)
    whole = seen.whole
    if whole is None or seen.names_stored or not has_plain_head(seen):
        return None
    name = f"{HEAD}.weight"
    for each in whole.structure.parameters:
        if each.same_as is not None and name in (each.name, each.same_as):
            return undecided("the head is tied by the model, not by its config", each.where)
    return None
