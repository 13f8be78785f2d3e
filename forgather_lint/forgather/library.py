"""Template files: where they may be, how they are found; each is read once in a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from pathlib import Path
from types import CodeType
from typing import TypeAlias

from forgather_lint.core.files import (
    exists,
    is_file,
    is_folder,
    listed,
    read_at_most,
    real_path,
)
from forgather_lint.core.record import record
from forgather_lint.core.remembered import remembered
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.forgather.limits import MAX_TEMPLATE_BYTES, RenderRefused
from forgather_lint.forgather.syntax import TemplateText, read_templates
from forgather_lint.linting.report import Found

WORKSPACE_FOLDER = "forgather_workspace"
_REPOSITORY_MARKS = (".git", ".hg", "pyproject.toml")
_LANDMARK = Path("templatelib", "base", "config_type.yaml")


@record
class TemplateFile:
    """A file of templates, as text and translated to Jinja."""

    path: Path
    text: str
    templates: tuple[TemplateText, ...]

    def line(self, row: int) -> str:
        """The text of `row` (from 1), without its newline."""
        lines = self.text.splitlines()
        return lines[row - 1] if row <= len(lines) else ""


Template: TypeAlias = tuple[TemplateFile, TemplateText]


@record(frozen=False)
class TemplateLibrary:
    """Every template file read in one run, with the code compiled from it.

    `answers` keeps what later stages have found out about configurations of projects, `judged` what
    was found in the models that they make, by the contents of these.
    """

    files: dict[Path, TemplateFile | None] = field(default_factory=dict)
    code: dict[tuple[Path, str], CodeType] = field(default_factory=dict)
    answers: dict[tuple[Path, str], object] = field(default_factory=dict)
    judged: dict[object, list[tuple[ModelInput, Found]]] = field(default_factory=dict)

    def read(self, path: Path) -> TemplateFile | None:
        """The templates in the file `path`; None when there is no such file.

        Raises `RenderRefused` for a file that is too large or not UTF-8.
        """
        if path not in self.files:
            self.files[path] = _read(path) if is_file(path) else None
        return self.files[path]


@record
class Fence:
    """The folders from which a project may make the linter read.

    These are the workspace, the repository around it, and Forgather checkouts (recognised by their
    base template), since a workspace names the checkout it builds on by path.
    """

    roots: tuple[Path, ...]

    @classmethod
    def around(cls, workspace: Path, more: Iterable[Path] = ()) -> Fence:
        """The fence of a workspace; `more` are folders that the user trusts."""
        inside = real_path(workspace)
        repository = next((p for p in (inside, *inside.parents) if _is_repository(p)), inside)
        return cls((inside, repository, *map(real_path, more)))

    def admits(self, path: Path) -> bool:
        """Whether `path`, after following links, may be read."""
        return _admits(self.roots, path)


def _is_repository(folder: Path) -> bool:
    return any(exists(folder / mark) for mark in _REPOSITORY_MARKS)


@remembered(4096)
def _admits(roots: tuple[Path, ...], path: Path) -> bool:
    real = real_path(path)
    if any(real.is_relative_to(root) for root in roots):
        return True
    return any(is_file(folder / _LANDMARK) for folder in (real, *real.parents))


@record(frozen=False)
class SearchPath:
    """Finds templates by name, in file order, as Forgather's `PPLoader` does.

    Further templates in a file are found by their own names once the file has been loaded.
    """

    folders: Sequence[Path]
    fence: Fence
    library: TemplateLibrary
    known: dict[str, Template] = field(default_factory=dict)

    def find(self, name: str) -> Template | None:
        """The template called `name`, None if there is none.

        Raises `RenderRefused` outside the fence.
        """
        if name not in self.known:
            file = self.find_file(name)
            if file is None:
                return None
            main, *others = file.templates
            self.known.update({str(other.name): (file, other) for other in others})
            self.known[name] = (file, main)
        return self.known[name]

    def find_file(self, name: str) -> TemplateFile | None:
        """The first file called `name` below the folders; None if there is none."""
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if not parts or ".." in parts or any("\\" in part or "\0" in part for part in parts):
            return None
        for folder in self.folders:
            candidate = folder.joinpath(*parts)
            if is_file(candidate):
                if not self.fence.admits(candidate):
                    raise RenderRefused(f"{name} is a link to a file outside the search path")
                return self.library.read(candidate)
        return None


def enclosing_workspace(project: Path) -> Path | None:
    """The nearest folder at or above `project` with a `forgather_workspace`.

    None if there is none.
    """
    here = real_path(project)
    return next((p for p in (here, *here.parents) if is_folder(p / WORKSPACE_FOLDER)), None)


def yaml_files(folder: Path) -> Iterator[Path]:
    """Every `.yaml` file below `folder`, except in hidden folders, in a stable order."""
    for path in listed(folder, "**/*.yaml"):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts[:-1]):
            yield path


def _read(path: Path) -> TemplateFile:
    try:
        data = read_at_most(path, MAX_TEMPLATE_BYTES + 1)
    except OSError as error:
        raise RenderRefused(f"{path.name} cannot be read: {error.strerror}") from error
    if len(data) > MAX_TEMPLATE_BYTES:
        raise RenderRefused(f"{path.name} is larger than {MAX_TEMPLATE_BYTES // 1024} KiB")
    try:
        text = data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise RenderRefused(f"{path.name} is not UTF-8 (byte {error.start})") from None
    return TemplateFile(path, text, read_templates(text))
