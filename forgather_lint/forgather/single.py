"""The model of one configuration, for commands about a single model."""

from __future__ import annotations

from pathlib import Path

from forgather_lint.core.files import is_file
from forgather_lint.core.settings import SettingsError, nearest
from forgather_lint.forgather.configuration import read_configuration
from forgather_lint.forgather.discover import META, ProjectCandidate, find_projects
from forgather_lint.forgather.library import TemplateLibrary
from forgather_lint.forgather.lint import why_ended
from forgather_lint.forgather.model import RenderedModel
from forgather_lint.forgather.project import Project, read_project


def single_configuration(path: Path, config: str | None = None) -> RenderedModel:
    """The model of the configuration `config` (else the default one) of the project at `path`.

    `path` may also be a configuration's own file. Raises `SettingsError` when there is no such
    model, or more than one project.
    """
    project, candidate = _only_project(path)
    name = config or _own_name(project, candidate) or project.default
    if name not in project.configs:
        raise SettingsError(f"{path}: {_no_such_configuration(project, name)}")
    reading = read_configuration(project, name)
    ended = why_ended(reading.facts)
    if ended is not None:
        raise SettingsError(f"{ended.where}: {ended.message}")
    if reading.model is None:
        raise SettingsError(f"{path}: {name} generates no model")
    return reading.model


def configuration_file(path: Path, config: str) -> Path:
    """The file of the configuration `config` of the project at `path`. Raises `SettingsError`."""
    project, _ = _only_project(path)
    if config not in project.configs:
        raise SettingsError(f"{path}: {_no_such_configuration(project, config)}")
    places = (folder / project.template_of(config) for folder in project.folders)
    return next(place for place in places if is_file(place))


def _only_project(path: Path) -> tuple[Project, ProjectCandidate]:
    candidates = list(find_projects(path))
    if len(candidates) != 1:
        many = f"{len(candidates)} projects; name one of them" if candidates else "no project"
        raise SettingsError(f"{path}: {many}")
    return read_project(candidates[0].folder, TemplateLibrary()), candidates[0]


def _no_such_configuration(project: Project, name: str | None) -> str:
    if not project.configs:
        return "the project has no configurations"
    missing = "no default configuration"
    if name is not None:
        missing = f"no configuration {name!r}{nearest(name, project.configs)}"
    return f"{missing}; there are: {', '.join(project.configs)}"


def _own_name(project: Project, candidate: ProjectCandidate) -> str | None:
    template = candidate.template
    if template is None or template.name == META:
        return None
    homes = [folder / project.prefix for folder in project.folders]
    inside = [home for home in homes if template.is_relative_to(home)]
    if not inside:
        raise SettingsError(f"{template}: no configuration of the project {project.path}")
    return template.relative_to(inside[0]).as_posix()
