"""The description of quantized weights, which the release reads before it builds the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from forgather_lint.core.port import port_of
from forgather_lint.engines.fact import Fact, Reaction
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.engines.vllm.quantized.description import (
    Description,
    description_of,
    of_modelopt,
)
from forgather_lint.facts.causes.quantization import (
    DtypeRefused,
    ListedNowhere,
    MethodUnknown,
    SettingRefused,
)
from forgather_lint.facts.serving import ServingProblem

_DECIDES_TOO = ("producer", "quant_algo", "quantization", "checkpoint_format", "packing_format")
"""Keys by which one method may take over a config that names another."""
_TAKEN_OVER = ("auto-round", "auto_round", "autoround", "intel/auto-round")
"""Names that the method `inc` takes over (inc.py, `override_quantization_method`)."""
_BY_NAME = {"auto_awq": "awq", "awq_marlin": "awq", "auto_gptq": "gptq", "gptq_marlin": "gptq"}
MODELOPT = "modelopt"
_MXFP4 = ("mxfp4", "gpt_oss_mxfp4")
_TRUE_BITS = (4, 8)


def _said(seen: CheckedModel) -> tuple[Description, str] | None:
    """What describes the quantization, if it names a method."""
    found = description_of(seen.model)
    return (found, found.method) if found is not None and found.method else None


@check(Phase.CONFIG)
def quantization_method(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A method that the release does not have, or accepts only when told to."""
    found = _said(seen)
    if found is None:
        return
    described, method = found
    config, where = described.said, described.place("quant_method")
    facts = seen.target.vllm.quantization
    methods = facts.methods.value
    if method in facts.deprecated.value:
        cause = MethodUnknown(method, deprecated=True)
        yield from seen.problem(cause, facts.refused, where, parts={"method": method})
    elif method not in (*methods, *_TAKEN_OVER) and not any(key in config for key in _DECIDES_TOO):
        parts = {"method": method, "methods": list(methods)}
        yield from seen.problem(MethodUnknown(method), facts.unknown, where, parts=parts)


@port_of(
    "vllm/transformers_utils/model_arch_config_convertor.py",
    "ModelArchConfigConvertorBase._normalize_quantization_config",
)
@check(Phase.CONFIG)
def method_of_file(seen: CheckedModel) -> Iterator[ServingProblem]:
    """An algorithm that stands for no method, in the file of ModelOpt, which names none itself."""
    found = _said(seen)
    if found is None or "quant_method" in found[0].said:
        return
    described, said = found
    facts, (config, above, _) = seen.target.vllm.quantization, of_modelopt(described.said)
    shown, known = str(config.get("quant_algo")), facts.modelopt_algorithms.value
    if known and shown.upper() not in known:
        cause, where = (
            SettingRefused("quant_algo", shown, said),
            described.place(*above, "quant_algo"),
        )
        parts = {"algorithm": shown}
        yield from seen.problem(cause, facts.modelopt_unknown_in_file, where, parts=parts)


@check(Phase.SIZES)
def settings(seen: CheckedModel) -> Iterator[ServingProblem]:
    """Settings of the method that the release requires and are absent, or does not accept."""
    found = _said(seen)
    if found is None:
        return
    described, said = found
    config = described.said
    facts, method = seen.target.vllm.quantization, _BY_NAME.get(said, said)
    if method.startswith(MODELOPT):
        yield from _of_modelopt(seen, described)
        return
    if any(key in config for key in _DECIDES_TOO[:3]):
        return
    for keys in facts.keys_needed.value.get(method, ()):
        names = keys.split("|")
        if not any(name in config for name in names):
            cause = SettingRefused(names[-1], "", said)
            where = described.place()
            yield from seen.problem(cause, facts.key_missing, where, parts={"keys": names})
            return
    for key, fact, parts in _refused(seen, config, method):
        shown = "" if parts is ABSENT else str(config.get(key, said))
        where = described.place(key)
        yield from seen.problem(SettingRefused(key, shown, said), fact, where, parts=parts)


ABSENT: Mapping[str, object] = {}
"""Fills the words for a key that is not there, and has to be."""
Refused = tuple[str, Fact[Reaction], Mapping[str, object]]


def _refused(seen: CheckedModel, config: Mapping[str, object], method: str) -> Iterator[Refused]:
    """The key of each setting that is not accepted, with the error of the release."""
    facts = seen.target.vllm.quantization
    if method == "gptq":
        yield from _of_gptq(seen, config)
    elif method == "awq":
        key = "w_bit" if "w_bit" in config else "bits"
        if type(config[key]) is int and config[key] != _TRUE_BITS[0]:
            yield key, facts.awq_bits, {"bits": config[key]}
    elif method == "fp8":
        scheme = config["activation_scheme"]
        if scheme not in ("static", "dynamic"):
            yield "activation_scheme", facts.fp8_scheme, {"scheme": scheme}
    elif method == "torchao":
        yield from _of_torchao(seen, config)
    elif method == "bitsandbytes":
        stored = config.get("bnb_4bit_quant_storage")
        if isinstance(stored, str) and stored != "uint8":
            yield "bnb_4bit_quant_storage", facts.storage_refused, {"storage": stored}
    elif method == "compressed-tensors":
        for order in _orders(config):
            yield "config_groups", facts.packed_ordered, {"order": order}
            return
        form = config.get("format")
        if form not in facts.packed_forms.value and _all_whole_numbers(config):
            yield "format", facts.packed_form, {}


