"""Opens a project for linting: its configurations, what is found, and how that is placed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from forgather_lint.core.diagnostics import Diagnostic, respelt, texts_of
from forgather_lint.core.files import is_file
from forgather_lint.core.paths import absolute, below
from forgather_lint.core.record import record
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.facts.templates import Configuration, Fault, FaultKind
from forgather_lint.forgather.configuration import missing_templates, read_configuration
from forgather_lint.forgather.discover import META, ProjectCandidate, is_project
from forgather_lint.forgather.library import WORKSPACE_FOLDER, TemplateLibrary, enclosing_workspace
from forgather_lint.forgather.model import RenderedModel
from forgather_lint.forgather.project import Project, read_project
from forgather_lint.forgather.virtual import (
    Relocation,
    as_if_read,
    content,
    model_input,
    speaks_of_unread_plan,
)
from forgather_lint.linting.report import Found, NotRendered

Judge = Callable[[Configuration | ModelInput], Found]
"""Says what is found in a configuration, or in the model that it makes."""

Tell = Callable[[Diagnostic], Diagnostic | None]
"""Moves a finding to the place at which it is reported; None: it is not reported."""


@record
class FoundToTell:
    """What was found, and how to place it."""

    found: Found
    tell: Tell


@record
class OpenedConfiguration:
    """One configuration of a project, with what was found in it.

    `files` are the templates read; `ended` says why the configuration cannot be rendered.
    """

    path: str
    to_tell: tuple[FoundToTell, ...]
    files: tuple[str, ...] = ()
    ended: NotRendered | None = None


@record
class Task:
    """One configuration to open; `open` returns None when there is nothing to report about it."""

    path: str
    open: Callable[[Judge], OpenedConfiguration | None]


def tasks(candidate: ProjectCandidate, library: TemplateLibrary) -> Iterator[Task]:
    """The configurations of a project, and its `meta.yaml`.

    When the user named a template: only configurations that use it, and of the findings in them
    only those in that template. A template that is itself a configuration is checked as such, as a
    whole.
    """
    project = read_project(candidate.folder, library)
    if candidate.template is None:
        yield Task(str(project.path / META), partial(_description, project))
    for config in _asked_for(project, candidate.template) if project.fault is None else ():
        path = _path(project, config)
        if candidate.template in (None, Path(path)):
            yield Task(path, partial(open_configuration, project, config))
        else:
            yield Task(path, partial(_if_used, project, config, str(candidate.template)))


def _path(project: Project, config: str) -> str:
    places = (folder / project.template_of(config) for folder in project.folders)
    return str(next((place for place in places if is_file(place)), project.path / config))


def _if_used(
    project: Project, config: str, template: str, judge: Judge
) -> OpenedConfiguration | None:
    opened = open_configuration(project, config, judge)
    return _narrowed(opened, template) if template in opened.files else None


def open_configuration(project: Project, config: str, judge: Judge) -> OpenedConfiguration:
    """What is found in the configuration `config` and in the model that it makes."""
    reading = read_configuration(project, config)
    facts, model = reading.facts, reading.model
    path, ended = facts.where.span.path, why_ended(facts)
    to_tell = [FoundToTell(judge(facts), _as_it_is)]
    if model is not None and _is_news(project, config, model):
        to_tell += _found_in_model(model, judge)
    owned = tuple(replace(each, tell=_owned(project, each.tell)) for each in to_tell)
    return OpenedConfiguration(path, owned, reading.files, ended)


def _owned(project: Project, tell: Tell) -> Tell:
    """`tell`, which says whose file a finding stands in if it is not one of `project`."""

    def owned(diagnostic: Diagnostic) -> Diagnostic | None:
        moved = tell(diagnostic)
        return moved and replace(moved, origin=_origin(moved.span.path, project.path))

    return owned


def _origin(path: str, project: Path) -> str:
    """Whose file `path` is; empty if it is of `project`."""
    if below(absolute(path), absolute(str(project))) is not None:
        return ""
    owner = next((each for each in Path(absolute(path)).parents if is_project(each)), None)
    if owner is None:
        whose = "a file outside of the project, which others may read too"
    else:
        whose = f"the project `{owner.name}`, not the one of this configuration"
    return f"{whose}: mend it there, or override it"


def why_ended(facts: Configuration) -> NotRendered | None:
    """Why Forgather cannot make the model of a configuration; None when it can."""
    for missing in facts.missing:
        owner = f" of the project {missing.project}" if missing.project else ""
        return NotRendered(missing.where.span, f"the template {missing.name}{owner} is not found")
    for fault in facts.faults:
        return NotRendered(fault.where.span, fault.message)
    return None


def _is_news(project: Project, config: str, model: RenderedModel) -> bool:
    """Whether no other configuration of the run took this model from another project before."""
    if model.project.path == project.path:
        return True
    key = (model.project.path, "\n".join(model.files.values()))
    return project.library.answers.setdefault(key, config) == config


def _found_in_model(model: RenderedModel, judge: Judge) -> Iterator[FoundToTell]:
    yield FoundToTell(_judged_once(model, judge), Relocation(model))
    corrected = as_if_read(model)
    if corrected is not None:
        found = _judged_once(corrected, judge)
        yield FoundToTell(found, _only_unread_plans(corrected, model))


def _judged_once(model: RenderedModel, judge: Judge) -> Found:
    """What is found in `model`. Configurations that make the same model share it.

    They do when texts, values and the files of its parts are the same: only the paths of what is
    generated differ, and these are replaced, unless a text speaks of one.
    """
    made, judged = model_input(model), model.project.library.judged
    known = judged.setdefault(content(model), [])
    for first, found in known:
        shared = _respelt(found, _renamed(first, made))
        if shared is not None:
            return shared
    found = judge(made)
    known.append((made, found))
    return found


def _renamed(first: ModelInput, other: ModelInput) -> dict[str, str]:
    """The path of each file of `other` that `first`, an equal model, has at another path."""
    here, there = ((each.path, *each.sources.paths.values()) for each in (first, other))
    paths = dict(zip(here, there, strict=True))
    if first.config is not None and other.config is not None:
        paths[first.config.path] = other.config.path
    return {path: new for path, new in paths.items() if path != new}


def _respelt(found: Found, paths: Mapping[str, str]) -> Found | None:
    """`found` with other paths; None where a text mentions one that is replaced."""
    names = {path: {path, str(Path(path).parent), Path(path).name} for path in paths}
    same = {path: {new, str(Path(new).parent), Path(new).name} for path, new in paths.items()}
    mentioned = {name for path in paths for name in names[path] - same[path]}
    texts = [text for each in found.diagnostics for text in texts_of(each)]
    if any(name in text for text in texts for name in mentioned):
        return None
    spelt = [respelt(each, lambda path: paths.get(path, path)) for each in found.diagnostics]
    return replace(found, diagnostics=tuple(spelt))


def _as_it_is(diagnostic: Diagnostic) -> Diagnostic:
    return diagnostic


def _only_unread_plans(corrected: RenderedModel, model: RenderedModel) -> Tell:
    relocate = Relocation(corrected)

    def tell(diagnostic: Diagnostic) -> Diagnostic | None:
        moved = relocate(diagnostic)
        return moved if speaks_of_unread_plan(moved, model) else None

    return tell


def _narrowed(opened: OpenedConfiguration, template: str) -> OpenedConfiguration:
    def only(tell: Tell) -> Tell:
        def narrow(diagnostic: Diagnostic) -> Diagnostic | None:
            moved = tell(diagnostic)
            return moved if moved and moved.span.path == template else None

        return narrow

    to_tell = tuple(replace(each, tell=only(each.tell)) for each in opened.to_tell)
    return replace(opened, to_tell=to_tell)


def _asked_for(project: Project, template: Path | None) -> tuple[str, ...]:
    homes = [folder / project.prefix for folder in project.folders]
    own = [home for home in homes if template is not None and template.is_relative_to(home)]
    if template is None or not own:
        return project.configs
    return (template.relative_to(own[0]).as_posix(),)


def _description(project: Project, judge: Judge) -> OpenedConfiguration | None:
    """What is wrong with the project's `meta.yaml`; None if nothing is."""
    rendering = project.meta.rendering
    faults = [*project.refused, *([project.fault] if project.fault else [])]
    if enclosing_workspace(project.path) is None:
        message = f"no folder above holds `{WORKSPACE_FOLDER}`"
        faults.append(Fault(FaultKind.ERROR, message, rendering.place(None)))
    facts = Configuration(
        project=str(project.path),
        name=rendering.name,
        where=rendering.place(None),
        faults=tuple(faults),
        missing=tuple(missing_templates(rendering)),
    )
    if not (facts.faults or facts.missing):
        return None
    to_tell = (FoundToTell(judge(facts), _as_it_is),)
    return OpenedConfiguration(facts.where.span.path, to_tell, ended=why_ended(facts))
