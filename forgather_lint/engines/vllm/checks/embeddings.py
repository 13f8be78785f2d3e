"""The embedding of a model, which the engine replaces by its own."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.port import port_of
from forgather_lint.core.version import ReleaseRange
from forgather_lint.engines.common.forward_text import forward_of
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.engines.vllm.checks.sameness import repeats
from forgather_lint.execution.replaced import input_embedding
from forgather_lint.facts.causes.modules import EmbeddingForwardDropped, EmbeddingNotFound
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.libraries.names import EMBEDDING
from forgather_lint.model.tree import class_name
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.values.objects import ClassValue, Instance
from forgather_lint.python.values.value import Known

GET, SET = "get_input_embeddings", "set_input_embeddings"


@check(Phase.WEIGHTS)
def forward_dropped(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A subclass of nn.Embedding whose own forward is never run."""
    modules = seen.target.vllm.modules
    module = input_embedding(seen.builder.machine, seen.root) if seen.root else None
    if module is None or not seen.builder.machine.is_instance_of(module, EMBEDDING):
        return
    norm = module.attributes.get("max_norm")
    if isinstance(norm, Known) and norm.value is not None:
        # The rows that are looked up are cut to it (torch.nn.functional.embedding), here alone.
        yield ServingProblem(
            cause=EmbeddingForwardDropped(f"{class_name(module)}(max_norm={norm.value!r})"),
            verdict="wrong",
            where=module.where,
            target=str(seen.target),
            error="",
            releases=ReleaseRange("vllm"),
        )
        return
    forward = forward_of(seen.builder.machine, module)
    if forward is None or repeats(seen, module, forward, EMBEDDING):
        return
    if modules.embedding_scale_kept.value and _has_scale(seen, module):
        return
    cause = EmbeddingForwardDropped(class_name(module))
    yield from seen.problem(cause, modules.embedding_forward_dropped, forward.where)


def _has_scale(seen: CheckedModel, module: Instance) -> bool:
    in_class = find_member(seen.builder.machine, module.cls, "embed_scale")
    return "embed_scale" in module.attributes or in_class is not None or module.open is not None


@check(Phase.BUILD)
def no_access(seen: CheckedModel) -> Iterator[ServingProblem]:
    """An embedding that the inherited access methods do not find."""
    root, modeling = seen.root, seen.target.transformers.modeling
    if root is None or not _is_hidden(seen, root, modeling.embedding_name.value):
        return
    parts = {"class": seen.cls.name}
    if not _is_own(seen, GET):
        fact = modeling.no_embedding
        yield from seen.problem(EmbeddingNotFound(GET), fact, seen.cls.where, parts=parts)
    elif not _is_own(seen, SET) and seen.target.vllm.modules.embedding_setter_called.value:
        fact = modeling.no_embedding_setter
        yield from seen.problem(EmbeddingNotFound(SET), fact, seen.cls.where, parts=parts)


def _is_own(seen: CheckedModel, name: str) -> bool:
    """Whether the method may be overridden: by a class with source, or by an unknown one."""
    found = find_member(seen.builder.machine, seen.cls, name)
    return found is not None and (isinstance(found.owner, ClassValue) or _is_unknown(seen))


def _is_unknown(seen: CheckedModel) -> bool:
    return seen.root is None or seen.root.open is not None


@port_of("transformers/modeling_utils.py", "EmbeddingAccessMixin")
def _is_hidden(seen: CheckedModel, root: Instance, default: str) -> bool:
    """Whether the embedding is surely in none of the places where transformers looks for it."""
    named = seen.member("_input_embed_layer")
    if named is not None and not isinstance(named, Known):
        return False
    name = str(named.value) if isinstance(named, Known) else default
    places = {name, "embeddings", "model", "language_model", seen.builder.base_prefix(root)}
    dynamic = find_member(seen.builder.machine, seen.cls, "__getattr__")
    if root.open is not None or (dynamic is not None and isinstance(dynamic.owner, ClassValue)):
        return False
    return not any(place in root.attributes or seen.member(place) for place in places if place)
