"""A live `nn.Module` as input of the analysis: the source of its classes, with its config."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from forgather_lint.core.record import record
from forgather_lint.documents.config_json import parse_config
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.documents.python import SourceError
from forgather_lint.documents.sources import Sources, folder_sources

_OF_TRANSFORMERS = "transformers.models."


class NoSource(ValueError):
    """A live module whose source or config cannot be found; the message says why."""


@runtime_checkable
class Configured(Protocol):
    """The part of a transformers config that is used here."""

    def to_json_string(self, use_diff: bool = ...) -> str: ...


@record
class _Home:
    """Where a class is defined: the folder (None: in transformers itself) and the module in it."""

    folder: Path | None
    module: str

    def reference(self, cls: type) -> str:
        return f"{self.module}.{cls.__name__}"


def input_of(model: object) -> ModelInput:
    """The source of the classes of `model`, with its config. Raises `NoSource`."""
    config = getattr(model, "config", None)
    if not isinstance(config, Configured):
        raise NoSource(f"{_name(model)} has no config: what its sizes depend on is not known")
    home = _home(type(model))
    label = str(home.folder / "config.json") if home.folder else f"<config of {_name(model)}>"
    try:
        file = parse_config(label, config.to_json_string(use_diff=False))
    except SourceError as error:
        raise NoSource(f"the config of {_name(model)} is no JSON: {error.message}") from error
    sources = folder_sources(home.folder) if home.folder else Sources({})
    values = {**file.values, "architectures": [_name(model)]}
    if home.folder is not None:
        values["auto_map"] = _auto_map(model, config, home, sources)
    return ModelInput(f"<{_name(model)}>", sources, replace(file, values=values))


def _auto_map(model: object, config: object, home: _Home, sources: Sources) -> dict[str, str]:
    """The `auto_map` that `save_pretrained` writes for registered classes."""
    base = getattr(model, str(getattr(model, "base_model_prefix", "")) or "_", model)
    classes = {"AutoConfig": config, "AutoModel": base, "AutoModelForCausalLM": model}
    homes = {name: _home(type(each)) for name, each in classes.items()}
    for name, each in homes.items():
        # transformers caches each class in a folder with the files that it imports.
        if not sources.has(each.module):
            raise NoSource(f"{_name(classes[name])} is not defined beside {_name(model)}")
    return {name: each.reference(type(classes[name])) for name, each in homes.items()}


def _home(cls: type) -> _Home:
    if cls.__module__.startswith(_OF_TRANSFORMERS):
        return _Home(None, cls.__module__)
    if "<locals>" in cls.__qualname__:
        raise NoSource(f"{cls.__name__} is defined inside a function")
    try:
        file = inspect.getsourcefile(cls)
    except TypeError:
        file = None
    if file is None or not Path(file).is_file():
        raise NoSource(f"the source of {cls.__name__} is not found")
    return _Home(Path(file).parent, Path(file).stem)


def _name(model: object) -> str:
    return type(model).__name__
