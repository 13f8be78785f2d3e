"""Small Forgather projects for tests, and the ones in `fixtures/forgather`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from forgather_lint.forgather.builtins import template_globals
from forgather_lint.forgather.library import Fence, Library, SearchPath
from forgather_lint.forgather.limits import Budget
from forgather_lint.forgather.project import Project, read_project
from forgather_lint.forgather.render import Rendering, render

FIXTURES = Path(__file__).parent.parent / "fixtures" / "forgather"
WORKSPACE = FIXTURES / "workspace"

META = """\
searchdir:
    - "{{ joinpath(project_dir, 'templates') }}"
name: "Project of a test"
"""


def fixture_project(name: str) -> Project:
    """The project of this name in the workspace of the fixtures."""
    return read_project(WORKSPACE / name, Library())


def write_project(folder: Path, templates: Mapping[str, str], meta: str = META) -> Project:
    """A project in a workspace of its own; `templates` are named from `templates/`."""
    files = {"meta.yaml": meta, "forgather_workspace/README.md": "A workspace.\n"}
    files |= {f"templates/{name}": text for name, text in templates.items()}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return read_project(folder, Library())


def render_text(folder: Path, text: str, budget: Budget | None = None) -> Rendering:
    """Render one template that stands in `folder` alone."""
    (folder / "config.yaml").write_text(text, "utf-8")
    search_path = SearchPath([folder], Fence((folder.resolve(),)), Library())
    return render(search_path, "config.yaml", template_globals(folder, folder), budget=budget)
