"""The problems of a model at any size, in the order in which SGLang would meet them.

Whatever keeps a *serves* from being a proof is in `_unproved`: none of this was ever run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import libcst as cst

from forgather_lint.core.port import port_of
from forgather_lint.core.recursion import deep_recursion
from forgather_lint.core.settings import ModelImpl
from forgather_lint.core.source import Place
from forgather_lint.core.version import ReleaseRange
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.common.attention_call import by_position, interface_call
from forgather_lint.engines.common.forward_text import forward_of
from forgather_lint.engines.common.head_arithmetic import (
    OnLogits,
    arithmetic_beside,
    not_followed,
    run_with_head,
)
from forgather_lint.engines.common.rms_norm import NATIVE, adds_one, is_rms_norm
from forgather_lint.engines.common.unknown_names import first_unknown_beginning
from forgather_lint.engines.fact import Fact
from forgather_lint.engines.sglang.judge import NORM, PreparedModel, SglangJudge, prepare
from forgather_lint.engines.sglang.target import SglangTarget
from forgather_lint.execution.dataflow import graphs
from forgather_lint.execution.outcome import Outcome, Verdict, undecided
from forgather_lint.execution.replaced import input_embedding
from forgather_lint.facts.cause import Cause
from forgather_lint.facts.causes.sglang import (
    ClassRefused,
    ExpertsNotDescribed,
    StyleRefused,
    WeightLost,
)
from forgather_lint.facts.release import Reaction as Said
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.libraries.names import EMBEDDING, LINEAR
from forgather_lint.model.analysis import Built, build_tree
from forgather_lint.model.entry import AUTO_CAUSAL, AUTO_MODEL
from forgather_lint.model.tree import class_name
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import External, Known, TensorValue, Unknown

QUANTISED = ("quantization_config", "compression_config")
INTERFACE_POSITIONS = 5
GENERATING = "ForCausalLM"


def own_model(config: Mapping[str, object], target: SglangTarget, impl: ModelImpl) -> str:
    """SGLang's own model that serves such a config; empty: there is none."""
    own = target.profile.loading.own_models.value
    named = [name for name in _architectures(config) if name in own]
    return named[0] if named and impl is not ModelImpl.TRANSFORMERS else ""


def _architectures(config: Mapping[str, object]) -> Sequence[str]:
    given = config.get("architectures")
    return [name for name in given if isinstance(name, str)] if isinstance(given, list) else []


def _auto_map(config: Mapping[str, object]) -> Mapping[str, object]:
    entries = config.get("auto_map")
    return entries if isinstance(entries, dict) else {}


def served_elsewhere(
    model: ModelInput, target: SglangTarget, impl: ModelImpl
) -> PreparedModel | None:
    """The result where the code of the folder is not loaded; None where it is."""
    config = model.config
    if config is None:
        return None
    name = own_model(config.values, target, impl)
    if name:
        reason = f"SGLang serves its own `{name}`"
        own = Outcome(Verdict.OWN_MODEL, None, reason, config.place("architectures"))
        return PreparedModel(target, None, own=own)
    return None


def checked(model: ModelInput, target: SglangTarget, dtype: str, impl: ModelImpl) -> PreparedModel:
    """`model` as `target` builds it, with the problems that it has at any size."""
    prepared = prepare(model, target, dtype)
    found: list[ServingProblem] = []
    try:
        with deep_recursion():
            found += _of_class(model, prepared, impl)
            found += _of_experts(model, prepared)
            found += _of_styles(prepared)
            found += _of_weights(prepared)
            reason = next(_unproved(model, prepared), None)
    except (BudgetExceeded, Raised) as error:
        reason = str(error), None
    prepared.problems = tuple(found)
    prepared.unproved = undecided(*reason) if reason is not None else None
    return prepared


def _problem(
    prepared: PreparedModel, cause: Cause, fact: Fact[Said], where: Place, **parts: object
) -> ServingProblem:
    said = fact.value
    return ServingProblem(
        cause=cause,
        verdict="fails",
        where=where,
        target=str(prepared.target),
        error=said.shown(**parts),
        releases=ReleaseRange.parse(f"{fact.reading.project}{fact.releases}"),
    )


