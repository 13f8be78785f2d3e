"""The description of quantized weights, which the release reads before it builds the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from forgather_lint.documents.config_json import ConfigFile
from forgather_lint.engines.fact import Fact, Reaction
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.checks.phases import Phase, check
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
_MXFP4 = ("mxfp4", "gpt_oss_mxfp4")
_TRUE_BITS = (4, 8)


def _said(seen: CheckedModel) -> tuple[ConfigFile, Mapping[str, object], str] | None:
    """`quantization_config` and its method; None if config.json has none that names one."""
    file = seen.model.config
    config = file.values.get("quantization_config") if file is not None else None
    if file is None or not isinstance(config, dict):
        return None
    from forgather_lint.engines.vllm.quantized.scheme import method_of  # few models pay for it

    method = method_of(config)
    return (file, config, method) if method else None


@check(Phase.CONFIG)
def quantization_method(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A method that the release does not have, or accepts only when told to."""
    found = _said(seen)
    if found is None:
        return
    file, config, method = found
    facts = seen.target.vllm.quantization
    where = file.place("quantization_config", "quant_method")
    methods = facts.methods.value
    if method in facts.deprecated.value:
        cause = MethodUnknown(method, deprecated=True)
        yield from seen.problem(cause, facts.refused, where, parts={"method": method})
    elif method not in (*methods, *_TAKEN_OVER) and not any(key in config for key in _DECIDES_TOO):
        parts = {"method": method, "methods": list(methods)}
        yield from seen.problem(MethodUnknown(method), facts.unknown, where, parts=parts)


@check(Phase.CONFIG)
def settings(seen: CheckedModel) -> Iterator[ServingProblem]:
    """Settings of the method that the release requires and are absent, or does not accept."""
    found = _said(seen)
    if found is None or any(key in found[1] for key in _DECIDES_TOO[:3]):
        return
    file, config, said = found
    facts, method = seen.target.vllm.quantization, _BY_NAME.get(said, said)
    for keys in facts.keys_needed.value.get(method, ()):
        names = keys.split("|")
        if not any(name in config for name in names):
            cause = SettingRefused(names[-1], "", said)
            where = file.place("quantization_config")
            yield from seen.problem(cause, facts.key_missing, where, parts={"keys": names})
            return
    for key, fact, parts in _refused(seen, config, method):
        shown = str(config.get(key, said))
        where = file.place("quantization_config", *([key] if key in config else []))
        yield from seen.problem(SettingRefused(key, shown, said), fact, where, parts=parts)


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
    elif method == "compressed-tensors":
        for order in _orders(config):
            yield "config_groups", facts.packed_ordered, {"order": order}
            return
        form = config.get("format")
        if form not in facts.packed_forms.value and _all_whole_numbers(config):
            yield "format", facts.packed_form, {}


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


@check(Phase.CONFIG)
def dtype(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A dtype for which the method has no kernel."""
    found = _said(seen)
    if found is None or seen.judge is None:
        return
    file, _, said = found
    facts, method = seen.target.vllm.quantization, _BY_NAME.get(said, said)
    if seen.judge.dtype in facts.dtypes_refused.value.get(method, ()):
        newer = f"auto_{method}"  # GPTQ alone has one name on every device
        known = method == "gptq" and newer in facts.methods.value
        parts = {"dtype": seen.judge.dtype, "method": newer if known else said}
        cause = DtypeRefused(seen.judge.dtype, said)
        where = file.place("quantization_config", "quant_method")
        yield from seen.problem(cause, facts.dtype_refused, where, parts=parts)


@check(Phase.BUILD)
def not_for_transformers(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A method with which only vLLM's own models can be built."""
    found = _said(seen)
    if found is None or found[2] not in _MXFP4:
        return
    file, _, said = found
    where = file.place("quantization_config", "quant_method")
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
        where = found[0].place("quantization_config", key)
        fact = seen.target.vllm.quantization.nothing_listed
        yield from seen.problem(ListedNowhere(key, names[0], len(names)), fact, where)
