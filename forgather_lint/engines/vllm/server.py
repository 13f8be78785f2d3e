"""Who serves a model: a class of vLLM's own, the code in its folder, or transformers' own class.

vLLM looks for each architecture in its registry, then for a class of the first one's name in
transformers, then in `auto_map` for a class whose attention can be replaced. What it builds in the
last two cases is `AutoModel.from_config`, whichever class it found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.core.settings import ModelImpl
from forgather_lint.engines.names import knows, said
from forgather_lint.engines.vllm.fact_values import AttentionGate
from forgather_lint.engines.vllm.target import VllmTarget
from forgather_lint.model.entry import AUTO_CONFIG, AUTO_MODEL


class ServedBy(StrEnum):
    """Whose code computes the answers."""

    OWN_MODEL = "own model"
    FOLDER = "folder"
    LIBRARY = "library"
    NOBODY = "nobody"


class AskedFor(StrEnum):
    """Whose class has to support another attention; for a model in the registry none has to."""

    NOTHING = "nothing"
    FOLDER = "folder"
    LIBRARY = "library"


@record
class ServingClass:
    """Who serves the model.

    `name` is the model of vLLM's own (OWN_MODEL), the type whose class transformers loads (LIBRARY)
    or the unknown architecture. `asked` says whose class must support another attention (for
    NOBODY: whose does not); `fallback` is the model of vLLM's own that serves when the class of the
    folder does not support it.
    """

    by: ServedBy
    name: str
    asked: AskedFor = AskedFor.NOTHING
    fallback: str = ""


def server_of(config: Mapping[str, object], target: VllmTarget, impl: ModelImpl) -> ServingClass:
    """Who serves the model whose config.json has the values `config`."""
    return _Resolution(config, target, impl).server()


@record
class _Resolution:
    config: Mapping[str, object]
    target: VllmTarget
    impl: ModelImpl

    @port_of("vllm/model_executor/models/registry.py", "_ModelRegistry.inspect_model_cls")
    def server(self) -> ServingClass:
        names = architectures(self.config, self.target)
        if not names:
            return self._loaded(AskedFor.FOLDER)
        registered = any(map(self._is_registered, names))
        asks = self.impl is ModelImpl.AUTO and not registered
        if self.impl is ModelImpl.TRANSFORMERS or (asks and not self._is_converted(names[0])):
            found = self._through_transformers(names[0])
            if found is not None or self.impl is ModelImpl.TRANSFORMERS:
                return found or self._nobody(names[0])
        for name in names:
            known = self._normalised(name)
            if self._is_own(known):
                return ServingClass(ServedBy.OWN_MODEL, known)
            if self._is_registered(known):
                return self._loaded(AskedFor.NOTHING)
        found = self._through_transformers(names[0]) if asks else None
        return found or self._nobody(names[0])

    def _nobody(self, name: str) -> ServingClass:
        if self.impl is not ModelImpl.OWN and self._is_in_library(name):
            return ServingClass(ServedBy.NOBODY, name, AskedFor.LIBRARY)
        return ServingClass(ServedBy.NOBODY, name)

    def _is_own(self, name: str) -> bool:
        return knows("vllm_own", name, self.target.vllm.version)

    def _is_registered(self, name: str) -> bool:
        return self._is_own(name) or knows("vllm_passed_on", name, self.target.vllm.version)

    def _is_converted(self, name: str) -> bool:
        """Whether a model with that name is a generative one with another head."""
        registry = self.target.vllm.registry
        if name.endswith(registry.generating_suffixes.value):
            return False
        return name.endswith(registry.pooling_suffixes.value)

    @port_of("vllm/model_executor/models/registry.py", "_ModelRegistry._normalize_arch")
    def _normalised(self, name: str) -> str:
        """The name, or that of a registered model that differs in a known suffix only."""
        if self._is_registered(name):
            return name
        others = (each for each in self._other_suffixes(name) if self._is_registered(each))
        return next(others, name)

    def _other_suffixes(self, name: str) -> Iterator[str]:
        registry = self.target.vllm.registry
        suffixes = (*registry.generating_suffixes.value, *registry.pooling_suffixes.value)
        own = next((suffix for suffix in suffixes if name.endswith(suffix)), None)
        if own is not None:
            yield from (name.replace(own, suffix) for suffix in suffixes)

    @port_of("vllm/model_executor/models/registry.py", "_ModelRegistry._try_resolve_transformers")
    def _through_transformers(self, name: str) -> ServingClass | None:
        """What transformers' backend serves; None when it finds no suitable class."""
        if self._is_in_library(name):
            return self._loaded(AskedFor.LIBRARY) if self._library_allows(name) else None
        if not any(key.startswith(AUTO_MODEL) for key in auto_map(self.config)):
            return None
        found = self._loaded(AskedFor.FOLDER)
        other = self._normalised(name)
        if self.impl is not ModelImpl.AUTO or not self._is_own(other):
            return found
        return ServingClass(found.by, found.name, found.asked, fallback=other)

    def _is_in_library(self, name: str) -> bool:
        return knows("transformers_classes", name, self.target.transformers.version)

    def _library_allows(self, name: str) -> bool:
        release = self.target.transformers.version
        settable = self.target.vllm.attention.gate.value is AttentionGate.DECLARED_OR_SETTABLE
        return knows("transformers_compatible", name, release) or (
            settable and knows("transformers_settable", name, release)
        )

    @port_of("transformers/models/auto/auto_factory.py", "_BaseAutoModelClass.from_config")
    def _loaded(self, asked: AskedFor) -> ServingClass:
        """What `AutoModel.from_config` loads."""
        entries, kind = auto_map(self.config), self.config.get("model_type")
        native = isinstance(kind, str) and knows(
            "transformers_models", kind, self.target.transformers.version
        )
        if AUTO_MODEL in entries or AUTO_CONFIG in entries or not native:
            return ServingClass(ServedBy.FOLDER, AUTO_MODEL, asked)
        return ServingClass(ServedBy.LIBRARY, str(kind), asked)


def architectures(config: Mapping[str, object], target: VllmTarget) -> Sequence[str]:
    """The architectures in config.json, else the class for its model type."""
    given = config.get("architectures")
    names = [name for name in given if isinstance(name, str)] if isinstance(given, list) else []
    kind = config.get("model_type")
    if names or not (isinstance(kind, str) and target.vllm.registry.architecture_from_type.value):
        return names
    known = knows("transformers_models", kind, target.transformers.version)
    found = said("transformers_model_classes", kind) if known else None
    return [found] if found is not None else []


def auto_map(config: Mapping[str, object]) -> Mapping[str, object]:
    """The classes that config.json names for the Auto classes."""
    entries = config.get("auto_map")
    return entries if isinstance(entries, dict) else {}