def _of_class(
    model: ModelInput, prepared: PreparedModel, impl: ModelImpl
) -> Iterator[ServingProblem]:
    """There is no class that can be built, or its attention cannot be replaced."""
    config, loading = model.config, prepared.target.profile.loading
    if config is None or not _architectures(config.values):
        return
    name = _architectures(config.values)[0]
    if AUTO_MODEL not in _auto_map(config.values):
        if impl is ModelImpl.AUTO and "auto_map" not in config.undecided:
            cause = ClassRefused(name, found=False)
            where = config.place("auto_map" if "auto_map" in config.values else "architectures")
            yield _problem(prepared, cause, loading.no_model_class, where, architecture=name)
        return
    judge = prepared.judge
    if judge is None:
        return
    root = judge.subject.root
    allowed = find_member(judge.subject.machine, root.cls, "_supports_attention_backend")
    flag = allowed.value if allowed is not None else None
    # transformers' own base class says False.
    if flag != Known(True) and not isinstance(flag, Unknown):
        fact = loading.not_compatible if impl is ModelImpl.AUTO else loading.backend_refused
        title = f"<class '...{class_name(root)}'>"
        cause = ClassRefused(name, found=True)
        where = judge.subject.where
        yield _problem(prepared, cause, fact, where, architecture=name, type=title)


def _is_mixture(model: ModelInput, judge: SglangJudge) -> bool:
    """Whether the backend takes the model for a mixture of experts (`_is_moe_model`)."""
    names = _architectures(model.config.values) if model.config else ()
    if any("moe" in name.lower() or "mixtral" in name.lower() for name in names):
        return True
    for field in judge.subject.profile.experts.signs.value:
        value = judge.config.setting(field)
        held = value.value if isinstance(value, Known) else value
        if isinstance(held, bool) or held is None:
            if held:
                return True
            continue
        least = 0 if field.endswith("intermediate_size") else 1
        if not isinstance(held, int | float) or held > least:
            return True
    return False


def _of_experts(model: ModelInput, prepared: PreparedModel) -> Iterator[ServingProblem]:
    """A mixture of experts whose config lacks what the backend asserts."""
    judge = prepared.judge
    if judge is None or not _is_mixture(model, judge):
        return
    experts = judge.subject.profile.experts
    for fields, fact in (
        (experts.count_fields, experts.count_missing),
        (experts.choice_fields, experts.choice_missing),
        (experts.width_fields, experts.width_missing),
    ):
        found = [judge.config.setting(name) for name in fields.value]
        if all(each is None or each == Known(None) for each in found):
            cause = ExpertsNotDescribed(fields.value)
            where = model.config.place() if model.config else judge.subject.where
            yield _problem(prepared, cause, fact, where)
            return


def _of_styles(prepared: PreparedModel) -> Iterator[ServingProblem]:
    """The first style that the backend does not know: it reads all of them while it builds."""
    judge = prepared.judge
    if judge is None or judge.subject.plans_merged is not True:
        return
    plan = judge.subject.profile.plan
    for entry in judge.subject.tensor_plan:
        if entry.style is not None and entry.style not in plan.styles.value:
            cause = StyleRefused(entry.full_key, entry.style)
            fact, where = plan.unknown_style, entry.value_where
            yield _problem(prepared, cause, fact, where, style=entry.style)
            return


def _of_weights(prepared: PreparedModel) -> Iterator[ServingProblem]:
    """A weight that `save_pretrained` writes under a name for which there is no module."""
    judge, builder = prepared.judge, prepared.builder
    if judge is None or builder is None or judge.config.config is not judge.config.whole:
        return
    whole = build_tree(builder, AUTO_CAUSAL)
    base = judge.subject.tree.structure
    if not isinstance(whole, Built) or whole.structure.open_at or base.open_at:
        return
    known = {f"model.{each.name}" for each in (*base.parameters, *base.buffers)}
    loading = judge.subject.profile.loading
    for saved in sorted(each.name for each in whole.structure.parameters if not each.same_as):
        name = placed(saved, loading.prefixes.value)
        if name in known or name == "lm_head.weight" or name.startswith("classifier."):
            continue
        parts = {"name": first_unknown_beginning(name, known), "class": "TransformersForCausalLM"}
        where = whole.root.places.get(saved.partition(".")[0], judge.subject.where)
        yield _problem(prepared, WeightLost(saved), loading.unknown_name, where, **parts)
        return


def placed(name: str, prefixes: Mapping[str, str]) -> str:
    """The name under which the backend looks up the tensor `name` (`WeightsMapper`)."""
    prefix = max((each for each in prefixes if name.startswith(each)), key=len)
    return prefixes[prefix] + name.removeprefix(prefix)


Reason = tuple[str, Place | None]


def _unproved(model: ModelInput, prepared: PreparedModel) -> Iterator[Reason]:
    """What the backend may compute otherwise than the model, or is not known to compute alike."""
    judge, builder, config = prepared.judge, prepared.builder, model.config
    if judge is None or builder is None:
        return
    if config is None or not _architectures(config.values):
        yield "no-architecture", None
        return
    if any(name in config.values for name in QUANTISED):
        yield "quantization", config.place()
    if not _architectures(config.values)[0].endswith(GENERATING):
        yield "not-generating", config.place("architectures")
    if judge.config.config is not judge.config.whole:
        yield "several-modalities", config.place()
    if _is_mixture(model, judge):
        yield "experts-replaced", judge.subject.where
    yield from _of_the_head(prepared)
    yield from _of_modules(judge)
    yield from _of_attention(judge)


