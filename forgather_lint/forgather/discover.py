"""Where Forgather projects are. Needs nothing but the file system."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from forgather_lint.core.files import is_file, is_folder, read_at_most, searched
from forgather_lint.core.paths import absolute
from forgather_lint.core.record import record

META = "meta.yaml"
_MARKS = ("searchdir", "config_prefix", "default_config", "meta_defaults")
_HEAD = 20_000
_TEMPLATES = (".yaml", ".yml", ".jinja")


@record
class ProjectCandidate:
    """A folder that looks like a project, and the template in it that the user named, if any."""

    folder: Path
    template: Path | None = None


def find_projects(
    path: Path, excluded: Callable[[str], bool] = lambda _: False
) -> Iterator[ProjectCandidate]:
    """The projects at `path`: the folder itself, those below it, or the one around a template."""
    if is_file(path):
        yield from _around(path, excluded)
    elif is_project(path):
        yield ProjectCandidate(path)
    elif is_folder(path):
        yield from _below(path, excluded)


def projects_left(went: Iterable[str]) -> Iterator[ProjectCandidate]:
    """The projects, as a whole, that the deleted templates `went` may have belonged to."""
    for path in map(Path, went):
        if path.suffix not in _TEMPLATES:
            continue
        around = [each for each in path.parents if is_folder(each)]
        for found in _around_folders(path, around, lambda _: False):
            yield ProjectCandidate(found.folder)


def is_project(folder: Path) -> bool:
    """Whether `folder` has a `meta.yaml` that looks like Forgather's."""
    meta = folder / META
    if not is_file(meta):
        return False
    try:
        head = read_at_most(meta, _HEAD).decode("utf-8", "replace")
    except OSError:
        return False
    return any(mark in head for mark in _MARKS) or is_folder(folder / "templates")


def _around(file: Path, excluded: Callable[[str], bool]) -> Iterator[ProjectCandidate]:
    if file.suffix not in _TEMPLATES:
        return
    file = Path(absolute(str(file)))
    yield from _around_folders(file, list(file.parents), excluded)


def _around_folders(
    file: Path, parents: list[Path], excluded: Callable[[str], bool]
) -> Iterator[ProjectCandidate]:
    folder = next((parent for parent in parents if is_project(parent)), None)
    if folder is not None:
        yield ProjectCandidate(folder, None if file.name == META else file)
        return
    # A shared template: whoever uses it lies in the workspace around it.
    workspace = next((p for p in parents if is_folder(p / "forgather_workspace")), None)
    for candidate in _below(workspace, excluded) if workspace else ():
        yield ProjectCandidate(candidate.folder, file)


def _below(root: Path, excluded: Callable[[str], bool]) -> Iterator[ProjectCandidate]:
    for folder, _ in searched(root, excluded, ("output_models",)):
        if is_project(folder):
            yield ProjectCandidate(folder)
