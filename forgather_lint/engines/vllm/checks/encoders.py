"""Models whose attention is not causal, which vLLM serves as encoders."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.port import port_of
from forgather_lint.core.version import TRANSFORMERS_5
from forgather_lint.engines.fact import Effect
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.engines.vllm.checks.sites import sites_of
from forgather_lint.facts.causes.config import NotCausal
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.model.entry import first_architecture
from forgather_lint.model.tree import class_name
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Known, Value

GENERATIVE = ("ForCausalLM", "ForConditionalGeneration", "ChatModel", "LMHeadModel")
"""Endings of names of models that vLLM takes to generate (config/model.py, _SUFFIX_TO_DEFAULTS)."""


@check(Phase.BUILD)
def not_causal(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A module that is marked as not causal, so that the whole model is served as an encoder.

    That is right for a model that is an encoder; no release before transformers 5 accepts one.
    """
    fact = seen.target.vllm.attention.not_causal
    silent = fact.value.effect is Effect.SILENT
    if not silent and seen.target.transformers.version >= TRANSFORMERS_5:
        return
    if seen.judge is None or seen.text_config is not seen.config:
        return
    modules = seen.judge.subject.tree.instances
    found = next((name for name, each in modules.items() if _is_false(_causal(each))), None)
    if found is None or (silent and _is_encoder(seen)):
        return
    module = modules[found]
    yield from seen.problem(
        NotCausal(class_name(module)),
        fact,
        module.places.get("is_causal", module.where),
        module=found,
        parts={"installed": seen.target.transformers.version},
    )


def _causal(module: Instance) -> Value | None:
    return module.attributes.get("is_causal")


def _is_false(value: Value | None) -> bool:
    return isinstance(value, Known) and value.value is False


@port_of("vllm/config/model.py", "_SUFFIX_TO_DEFAULTS")
def _is_encoder(seen: CheckedModel) -> bool:
    """Whether the model generates nothing and, as far as is known, has no causal attention."""
    name = first_architecture(seen.builder.config_values) or seen.cls.name
    causal = [_causal(site.module) for site in sites_of(seen)]
    return not name.endswith(GENERATIVE) and not any(map(_is_surely_causal, causal))


def _is_surely_causal(value: Value | None) -> bool:
    return value is None or (isinstance(value, Known) and value.value is True)