def _of_the_head(prepared: PreparedModel) -> Iterator[Reason]:
    judge, builder = prepared.judge, prepared.builder
    assert judge is not None
    assert builder is not None
    whole = build_tree(builder, AUTO_CAUSAL)
    if not isinstance(whole, Built) or whole.structure.open_at:
        yield "head-not-built", judge.subject.where
        return
    if judge.subject.tree.structure.open_at:
        yield "module-may-exist", judge.subject.where
    head, base = whole.root.attributes.get("lm_head"), builder.base_child(whole.root)
    machine = judge.subject.machine
    if not isinstance(head, Instance) or base is None or head.cls != External(LINEAR):
        yield "head-not-plain", whole.root.where
        return
    if isinstance(head.attributes.get("bias"), TensorValue):
        yield "head-has-bias", head.where
    ran = run_with_head(machine, whole.root, base, head)
    if isinstance(ran, Raised):
        yield f"the forward with the head raises {ran.shown}", ran.where
        return
    found = arithmetic_beside(ran, OnLogits())
    if found is not None:
        yield "arithmetic-beside-the-head", found
    lost = not_followed(ran, OnLogits())
    if lost is not None:
        yield "head-not-followed", lost


@port_of("sglang/srt/models/transformers.py", "replace_rms_norm_class")
@port_of("sglang/srt/models/transformers.py", "TransformersBase.replace_vocab_embed_class")
def _of_modules(judge: SglangJudge) -> Iterator[Reason]:
    """Layers, embeddings and norms that the backend replaces."""
    machine, root = judge.subject.machine, judge.subject.root
    table = input_embedding(machine, root)
    if table is None or table.cls != External(EMBEDDING):
        yield "embedding-not-plain", root.where
    elif table.attributes.get("num_embeddings") != judge.config.setting("vocab_size"):
        yield "vocabulary-of-another-size", table.where
    bodies = graphs(machine, root, judge.engine, judge.heads)
    for module in judge.subject.tree.instances.values():
        if machine.is_instance_of(module, LINEAR) and module.cls != External(LINEAR):
            yield "subclass-of-linear", module.where
        if not class_name(module).endswith(NORM) or module.cls == External(NATIVE):
            continue
        forward, epsilon = forward_of(machine, module), judge.subject.profile.loading
        parameters = {
            name
            for name, value in module.attributes.items()
            if isinstance(value, TensorValue) and value.is_parameter
        }
        if (
            forward is None
            or not is_rms_norm(machine, module, bodies.get(module.first_alike), power=True)
            or adds_one(forward)
            or _starts_at_zero(judge, module)
            or parameters - {"weight"}
            or not any(name in module.attributes for name in epsilon.norm_epsilon_names.value)
        ):
            yield "norm-replaced-by-name", module.where


def _starts_at_zero(judge: SglangJudge, module: Instance) -> bool:
    """Whether the constructor may fill the weight with zeros: the backend then adds 1 to it."""
    made = find_member(judge.subject.machine, module.cls, "__init__")
    node = getattr(made.value, "node", None) if made is not None else None
    return not isinstance(node, cst.CSTNode) or "zero" in cst.Module([]).code_for_node(node)


@port_of("sglang/srt/models/transformers.py", "sglang_flash_attention_forward")
def _of_attention(judge: SglangJudge) -> Iterator[Reason]:
    """Layers that do not call the interface once, with their own index and nothing dropped."""
    machine, layers = judge.subject.machine, judge.config.number("num_hidden_layers")
    read = judge.subject.profile.attention.keywords_read.value
    numbers: list[object] = []
    for module in judge.subject.tree.instances.values():
        if module.attributes.get("is_causal", Known(True)) != Known(True):
            yield "not-causal", module.where
        forward = forward_of(machine, module)
        call = interface_call(forward) if forward is not None else None
        if call is None:
            continue
        given = {each.keyword.value for each in call.args if each.keyword is not None}
        named = {"module", "query", "key", "value", "attention_mask"}
        if given - set(read) - named or by_position(call) > INTERFACE_POSITIONS:
            yield "attention-argument-not-read", module.where
        number = module.attributes.get("layer_idx")
        numbers.append(number.value if isinstance(number, Known) else None)
    wanted = list(range(layers)) if layers is not None else None
    if wanted is None or sorted(map(str, numbers)) != sorted(map(str, wanted)):
        yield "attention-not-one-to-a-layer", judge.subject.where
    types = judge.config.setting("layer_types")
    if types is not None and types != Known(None):
        yield "layer-types", judge.subject.where
    if judge.config.setting("sliding_window") not in (None, Known(None)):
        yield "sliding-window", judge.subject.where
