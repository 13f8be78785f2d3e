"""Which of the two classes of a model holds its head: vLLM builds the head beside AutoModel's."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.analysis import Built, build_tree
from forgather_lint.facts import NotBuilt, Structure
from forgather_lint.flow.inputs import engine_arguments
from forgather_lint.interp.budget import BudgetExceeded
from forgather_lint.interp.frame import Raised
from forgather_lint.interp.subscripts import read
from forgather_lint.model.entry import AUTO_MODEL
from forgather_lint.serve.examined import Examined, releases_of
from forgather_lint.serve.weights import HEAD, has_plain_head
from forgather_lint.serving_facts import ServingProblem
from forgather_lint.source import Place
from forgather_lint.targets.facts import Effect
from forgather_lint.values.value import Known, TensorValue

WHOLE = "AutoModelForCausalLM"


def misplaced(seen: Examined, whole: Built | NotBuilt | None) -> Iterator[ServingProblem]:
    """A head in the base model, or none in the model that has to have one.

    `whole` is what the architecture names, which need not be what AutoModelForCausalLM loads.
    """
    if seen.judge is None or not has_plain_head(seen):
        return
    if _has_head(seen.judge.subject.tree.structure):
        yield from _in_base(seen)
        return
    if not isinstance(whole, Built) or whole.root.cls is not seen.cls:
        same = _class_named(seen, WHOLE) == _class_named(seen, AUTO_MODEL) is not None
        whole = build_tree(seen.workshop, WHOLE) if same else None
    if not isinstance(whole, Built) or whole.structure.open_at or _has_head(whole.structure):
        return
    tied = seen.setting("tie_word_embeddings")
    if isinstance(tied, Known) and not tied.value:
        detail = f"the class of {WHOLE} has no `{HEAD}`"
        yield from _not_loaded(seen, f"{HEAD}.weight", _entry(seen, WHOLE), detail)


def _class_named(seen: Examined, auto_class: str) -> str | None:
    auto_map = seen.workshop.config_values.get("auto_map")
    text = auto_map.get(auto_class) if isinstance(auto_map, dict) else None
    return text if isinstance(text, str) else None


def _has_head(structure: Structure) -> bool:
    return any(each.name.partition(".")[0] == HEAD for each in structure.parameters)


def _entry(seen: Examined, auto_class: str) -> Place:
    file = seen.workshop.config_file
    return file.place("auto_map", auto_class) if file is not None else seen.cls.where


def _not_loaded(seen: Examined, name: str, where: Place, detail: str) -> Iterator[ServingProblem]:
    fact = seen.target.vllm.weights.layer_not_in_checkpoint
    parts = {"names": f"{{'{name}'}}"}
    yield from seen.problem("FGL546", fact, where, name, detail, parts=parts)


def _in_base(seen: Examined) -> Iterator[ServingProblem]:
    """The checkpoint's head goes to vLLM's own; the other is not loaded, and its logits go there.

    Logits as wide as the hidden states may be hidden states: not decided.
    """
    fact = seen.target.vllm.weights.layer_not_in_checkpoint
    where = _entry(seen, AUTO_MODEL)
    detail = f"the class of AutoModel has a `{HEAD}` of its own"
    if fact.value.effect is Effect.ERROR:
        yield from _not_loaded(seen, f"model.{HEAD}.weight", where, detail)
        return
    given, wanted = _width(seen), seen.number("hidden_size")
    if given is None or wanted is None or given == wanted:
        return
    yield ServingProblem(
        code="FGL546",
        verdict="fails",
        where=where,
        target=str(seen.target),
        error="",
        releases=releases_of(fact),
        name=HEAD,
        detail=f"AutoModel returns {given} features, of which vLLM's head takes {wanted}",
    )


def _width(seen: Examined) -> int | None:
    """The last dimension of what the base model returns first."""
    machine, root = seen.workshop.machine, seen.root
    if root is None:
        return None
    machine.trail.begin()
    try:
        result = machine.call(root, engine_arguments(), root.where)
        first = read(machine, result, Known(0), root.where)
    except (Raised, BudgetExceeded):
        return None
    finally:
        machine.trail.roll_back()
    width = first.shape[-1] if isinstance(first, TensorValue) and first.shape else None
    return width if isinstance(width, int) else None
