"""Why a *serves* would not be a proof: input that matters and is not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from forgather_lint.core.source import Place, file_start
from forgather_lint.documents.config_json import ConfigFile
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.names import knows
from forgather_lint.engines.vllm.checks.attended import attended_otherwise
from forgather_lint.engines.vllm.checks.config_reads import WHOLE, config_reads
from forgather_lint.engines.vllm.judge import VllmJudge
from forgather_lint.engines.vllm.quantized.description import MODELOPT_FILE, description_of
from forgather_lint.engines.vllm.server import auto_map
from forgather_lint.engines.vllm.subject import PreparedModel
from forgather_lint.execution.outcome import Outcome, undecided
from forgather_lint.libraries.names import FUSED_BLOCK, FUSED_EXPERTS
from forgather_lint.libraries.transformers.auto import config_of
from forgather_lint.model.entry import AUTO_CONFIG
from forgather_lint.model.loader import LOCAL
from forgather_lint.python.values.objects import ClassValue, Instance
from forgather_lint.python.values.value import External, Known, Unknown, Value

QUANTISED = ("quantization_config", "compression_config")
"""The keys under which vLLM finds quantized weights described (model_arch_config_convertor.py)."""


def unproved(model: ModelInput, prepared: PreparedModel) -> Outcome | None:
    """The first reason, as a verdict to be used instead of *serves*; None if there is none."""
    for reason, where in _reasons(model, prepared):
        return undecided(reason, where)
    return None


def is_quantised(model: ModelInput, prepared: PreparedModel) -> bool:
    """Whether anything describes the weights as quantized."""
    return any(True for _ in _quantised(model, prepared))


def _reasons(model: ModelInput, prepared: PreparedModel) -> Iterator[tuple[str, Place | None]]:
    config = model.config
    yield from _quantised_openly(model, prepared)
    if config is None:
        return
    yield from _other_config_class(config, prepared)
    judge = prepared.judge
    if judge is not None:
        yield from _config_class(prepared)
        yield from _fields_unknown(judge)
        yield from _fields_of_other_kinds(config, judge)
        yield from _of_attention(config, judge, prepared)
        yield from attended_otherwise(prepared)
        yield from _forward_set(judge)
    if judge is not None and judge.config.config is not judge.config.whole:
        # With a processor and inputs of other kinds the engine also runs encoders.
        yield "processor-not-judged", config.place()


def _config_class(prepared: PreparedModel) -> Iterator[tuple[str, Place | None]]:
    """Which config class the model names is not known: it may be another."""
    root = prepared.judge.subject.root if prepared.judge else None
    if prepared.builder is None or root is None or not isinstance(root.cls, ClassValue):
        return
    said = config_of(prepared.builder.machine, root.cls)
    if isinstance(said, Unknown):
        yield f"the config class of `{root.cls.name}`: {said.reason}", said.where or root.where


_OBEYED = (
    *("logit_scale", "final_logit_softcapping", "attn_logit_softcapping", "sliding_window"),
    *("tie_word_embeddings", "is_encoder_decoder", "kv_lora_rank"),
)
"""Config fields that change what the engine computes, whatever the model does with them.

Source: transformers/causal.py and `create_attention_instances` of transformers/base.py.
"""


def _fields_unknown(judge: VllmJudge) -> Iterator[tuple[str, Place | None]]:
    """A field by which the engine goes, and whose value is not known."""
    for name in (*_OBEYED, *judge.profile.config.expert_fields.value):
        held = judge.config.setting(name)
        if isinstance(held, Unknown):
            yield f"`{name}` of the config: {held.reason.replace('-', ' ')}", held.where


def _fields_of_other_kinds(
    config: ConfigFile, judge: VllmJudge
) -> Iterator[tuple[str, Place | None]]:
    """Fields with values that releases read or refuse in ways that are not modelled."""
    if not isinstance(config.values.get("architectures", []), list):
        yield "`architectures` is no list", config.place("architectures")
    both = judge.config.setting("is_encoder_decoder")
    if isinstance(both, Known) and both.value:
        yield "encoder-decoders are not judged", judge.config.place_of(("is_encoder_decoder",))


def describes_alone(model: ModelInput) -> bool:
    """Whether quantized weights are described, in one place that is known."""
    if model.config is None:
        return False
    in_config = list(_paths(model.config.values))
    return in_config == ([] if model.has_file(MODELOPT_FILE) else [(QUANTISED[0],)])


def _quantised_openly(
    model: ModelInput, prepared: PreparedModel
) -> Iterator[tuple[str, Place | None]]:
    """The reasons from quantized weights, where these are not followed or left open."""
    judge = prepared.judge
    if judge is None or judge.quantized is None:
        yield from _quantised(model, prepared)
        return
    # Few models pay for these.
    from forgather_lint.engines.vllm.quantized.layers import Quantized
    from forgather_lint.engines.vllm.quantized.unproved import why_open

    assert model.config is not None
    said = judge.quantized
    reason = why_open(judge, said) if isinstance(said, Quantized) else said.reason
    if reason:
        described = description_of(model)
        yield reason, described.place() if described is not None else model.config.place()


OF_ATTENTION = ("attn_logit_softcapping",)
"""Config fields that the engine's attention obeys (transformers/base.py).

