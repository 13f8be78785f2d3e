"""Finds the code behind an import: the model's own files, and installed packages as text.

Nothing is ever imported: an installed package is located by the name of its folder and its files
are read like the model's. Of transformers only model files are read; the rest of it, and torch,
have their meaning in `semantics`.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from forgather_lint.inputs.sources import Sources
from forgather_lint.interp.frame import Frame, Raised
from forgather_lint.semantics import names
from forgather_lint.source import Place, file_start
from forgather_lint.syntax.python import (
    OriginOf,
    PythonFile,
    SourceError,
    parse_python,
    read_text,
)
from forgather_lint.values.value import External, Namespace, Scope, Unknown, Value

if TYPE_CHECKING:
    from forgather_lint.interp.machine import Machine

LOCAL = "model"
_ALWAYS_THERE = frozenset({"torch", "transformers", "numpy", "huggingface_hub", "safetensors"})
_READ_PACKAGES = ("transformers.models.",)


class SourceLoader:
    """Loads modules for one model. `problems` collects files that could not be parsed."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.problems: list[SourceError] = []
        self.files: dict[str, PythonFile] = {}
        self._namespaces: dict[str, Value] = {}

    def load(self, machine: Machine, name: str) -> Value:
        """The module called `name`. Raises `Raised` when a file of the model is missing."""
        found = self._namespaces.get(name)
        if found is not None:
            return found
        local = name.removeprefix(f"{LOCAL}.")
        if (
            name.startswith(f"{LOCAL}.")
            or local in self.sources.paths
            or local in self.sources.texts
        ):
            return self._load_local(machine, local)
        if name == LOCAL:
            return Namespace(LOCAL, {})
        path = _installed_file(name)
        if path is not None:
            return self._load_file(machine, name, str(path))
        return self._opaque(name)

    def _opaque(self, name: str) -> Value:
        top = name.partition(".")[0]
        if top not in _ALWAYS_THERE and top not in sys.stdlib_module_names and not _installed(top):
            raise Raised("ModuleNotFoundError", f"No module named '{top}'", file_start(""))
        return External(name)

    def member(self, machine: Machine, module: External, name: str) -> Value:
        """`from module import name` for a module whose source is not read."""
        qualified = names.canonical(f"{module.name}.{name}")
        constant = machine.library.constant(qualified)
        if constant is not None:
            return constant
        known = machine.library.has(qualified) or machine.library.lineage(qualified) is not None
        if known or not module.name.startswith("transformers"):
            return External(qualified)
        home = _home_of_class(name)
        if home is None:
            return External(qualified)
        namespace = self.load(machine, home)
        found = namespace.globals.get(name) if isinstance(namespace, Namespace) else None
        return found if found is not None else External(qualified)

    def resolve_relative(self, namespace: Namespace, name: str, level: int) -> str:
        """The absolute name of `from ..name import x` in `namespace`."""
        parts = namespace.name.split(".")
        base = parts[: len(parts) - level] if level < len(parts) else parts[:1]
        return ".".join([*base, name]) if name else ".".join(base)

    def _load_local(self, machine: Machine, name: str) -> Value:
        if not self.sources.has(name):
            text = f"No module named '{name}'"
            raise Raised("ModuleNotFoundError", text, file_start(self._some_path()))
        path = self.sources.paths.get(name, f"{name}.py")
        return self._run(machine, f"{LOCAL}.{name}", path, lambda: self.sources.text(name))

    def _some_path(self) -> str:
        return next(iter(self.sources.paths.values()), "")

    def _load_file(self, machine: Machine, name: str, path: str) -> Value:
        return self._run(machine, name, path, lambda: read_text(Path(path)))

    def _run(self, machine: Machine, name: str, path: str, text: Callable[[], str]) -> Value:
        namespace = Namespace(name, {})
        self._namespaces[name] = namespace
        try:
            file = parse_python(path, text(), self._origin_of(path))
        except SourceError as problem:
            self.problems.append(problem)
            unknown = Unknown("unreadable-file", problem.where, path)
            self._namespaces[name] = unknown
            return unknown
        self.files[name] = file
        scope = Scope(namespace.globals, None, namespace)
        machine.execute(file.tree.body, Frame(scope, file))
        return namespace

    def _origin_of(self, path: str) -> OriginOf | None:
        origin = self.sources.origin
        if origin is None:
            return None
        name = Path(path).name

        def of_row(row: int) -> Place | None:
            return origin(name, row)

        return of_row


@cache
def _installed(package: str) -> bool:
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
def _installed_file(name: str) -> Path | None:
    if not name.startswith(_READ_PACKAGES):
        return None
    top, _, rest = name.partition(".")
    folder = package_folder(top)
    if folder is None:
        return None
    stem = folder.joinpath(*rest.split("."))
    options = (stem.with_suffix(".py"), stem / "__init__.py")
    return next((option for option in options if option.is_file()), None)


@cache
def _home_of_class(name: str) -> str | None:
    """The model file of transformers that defines the class `name`.

    A model's classes begin with the name of its folder (`Qwen3MoeModel` in `qwen3_moe`), so that
    only a few files need be looked at.
    """
    folder = package_folder("transformers")
    if folder is None or not name[:1].isupper():
        return None
    wanted = name.lower()
    folders = [
        path.name
        for path in (folder / "models").iterdir()
        if path.is_dir() and wanted.startswith(path.name.replace("_", "")) and path.name != "auto"
    ]
    for model in sorted(folders, key=len, reverse=True):
        for kind in ("modeling", "configuration"):
            file = folder / "models" / model / f"{kind}_{model}.py"
            if file.is_file() and f"class {name}(" in file.read_text("utf-8"):
                return f"transformers.models.{model}.{kind}_{model}"
    return None
