"""Whether vLLM gets as far as building the model: its config, and a class that may serve it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from forgather_lint.core.files import name_of
from forgather_lint.core.paths import absolute
from forgather_lint.core.port import port_of
from forgather_lint.core.settings import ModelImpl
from forgather_lint.core.source import file_start
from forgather_lint.core.version import ReleaseRange
from forgather_lint.documents.config_json import ConfigFile
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.fact import Fact, Reaction
from forgather_lint.engines.names import knows, said
from forgather_lint.engines.vllm.checks.checked_model import CheckedModel, problem
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.engines.vllm.server import (
    AskedFor,
    ServedBy,
    ServingClass,
    architectures,
    auto_map,
)
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.facts.causes.code import AttentionNotReplaceable
from forgather_lint.facts.causes.config import (
    ConfigClassDiffers,
    ConfigNotFound,
    NoAutoModel,
    NoConfigClass,
    OwnModelServes,
)
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.libraries.transformers.auto import config_of
from forgather_lint.model.entry import AUTO_CONFIG, AUTO_MODEL
from forgather_lint.python.values.objects import ClassValue, Instance
from forgather_lint.python.values.value import NONE, External, Unknown, Value


def own_model(name: str, config: ConfigFile, target: VllmTarget) -> ServingProblem:
    """A model of vLLM's own serves, and only the config of the folder is read."""
    return ServingProblem(
        cause=OwnModelServes(name),
        verdict="",
        where=config.place("architectures"),
        target=str(target),
        error="",
        releases=ReleaseRange.parse(f"vllm=={target.vllm.version}"),
    )


def config_not_loaded(model: ModelInput, target: VllmTarget) -> Iterator[ServingProblem]:
    """There is no config.json, or AutoConfig finds no class for it."""
    if model.config_missing:
        fact, name = target.vllm.registry.config_not_found, name_of(model.folder)
        where = file_start(model.path)
        yield from problem(target, ConfigNotFound(name), fact, where, parts={"model": name})
    if model.config is not None:
        yield from _no_config_class(model.config, target)


@port_of("transformers/models/auto/configuration_auto.py", "AutoConfig.from_pretrained")
def _no_config_class(config: ConfigFile, target: VllmTarget) -> Iterator[ServingProblem]:
    """`AutoConfig` finds no class, neither by `auto_map` nor by the model type."""
    values, loading = config.values, target.transformers.loading
    entries, kind = values.get("auto_map", {}), values.get("model_type")
    named = not isinstance(entries, dict) or AUTO_CONFIG in entries
    if named or config.undecided.keys() & {"auto_map", "model_type"}:
        return
    if kind is None:
        folder = name_of(Path(absolute(config.path)).parent)
        if loading.type_from_path.value and _contains_type(folder, target):
            return
        parts = {"model": folder, "types": "..."}
        start = file_start(config.path)
        yield from problem(target, NoConfigClass(""), loading.type_missing, start, parts=parts)
    elif not (isinstance(kind, str) and has_config_class(kind, target)):
        fact, where = loading.type_unknown, config.place("model_type")
        yield from problem(target, NoConfigClass(str(kind)), fact, where, parts={"type": kind})


def has_config_class(kind: str, target: VllmTarget) -> bool:
    """Whether transformers, or vLLM itself, has a config class for that type."""
    return knows("transformers_configs", kind, target.transformers.version) or knows(
        "vllm_configs", kind, target.vllm.version
    )


def _contains_type(folder: str, target: VllmTarget) -> bool:
    """Whether the name of the folder contains a model type, which transformers then assumes."""
    release = target.transformers.version
    parts = {folder[i:j] for i in range(len(folder)) for j in range(i + 1, len(folder) + 1)}
    return any(knows("transformers_configs", part, release) for part in parts)


def nobody_serves(
    model: ModelInput, target: VllmTarget, server: ServingClass, impl: ModelImpl
) -> Iterator[ServingProblem]:
    """An architecture in no registry, without any class that could be used instead."""
    if server.by is not ServedBy.NOBODY or model.config is None:
        return
    name, where = server.name, model.config.place("architectures")
    if server.asked is AskedFor.LIBRARY:
        fact, parts = refusal(name, model.config, target, impl)
        cause = AttentionNotReplaceable(name, library=True)
        yield from problem(target, cause, fact, where, parts=parts)
        return
    registry = target.vllm.registry
    fact, parts = unsupported(name, model.config, target)
    if impl is ModelImpl.TRANSFORMERS:
        fact, parts = registry.no_model_class, {"architecture": name}
    yield from problem(target, NoAutoModel(name), fact, where, parts=parts)


