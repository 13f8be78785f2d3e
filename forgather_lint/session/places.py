"""What an open document belongs to: the model of its folder, its project, the commands in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from forgather_lint.core.files import is_file
from forgather_lint.core.settings import Settings
from forgather_lint.documents.commands.found import command_files
from forgather_lint.documents.discover import CONFIG, Candidate, defines_model, models_in
from forgather_lint.forgather.discover import ProjectCandidate, is_project
from forgather_lint.session.checking import PlaceToCheck, command_marks

_OF_MODELS = (".py", ".json")
_TEMPLATES = (".yaml", ".yml", ".jinja", ".py")


def places_at(document: Path, root: Path | None, settings: Settings) -> Iterator[PlaceToCheck]:
    """The places that a check of `root` would find for `document`, by its path alone.

    Without a `root`, as if the document alone were named. Whether other places read it too is known
    only after they have been checked.
    """
    folder = document.parent
    if settings.excludes(str(document)):
        return
    models = _models(document, folder)
    if models:
        yield from (PlaceToCheck(Path(each.path), (each,)) for each in models)
    elif document.name.startswith("adapter_") and is_file(folder.parent / CONFIG):
        yield from (PlaceToCheck(Path(each.path), (each,)) for each in models_in(folder.parent))
    around = (each for each in (folder, *folder.parents) if is_project(each))
    project = next(around, None) if document.suffix in _TEMPLATES and not models else None
    if project is not None:
        yield PlaceToCheck(project, projects=(ProjectCandidate(project),))
    commands = tuple(command_files(document, command_marks(), settings.excludes))
    if commands:
        yield PlaceToCheck(root or document, commands=commands)


def is_there(place: PlaceToCheck) -> bool:
    """Whether what was once found at `place` is still there."""
    return (
        all(
            each in _models(each.file or each.folder / CONFIG, each.folder) for each in place.models
        )
        and all(is_project(each.folder) for each in place.projects)
        and all(is_file(each) for each in place.commands)
    )


def _models(document: Path, folder: Path) -> list[Candidate]:
    if document.suffix not in _OF_MODELS:
        return []
    found = list(models_in(folder))
    if not found and document.suffix == ".py" and defines_model(document):
        return [Candidate(folder, document)]
    return found
