"""The method of quantised weights."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.engines.vllm.quantized import method_of
from forgather_lint.facts.causes.quantization import MethodUnknown
from forgather_lint.facts.serving import ServingProblem

_DECIDES_TOO = ("producer", "quant_algo", "quantization", "checkpoint_format", "packing_format")
"""Keys by which a method may take over a config of another name."""
_TAKEN_OVER = ("auto-round", "auto_round", "autoround", "intel/auto-round")
"""Names that `inc` takes for its own (inc.py, `override_quantization_method`)."""


@check(Phase.CONFIG)
def quantization_method(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A method that the release does not have, or takes only when told to."""
    file = seen.model.config
    config = file.values.get("quantization_config") if file is not None else None
    if file is None or not isinstance(config, dict):
        return
    method, facts = method_of(config), seen.target.vllm.quantization
    if method is None or method == "":
        return
    where = file.place("quantization_config", "quant_method")
    methods = facts.methods.value
    if method in facts.deprecated.value:
        cause = MethodUnknown(method, deprecated=True)
        yield from seen.problem(cause, facts.refused, where, parts={"method": method})
    elif method not in (*methods, *_TAKEN_OVER) and not any(key in config for key in _DECIDES_TOO):
        parts = {"method": method, "methods": list(methods)}
        yield from seen.problem(MethodUnknown(method), facts.unknown, where, parts=parts)