def refusal(
    name: str, config: ConfigFile | None, target: VllmTarget, impl: ModelImpl
) -> tuple[Fact[Reaction], dict[str, object]]:
    """What a user sees when the attention of the class cannot be replaced."""
    if impl is ModelImpl.TRANSFORMERS or config is None:
        return target.vllm.attention.incompatible, {"architecture": name}
    return unsupported(name, config, target)


def unsupported(
    name: str, config: ConfigFile, target: VllmTarget
) -> tuple[Fact[Reaction], dict[str, object]]:
    """vLLM's error for architectures that it does not serve, and the parts that fill it."""
    registry, release = target.vllm.registry, target.vllm.version
    names = architectures(config.values, target)
    for each in names or [name]:
        if knows("vllm_removed", each, release):
            until = said("vllm_removed_until", each)
            return registry.removed, {"architecture": each, "until": until}
        if knows("vllm_plugins", each, release):
            place = said("vllm_plugin_places", each)
            return registry.moved_out, {"architecture": each, "place": place}
    return registry.unsupported, {"architectures": names, "supported": "..."}


@check(Phase.ACCEPT)
def no_auto_model(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A class that vLLM accepts, while there is none that AutoModel could load."""
    config, target = seen.model.config, seen.target
    if config is None or seen.server.by is not ServedBy.FOLDER:
        return
    entries = auto_map(config.values)
    if AUTO_MODEL in entries or "auto_map" in config.undecided:
        return
    if not isinstance(config.values.get("auto_map", {}), dict):
        return  # such a map is a problem by itself
    name = next(iter(architectures(config.values, target)), "")
    cls = str(entries.get(AUTO_CONFIG, "")).rpartition(".")[2] or "..."
    parts = {"config": f"<class '...{cls}'>", "auto": AUTO_MODEL, "types": "..."}
    fact = target.transformers.loading.no_auto_class
    place = config.place("auto_map") if "auto_map" in config.values else seen.cls.where
    yield from problem(target, NoAutoModel(name), fact, place, parts=parts)


@port_of("transformers/models/auto/auto_factory.py", "_BaseAutoModelClass.from_config")
@port_of("transformers/models/auto/auto_factory.py", "_BaseAutoModelClass.register")
@check(Phase.ACCEPT)
def config_class_differs(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A class whose `config_class` is not called like the class of its config: `register` raises.

    It is not called where transformers has a model for configs of a class by that name.
    """
    given = seen.config.cls if isinstance(seen.config, Instance) else None
    if not isinstance(given, ClassValue) or AUTO_MODEL not in auto_map(seen.builder.config_values):
        return
    said = config_of(seen.builder.machine, seen.cls)
    if said is None or isinstance(said, Unknown):
        return  # what is not known keeps a *serves* from being a proof; see `unread`
    loading, name = seen.target.transformers.loading, _name_of_class(said)
    if name == given.name or _perhaps_of_transformers(seen, given.name):
        return
    fact = loading.config_class_differs if name else loading.config_class_unnamed
    cause = ConfigClassDiffers(seen.cls.name, name, given.name)
    kind = "NoneType" if said == NONE else "str"
    parts = {"said": f"<class '...{name}'>", "given": f"<class '...{given.name}'>", "type": kind}
    yield from seen.problem(cause, fact, seen.place_of_member("config_class"), parts=parts)


def _name_of_class(said: Value) -> str:
    """How a config class is called; empty for what is no class."""
    if isinstance(said, ClassValue):
        return said.name
    return said.name.rpartition(".")[2] if isinstance(said, External) else ""


def _perhaps_of_transformers(seen: CheckedModel, config: str) -> bool:
    """Whether AutoModel may have a class of its own for configs of a class called `config`."""
    known = seen.builder.loader.release.loads_config_class(AUTO_MODEL, config)
    if known is not None:
        return known
    stem, release = config.removesuffix("Config"), seen.target.transformers
    return release.has_class(f"{stem}Model") or release.has_model_type(stem.lower())
