"""Finds the code behind an import: the model's own files, and those of transformers' models.

Nothing is ever imported. Of transformers only the files of models are read, from the release of the
target; what the rest of it and torch mean is written in `libraries`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from forgather_lint.core.installed import is_installed
from forgather_lint.core.source import Place, file_start
from forgather_lint.documents.python import (
    OriginOf,
    PythonFile,
    SourceError,
    parse_python,
    read_text,
)
from forgather_lint.documents.sources import Sources
from forgather_lint.libraries import names
from forgather_lint.model.release_sources import ReleaseSources, has_models
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.frame import SOURCE_NOT_HERE, Frame, NotInstalled, Raised
from forgather_lint.python.values.objects import Namespace, Scope
from forgather_lint.python.values.value import External, Unknown, Value, known

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine

LOCAL = "model"
_ALWAYS_THERE = frozenset(
    {"torch", "transformers", "numpy", "huggingface_hub", "safetensors", "einops", "packaging"}
)


class SourceLoader:
    """Loads modules for one model; classes of transformers' models are those of `release`.

    `problems` collects files that could not be parsed, `missing` the packages that are imported and
    not installed here, each with the place of its first import.
    """

    def __init__(self, sources: Sources, release: ReleaseSources) -> None:
        self.sources = sources
        self.release = release
        self.problems: list[SourceError] = []
        self.missing: dict[str, Place] = {}
        self.files: dict[str, PythonFile] = {}
        self._namespaces: dict[str, Value] = {}
        self._failures: dict[tuple[str, bool], Exception] = {}

    def load(self, machine: Machine, name: str) -> Value:
        """The module called `name`. Raises `Raised` when a file of the model is missing."""
        found = self._namespaces.get(name)
        if found is not None:
            return found
        if name.startswith(f"{LOCAL}."):
            return self._load_local(machine, name.removeprefix(f"{LOCAL}."))
        beside = name in self.sources.paths or name in self.sources.texts
        if beside and machine.environment.neighbours_by_name:
            return self._load_local(machine, name)
        if name == LOCAL:
            return Namespace(LOCAL, {})
        path = self.release.module_file(name)
        if path is not None:
            return self._load_file(machine, name, str(path))
        return self._not_found(name) if beside else self._opaque(name)

    def _not_found(self, name: str) -> Value:
        """The error for a file beside the model's, imported as if it were installed."""
        try:
            return self._opaque(name)
        except NotInstalled as error:
            raise Raised(error.kind, error.text, error.where) from None

    def _opaque(self, name: str) -> Value:
        top = name.partition(".")[0]
        there = top in _ALWAYS_THERE or top in sys.stdlib_module_names
        if not there and not is_installed(top):
            raise NotInstalled(top, file_start(""))
        return External(name)

    def member(self, machine: Machine, module: External, name: str) -> Value:
        """The value of `from module import name`, for a module whose source is not read."""
        qualified = names.canonical(f"{module.name}.{name}")
        constant = machine.library.constant(qualified) or _release_of(machine, qualified)
        if constant is not None:
            return constant
        known = machine.library.has(qualified) or machine.library.lineage(qualified) is not None
        if known or not has_models(module.name):
            return External(qualified)
        if self.release.lacks(module.name, name):
            return self._absent(name)
        return self._class_of_models(machine, name) or External(qualified)

    def _absent(self, name: str) -> Unknown:
        return Unknown(SOURCE_NOT_HERE, None, self.release.why_absent(name))

    def _class_of_models(self, machine: Machine, name: str | None) -> Value | None:
        """The class `name` from transformers' models; None where they have none of that name."""
        home = self.release.home_of_class(name) if name is not None else None
        namespace = self.load(machine, home) if home is not None else None
        return namespace.globals.get(name or "") if isinstance(namespace, Namespace) else None

    def namespaces(self) -> list[Namespace]:
        """The namespaces of all modules that were read."""
        return [space for space in self._namespaces.values() if isinstance(space, Namespace)]

    def config_class(self, machine: Machine, model_type: str) -> Value | None:
        """The config class of a model type of transformers.

        None for a type that it does not have.
        """
        if self.release.folder is None:
            return self._absent(model_type)
        return self._class_of_models(machine, self.release.config_class_name(model_type))

    def model_class(self, machine: Machine, auto_class: str, model_type: str) -> Value | None:
        """The class that `auto_class` loads for a model type of transformers.

        None if it loads none.
        """
        if self.release.folder is None:
            return self._absent(model_type)
        name = self.release.model_class_name(auto_class, model_type)
        return self._class_of_models(machine, name)

    def own_namespaces(self) -> list[Namespace]:
        """The namespaces of the model's own files, as far as they were loaded."""
        spaces = [s for name, s in self._namespaces.items() if name.startswith(f"{LOCAL}.")]
        return [space for space in spaces if isinstance(space, Namespace)]

    def resolve_relative(self, namespace: Namespace, name: str, level: int) -> str:
        """The absolute name of the module in `from ..name import x` inside `namespace`.

        One dot stays among the files of the model; more dots lead out of its folder, where that is
        in a package. Empty: they lead out of that package too, and what is there is not known.
        """
        parts = namespace.name.split(".")
        alone = parts[0] == LOCAL
        if alone and level > 1 and self.sources.package:
            parts, alone = [*self.sources.package.split("."), parts[-1]], False
        if level >= len(parts) and not alone:
            return ""
        base = parts[: len(parts) - level] if level < len(parts) else parts[:1]
        return ".".join([*base, name]) if name else ".".join(base)

    def _load_local(self, machine: Machine, name: str) -> Value:
        if name.partition(".")[0] in self.sources.packages - self.sources.paths.keys():
            return Unknown("package-in-the-folder", None, name)
        if not self.sources.has(name):
            text = f"No module named '{name}'"
            raise Raised("ModuleNotFoundError", text, file_start(""))
        found = self._namespaces.get(f"{LOCAL}.{name}")
        if found is not None:
            return found
        path = self.sources.paths.get(name, f"{name}.py")
        return self._run(machine, f"{LOCAL}.{name}", path, lambda: self.sources.text(name))

    def _load_file(self, machine: Machine, name: str, path: str) -> Value:
        return self._run(machine, name, path, lambda: read_text(Path(path)))

    def _run(self, machine: Machine, name: str, path: str, text: Callable[[], str]) -> Value:
        prepared = machine.run.prepared_for_missing
        failure = self._failures.get((name, prepared))
        if failure is not None:
            raise failure
        globals_: dict[str, Value] = {}
        namespace = Namespace(name, globals_)
        self._namespaces[name] = namespace
        try:
            file = parse_python(path, text(), self._origin_of(path))
        except SourceError as problem:
            self.problems.append(problem)
            unknown = Unknown("unreadable-file", problem.where, path)
            self._namespaces[name] = unknown
            return unknown
        self.files[name] = file
        # What it defines is there for every run, whichever came to import it first; an engine has
        # imported it before it builds anything.
        world = replace(machine.environment, building=False)
        try:
            with machine.kept_run(environment=world):
                machine.execute(file.tree.body, Frame(Scope(globals_, None, namespace), file))
        except (Raised, BudgetExceeded) as error:
            del self._namespaces[name]
            self._failures[name, prepared] = error
            raise
        return namespace

    def _origin_of(self, path: str) -> OriginOf | None:
        origin = self.sources.origin
        if origin is None:
            return None
        name = Path(path).name

        def of_row(row: int) -> Place | None:
            return origin(name, row)

        return of_row


def _release_of(machine: Machine, name: str) -> Value | None:
    """The values of `torch.__version__` and `transformers.__version__`; None for any other name."""
    world = machine.environment
    named = {"torch.__version__": world.torch, "transformers.__version__": world.transformers}
    if name not in named:
        return None
    return known(named[name]) if named[name] else Unknown("release-not-known", None, name)
