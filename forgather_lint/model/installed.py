"""Finds the source of installed packages by name. Nothing is ever imported.

Of transformers only the files of its models are read; what the rest of it means is in `semantics`.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_MODELS = "transformers.models."
_KINDS = ("modeling", "configuration")
_OPAQUE = "auto"
"""The folder of the auto classes: tables of names, which `semantics` answers for."""
_PUBLIC = re.compile(r"\w+(Config|Model|For[A-Z]\w+)")
"""The classes of models that transformers exports by name, in contrast to its own machinery."""


@cache
def is_installed(package: str) -> bool:
    """Whether the top-level `package` could be imported."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


@cache
def package_folder(package: str) -> Path | None:
    """The folder of an installed package, found without importing it."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None


@cache
def module_file(name: str) -> Path | None:
    """The file of the module `name` of an installed package, when its source is read at all.

    `transformers.models.llama.modeling_llama` is; the package `transformers.models.llama`, which
    only loads lazily, and the auto classes are not.
    """
    parts = name.removeprefix(_MODELS).split(".")
    if not name.startswith(_MODELS) or len(parts) != 2 or parts[0] == _OPAQUE:
        return None
    folder = package_folder("transformers")
    file = folder.joinpath("models", *parts).with_suffix(".py") if folder else None
    return file if file is not None and file.is_file() else None


def has_models(module: str) -> bool:
    """Whether `module` of transformers hands out the classes of its models."""
    return module == "transformers" or module.startswith(_MODELS)


@cache
def home_of_class(name: str) -> str | None:
    """The module of transformers' models that defines the class `name`.

    A class nearly always begins with the name of its folder (`Qwen3MoeModel` in `qwen3_moe`); the
    few others are found by looking through all files.
    """
    if not name[:1].isupper() or not name.isidentifier():
        return None
    defines = re.compile(rb"^class " + name.encode() + rb"\b", re.MULTILINE)
    likely = name.lower().replace("_", "")
    folders = [each for each in _model_folders() if each.name != _OPAQUE]
    namesakes = [each for each in folders if likely.startswith(each.name.replace("_", ""))]
    namesakes.sort(key=lambda each: len(each.name), reverse=True)
    others = folders if _PUBLIC.fullmatch(name) else []
    for file in [*_files(namesakes), *_files(others)]:
        if defines.search(file.read_bytes()):
            return f"{_MODELS}{file.parent.name}.{file.stem}"
    return None


@cache
def _model_folders() -> tuple[Path, ...]:
    folder = package_folder("transformers")
    models = folder / "models" if folder else None
    if models is None or not models.is_dir():
        return ()
    return tuple(sorted(path for path in models.iterdir() if path.is_dir()))


def _files(folders: list[Path]) -> Iterator[Path]:
    for folder in folders:
        for kind in _KINDS:
            yield from sorted(folder.glob(f"{kind}_*.py"))
