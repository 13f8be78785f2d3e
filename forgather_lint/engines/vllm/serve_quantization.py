"""`--quantization` of `vllm serve`, compared with the description of weights in the config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from forgather_lint.engines.fact import Fact
from forgather_lint.engines.vllm.profile import VllmProfile
from forgather_lint.engines.vllm.quantized.scheme import FP8
from forgather_lint.facts.command import ServeCommand
from forgather_lint.facts.release import Reaction

QUANTIZATION, CACHE_TYPE = "--quantization", "--kv-cache-dtype"
_OTHERWISE = (QUANTIZATION, "--quantization-config", "--kv-cache-dtype-skip-layers")
_FILES = {"awq": "quant_config.json or quantize_config.json", "gptq": "quantize_config.json"}
"""The files, by method, in which a release looks beside config.json (`get_config_filenames`)."""


class Clash(NamedTuple):
    """The error of the release, with what fills its text and what the reader is told."""

    fact: Fact[Reaction]
    message: str
    parts: Mapping[str, str]


def clash(
    command: ServeCommand, release: VllmProfile, config: Mapping[str, object]
) -> Iterator[Clash]:
    """A conflict between the methods of the option and the config, unless a third takes over."""
    given = (command.text(QUANTIZATION) or "").lower()
    facts, said = release.quantization, _method(config)
    theirs, ours = _family(release, given), _family(release, said)
    if theirs is None:
        return
    if ours is not None and ours != theirs:
        message = f"`{QUANTIZATION} {given}` on a model whose weights are in `{said}`"
        yield Clash(facts.argument_differs, message, {"method": said, "given": given})
    elif not any(key.endswith("quantization_config") for key in config) and theirs in _FILES:
        message = f"`{QUANTIZATION} {given}` on a model that has no {_FILES[theirs]}"
        yield Clash(facts.argument_without_config, message, {"given": given})


def refused_cache(command: ServeCommand, release: VllmProfile, config: object) -> Iterator[Clash]:
    """A cache of fp8_e5m2 beside weights in fp8, whose method scales every layer's cache.

    Layers that the cache's type is not for, and another method for the weights, are not followed.
    Source: vllm/model_executor/layers/quantization/fp8.py, `Fp8Config.get_quant_method`.
    """
    method = _method(config) if isinstance(config, Mapping) else ""
    followed = command.complete and not any(name in command.given for name in _OTHERWISE)
    if method == FP8 and command.text(CACHE_TYPE) == "fp8_e5m2" and followed:
        message = f"`{CACHE_TYPE} fp8_e5m2` on a model whose weights are in `{method}`"
        yield Clash(release.command.cache_of_fp8_weights, message, {})


def changes_nothing(command: ServeCommand, release: VllmProfile, config: object) -> bool:
    """Whether the option names the method that the config has anyway."""
    if QUANTIZATION not in command.given:
        return True
    given = (command.text(QUANTIZATION) or "").lower()
    said = _method(config) if isinstance(config, Mapping) else ""
    family = _family(release, given)
    return family is not None and family == _family(release, said)


def _method(config: Mapping[str, object]) -> str:
    """The method of the config, or an empty text."""
    said = config.get("quantization_config")
    method = said.get("quant_method") if isinstance(said, dict) else None
    return method.lower() if isinstance(method, str) else ""


def _family(release: VllmProfile, name: str) -> str | None:
    """The method that is called `name`, None if another one takes it over."""
    families = release.quantization.argument_names.value.items()
    return next((method for method, names in families if name in names), None)
