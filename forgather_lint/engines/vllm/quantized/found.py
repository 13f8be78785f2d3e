"""The quantized layers of a model, according to its config, the release and the checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.checks.naming import NamesUnknown, Naming, naming_of
from forgather_lint.engines.vllm.deployed.forms import PLAIN
from forgather_lint.engines.vllm.fact_values import BasePrefix
from forgather_lint.engines.vllm.judge import VllmJudge
from forgather_lint.engines.vllm.quantized.description import description_of
from forgather_lint.engines.vllm.quantized.layers import Layer, Quantized, layers_at
from forgather_lint.engines.vllm.quantized.scheme import (
    ListedLayers,
    Match,
    Scheme,
    Unfollowed,
    scheme_of,
)
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.frame import Raised

if TYPE_CHECKING:
    from forgather_lint.deployment.checkpoint.files import Checkpoint


def quantized_of(seen: CheckedModel, checkpoint: Checkpoint | None) -> Quantized | Unfollowed:
    """The quantized layers of `seen`, which config.json or a file beside it describes."""
    described = description_of(seen.model)
    if described is None:
        return Unfollowed("what describes the quantization is no mapping")
    try:
        naming = naming_of(seen)
        scheme = scheme_of(described, naming.place)
    except (NamesUnknown, Raised, BudgetExceeded):
        return Unfollowed("what the release calls the layers is not known")
    if isinstance(scheme, Unfollowed):
        return scheme
    facts, weights = seen.target.vllm.quantization, seen.target.vllm.weights
    if weights.base_prefix.value is not BasePrefix.ANY and _has_parts(scheme):
        return Unfollowed("parts of names are followed from vLLM 0.18 on")
    patterns = scheme.kept is not None and scheme.kept.patterns
    if patterns and not facts.fused_name_by_pattern.value:
        return Unfollowed("expressions for layers are followed from vLLM 0.30 on")
    stored = plain = None
    if scheme.listed_by_checkpoint and checkpoint is not None:
        if not checkpoint.whole:
            return Unfollowed("the checkpoint says which layers are quantized, and is not read")
        try:
            stored, plain = _stored(naming, checkpoint)
        except NamesUnknown:
            return Unfollowed("what the release calls the layers is not known")
    return Quantized(scheme, described, stored, plain)


_PARTS = (Match.PART, Match.WILDCARD)


def _has_parts(scheme: Scheme) -> bool:
    """Whether parts of names stand for layers; then the prefix matters that older releases add."""
    lists = (scheme.kept, scheme.taken)
    return any(each is not None and each.how in _PARTS and each.names for each in lists)


def _stored(naming: Naming, checkpoint: Checkpoint) -> tuple[frozenset[str], frozenset[str]]:
    """The layers with quantized tensors in the checkpoint, and all others."""
    dtypes: dict[str, set[str]] = {}
    for each in checkpoint.tensors:
        dtypes.setdefault(each.name.rpartition(".")[0], set()).add(each.stored.dtype)
    found: tuple[set[str], set[str]] = (set(), set())
    for owner, kinds in dtypes.items():
        place = naming.place(f"{owner}.weight")
        if place is not None:
            found[kinds <= PLAIN].add(place.rpartition(".")[0])
    return frozenset(found[False]), frozenset(found[True])


def names_of_nothing(judge: VllmJudge) -> tuple[str, tuple[str, ...]] | None:
    """The key that lists excluded layers, and those of its names that match none; else None."""
    quantized = judge.quantized
    if not isinstance(quantized, Quantized) or quantized.scheme.kept is None:
        return None
    if judge.subject.tree.structure.open_at:
        return None
    try:
        layers = list(layers_at(judge, 1))
    except (Raised, BudgetExceeded):
        return None
    kept = quantized.scheme.kept
    modules = {f"model.{each.name}" for each in judge.subject.tree.structure.modules}
    known = {"lm_head", *modules, *(name for each in layers for name in _names(each))}
    found = [name for name in kept.names if not _stands_for_any(quantized.scheme, name, known)]
    return (quantized.scheme.listed, tuple(found)) if found else None


def _names(layer: Layer) -> tuple[str, ...]:
    return (layer.name, *(part.name for part in layer.parts))


def _stands_for_any(scheme: Scheme, name: str, known: set[str]) -> bool:
    kept = scheme.kept
    assert kept is not None
    if name in kept.patterns:
        return any(kept.patterns[name].matches(each) is not False for each in known)
    found = ListedLayers((name,), kept.how, {})
    return any(found.has(each) for each in known)