Source: `create_attention_instances`.
"""


def _of_attention(
    config: ConfigFile, judge: VllmJudge, prepared: PreparedModel
) -> Iterator[tuple[str, Place | None]]:
    """A field that the engine's attention obeys while the model does not read it."""
    held = [each for each in OF_ATTENTION if _is_number(judge.config.setting(each))]
    reads = config_reads(prepared.builder) if held and prepared.builder else None
    if reads is None:
        return
    for name in held:
        if name not in reads and WHOLE.isdisjoint(reads):
            yield (
                f"vLLM's attention goes by `{name}`, which the model does not read",
                (config.place(name) if name in config.values else judge.config.place_of((name,))),
            )


def _is_number(value: Value | None) -> bool:
    return isinstance(value, Known) and isinstance(value.value, int | float) and bool(value.value)


def _forward_set(judge: VllmJudge) -> Iterator[tuple[str, Place | None]]:
    """A forward that is set on a single object, which the engine may replace."""
    for instance in judge.subject.tree.instances.values():
        found = instance.attributes.get("forward")
        of_engine = isinstance(found, External) and found.name in (FUSED_BLOCK, FUSED_EXPERTS)
        if found is not None and not of_engine:
            yield "forward-set-on-an-object", instance.places.get("forward", instance.where)


def _quantised(model: ModelInput, prepared: PreparedModel) -> Iterator[tuple[str, Place | None]]:
    """The reasons from quantized weights: other layers hold them, with own requirements."""
    if model.config is not None:
        for keys in _paths(model.config.values):
            yield "quantization", model.config.place(*keys)
    if model.has_file(MODELOPT_FILE):
        yield "quantization", file_start(str(Path(model.folder) / MODELOPT_FILE))
    config = prepared.judge.subject.root.attributes.get("config") if prepared.judge else None
    if isinstance(config, Instance):
        for name in QUANTISED:
            value = config.attributes.get(name)
            if value is not None and value != Known(None):
                yield "quantization", config.places.get(name)


def _paths(values: Mapping[str, object], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in values.items():
        if key in QUANTISED and value is not None:
            yield (*above, key)
        elif isinstance(value, dict):
            yield from _paths(value, (*above, key))


def _other_config_class(
    config: ConfigFile, prepared: PreparedModel
) -> Iterator[tuple[str, Place | None]]:
    """A config class that the engine does not load, as vLLM's own or transformers' comes first."""
    kind, target = config.values.get("model_type"), prepared.target
    if not isinstance(kind, str):
        return
    where = config.place("model_type")
    if knows("vllm_configs", kind, target.vllm.version):
        yield f"vLLM has a config class of its own for `{kind}`", where
    elif AUTO_CONFIG not in auto_map(config.values) and _has_local_config(prepared):
        yield f"transformers' own config class for `{kind}` is loaded, not the one here", where


def _has_local_config(prepared: PreparedModel) -> bool:
    root = prepared.judge.subject.root if prepared.judge else None
    config = root.attributes.get("config") if root else None
    cls = config.cls if isinstance(config, Instance) else None
    return isinstance(cls, ClassValue) and cls.scope.namespace.name.startswith(f"{LOCAL}.")
