"""Where the text of a model comes from: a folder on disk, one file, or memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path

from forgather_lint.core.files import is_file, listed, name_of
from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.documents.python import read_text

Origin = Callable[[str, int], Place | None]


@record
class Sources:
    """The Python files of one model by module name (`llama` for `llama.py`).

    `paths` has the path of each; `texts` the text of those that exist in memory only. `origin` maps
    a file name and row of generated text to the template line that it came from. `package` is the
    dotted name of the folder, where that is a package; `packages` are folders in it that are
    packages themselves, which are not read.
    """

    paths: Mapping[str, str]
    texts: Mapping[str, str] = field(default_factory=dict)
    origin: Origin | None = None
    package: str = ""
    packages: frozenset[str] = frozenset()

    def has(self, module: str) -> bool:
        """Whether there is a module of this name."""
        return module in self.paths or module in self.texts

    def text(self, module: str) -> str:
        """The text of a module. Raises `SourceError`."""
        if module in self.texts:
            return self.texts[module]
        return read_text(Path(self.paths[module]))


def folder_sources(folder: Path) -> Sources:
    """The Python files that are directly in `folder`."""
    files = [path for path in listed(folder, "*.py") if is_file(path)]
    packages = frozenset(path.parent.name for path in listed(folder, "*/__init__.py"))
    paths = {path.stem: str(path) for path in files}
    return Sources(paths, package=_package(folder), packages=packages)


def _package(folder: Path) -> str:
    """The dotted name of `folder` as a package: as many folders up as have an `__init__.py`."""
    parts: list[str] = []
    folder = folder.absolute()
    while is_file(folder / "__init__.py") and folder.name not in parts:
        parts.insert(0, name_of(folder))
        folder = folder.parent
    return ".".join(parts)