@port_of("vllm/model_executor/layers/quantization/torchao.py", "TorchAOConfig.from_config")
def _of_torchao(seen: CheckedModel, config: Mapping[str, object]) -> Iterator[Refused]:
    """One type of quantization, under the one key `default`."""
    facts, kind = seen.target.vllm.quantization, config.get("quant_type")
    if kind is None:
        yield "quant_type", facts.torchao_untyped, ABSENT
    elif isinstance(kind, dict) and list(kind) != ["default"]:
        yield "quant_type", facts.torchao_types, {}


@port_of(
    "vllm/model_executor/layers/quantization/modelopt.py", "ModelOptQuantConfigBase.from_config"
)
def _of_modelopt(seen: CheckedModel, described: Description) -> Iterator[ServingProblem]:
    """What ModelOpt is said to have done, and what must be said beside it."""
    facts, said = seen.target.vllm.quantization, str(described.method)
    config, above, listed = of_modelopt(described.said)
    algorithm, where = config.get("quant_algo"), described.place(*above, "quant_algo")
    shown = str(algorithm)
    known = facts.modelopt_algorithms.value
    if not algorithm:
        cause = SettingRefused("quant_algo", "", said)
        yield from seen.problem(cause, facts.modelopt_unsaid, described.place(*above))
    elif known and shown.upper() not in known and "quant_method" in described.said:
        cause, parts = SettingRefused("quant_algo", shown, said), {"algorithms": list(known)}
        yield from seen.problem(cause, facts.modelopt_unknown, where, parts=parts)
    elif above and shown.upper() == "NVFP4":
        needed = ("group_size", "kv_cache_quant_algo", listed)
        missing = [key for key in needed if key not in config]
        if missing:
            cause = SettingRefused(missing[0], "", said)
            parts = {"missing": missing}
            yield from seen.problem(cause, facts.nvfp4_unsaid, where, parts=parts)


def _of_gptq(seen: CheckedModel, config: Mapping[str, object]) -> Iterator[Refused]:
    facts = seen.target.vllm.quantization
    bits, group, ordered = config["bits"], config["group_size"], config["desc_act"]
    even, sizes = config.get("sym"), facts.groups_taken.value
    if ordered is True and group != -1:
        yield "desc_act", facts.gptq_ordered, {}
    elif bits not in _TRUE_BITS or even is not True:
        key = "bits" if bits not in _TRUE_BITS else "sym"
        yield key, facts.gptq_bits, {"bits": bits, "sym": even}
    elif group not in sizes and not config.get("dynamic"):
        yield "group_size", facts.gptq_group, {"group": group, "sizes": list(sizes)}


def _orders(config: Mapping[str, object]) -> Iterator[str]:
    """For compressed-tensors: the values of `actorder` that reorder the columns of weights."""
    groups = config.get("config_groups")
    for group in groups.values() if isinstance(groups, dict) else ():
        weights = group.get("weights") if isinstance(group, dict) else None
        order = weights.get("actorder") if isinstance(weights, dict) else None
        if order in ("group", "dynamic"):
            yield str(order)


def _all_whole_numbers(config: Mapping[str, object]) -> bool:
    """For compressed-tensors: whether all layers have integer weights and plain activations."""
    groups = config.get("config_groups")
    (group, *more) = groups.values() if isinstance(groups, dict) and groups else (None,)
    if more or not isinstance(group, dict) or group.get("targets") != ["Linear"]:
        return False
    weights = group.get("weights")
    whole = isinstance(weights, dict) and weights.get("type", "int") == "int"
    return whole and not group.get("input_activations") and not group.get("format")


@check(Phase.SIZES)
def dtype(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A dtype for which the method has no kernel."""
    found = _said(seen)
    if found is None or seen.judge is None:
        return
    described, said = found
    facts, method = seen.target.vllm.quantization, _BY_NAME.get(said, said)
    if seen.judge.dtype in facts.dtypes_refused.value.get(method, ()):
        newer = f"auto_{method}"  # GPTQ alone has one name on every device
        known = method == "gptq" and newer in facts.methods.value
        parts = {"dtype": seen.judge.dtype, "method": newer if known else said}
        cause = DtypeRefused(seen.judge.dtype, said)
        where = described.place("quant_method")
        yield from seen.problem(cause, facts.dtype_refused, where, parts=parts)


@check(Phase.BUILD)
def not_for_transformers(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A method with which only vLLM's own models can be built."""
    found = _said(seen)
    if found is None or found[1] not in _MXFP4:
        return
    described, said = found
    where = described.place("quant_method")
    fact = seen.target.vllm.quantization.not_for_transformers
    yield from seen.problem(SettingRefused("quant_method", said, said), fact, where)


@check(Phase.BUILD)
def listed_nowhere(seen: CheckedModel) -> Iterator[ServingProblem]:
    """Layers excluded from quantization that the model does not have: the entry has no effect."""
    found = _said(seen)
    if found is None or seen.judge is None:
        return
    from forgather_lint.engines.vllm.quantized.found import names_of_nothing

    nothing = names_of_nothing(seen.judge)
    if nothing is not None:
        key, names = nothing
        where = found[0].place(key)
        fact = seen.target.vllm.quantization.nothing_listed
        yield from seen.problem(ListedNowhere(key, names[0], len(names)), fact, where)
