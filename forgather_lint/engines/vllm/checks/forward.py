"""How a target calls the model, and what it does with the result."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.source import Place
from forgather_lint.core.version import ReleaseRange
from forgather_lint.engines.common.forward_text import forward_of
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel, releases_of
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.execution.outcome import Verdict
from forgather_lint.execution.partition import DECODERS
from forgather_lint.execution.trace import signature_of
from forgather_lint.facts import Signature
from forgather_lint.facts.causes.attention import (
    AttentionRunsTwice,
    KeywordLost,
    NoAttentionForLayer,
)
from forgather_lint.facts.causes.code import (
    ArgumentNotAccepted,
    BareTensorReturned,
    MaskEmbedsRenamed,
)
from forgather_lint.facts.causes.placement import ArgumentNotTaken
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.values.objects import ClassValue


@check(Phase.FORWARD)
def arguments(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A forward that does not accept what the engine passes, or does not name it."""
    signature = signature_of(seen.builder.machine, seen.root) if seen.root else None
    if signature is None or seen.root is None:
        return
    forward = forward_of(seen.builder.machine, seen.root)
    where = forward.where if forward else seen.cls.where
    calls = seen.target.vllm.forward
    named = list(_decoder(seen, signature, where))
    stops = any(each.verdict == Verdict.FAILS.value for each in named)  # before it is ever called
    for name in calls.arguments.value if not stops else ():
        if not signature.accepts(name):
            yield from seen.problem(
                ArgumentNotAccepted(name),
                calls.unexpected_argument,
                where,
                parts={"class": seen.cls.name, "name": name},
            )
            return
    yield from named


def _decoder(seen: CheckedModel, signature: Signature, where: Place) -> Iterator[ServingProblem]:
    """Three names that newer releases require in the signature, even if there is `**kwargs`."""
    calls = seen.target.vllm.forward
    if not _is_own_decoder(seen):
        return
    named = {*signature.positional, *signature.keyword_only}
    missing = [name for name in calls.decoder_arguments.value if name not in named]
    if missing:
        yield from seen.problem(
            ArgumentNotAccepted(missing[0], named=True),
            calls.decoder_argument_missing,
            where,
            parts={"class": seen.cls.name, "name": missing[0]},
        )


def _is_own_decoder(seen: CheckedModel) -> bool:
    """Whether `get_decoder()` surely returns the model itself."""
    assert seen.root is not None
    if any(name in seen.root.attributes for name in DECODERS):
        return False
    own = find_member(seen.builder.machine, seen.cls, "get_decoder")
    if own is not None and isinstance(own.owner, ClassValue):
        return False
    child = seen.builder.base_child(seen.root)
    if child is None:
        return True
    return find_member(seen.builder.machine, child.cls, "get_decoder") is None


@check(Phase.FORWARD)
def run(seen: CheckedModel) -> Iterator[ServingProblem]:
    """Problems of the abstract forward on a single rank that are the target's doing."""
    if seen.judge is None:
        return
    outcome = seen.judge.alone.outcome
    where = outcome.where or seen.cls.where
    met = outcome.met
    if isinstance(met, ArgumentNotTaken) and met.name == "input_embeds":
        fact = seen.target.transformers.modeling.mask_embeds_renamed
        cause, parts = MaskEmbedsRenamed(met.function), {"function": met.function}
        yield from seen.problem(cause, fact, where, parts=parts)
    lost = seen.target.vllm.attention.keyword_lost
    if isinstance(outcome.cause, KeywordLost):
        yield from seen.problem(KeywordLost(), lost, where, module=outcome.module)
    if isinstance(outcome.cause, NoAttentionForLayer):
        fact = seen.target.vllm.attention.no_attention
        parts = {"class": outcome.cause.name, "layer": str(outcome.cause.index)}
        yield from seen.problem(outcome.cause, fact, where, module=outcome.module, parts=parts)
    if isinstance(outcome.cause, BareTensorReturned):
        yield ServingProblem(
            cause=BareTensorReturned(seen.cls.name),
            verdict="fails",
            where=where,
            target=str(seen.target),
            error="",
            releases=releases_of(seen.target.vllm.forward.hidden_states),
        )
    if isinstance(outcome.cause, AttentionRunsTwice) and not _stands_twice(seen, outcome.module):
        yield ServingProblem(
            cause=AttentionRunsTwice(seen.cls.name, outcome.module),
            verdict="wrong",
            where=where,
            target=str(seen.target),
            error="",
            releases=ReleaseRange("vllm"),
        )


def _stands_twice(seen: CheckedModel, name: str) -> bool:
    """Whether a module has several names: then its places share the cache, not its runs."""
    assert seen.judge is not None
    instances = seen.judge.subject.tree.instances
    return sum(each is instances.get(name) for each in instances.values()) > 1
