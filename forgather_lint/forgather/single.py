"""The model of one configuration, for commands about a single model."""

from __future__ import annotations

from pathlib import Path

from forgather_lint.core.settings import SettingsError
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
    candidates = list(find_projects(path))
    if len(candidates) != 1:
        many = f"{len(candidates)} projects; name one of them" if candidates else "no project"
        raise SettingsError(f"{path}: {many}")
    project = read_project(candidates[0].folder, TemplateLibrary())
    name = config or _own_name(project, candidates[0]) or project.default
    if name not in project.configs:
        raise SettingsError(f"{path}: {_no_such_configuration(project, name)}")
    reading = read_configuration(project, name)
    ended = why_ended(reading.facts)
    if ended is not None:
        raise SettingsError(f"{ended.where}: {ended.message}")
    if reading.model is None:
        raise SettingsError(f"{path}: {name} generates no model")
    return reading.model


def _no_such_configuration(project: Project, name: str | None) -> str:
    if not project.configs:
        return "the project has no configurations"
    missing = "no default configuration" if name is None else f"no configuration {name!r}"
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
