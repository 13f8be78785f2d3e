"""Small Forgather projects for tests, and the ones in `fixtures/forgather`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from forgather_lint.forgather.builtins import template_globals
from forgather_lint.forgather.library import Fence, SearchPath, TemplateLibrary
from forgather_lint.forgather.limits import RenderBudget
from forgather_lint.forgather.project import Project, read_project
from forgather_lint.forgather.render import Rendering, render

FIXTURES = Path(__file__).parent.parent / "fixtures" / "forgather"
WORKSPACE = FIXTURES / "workspace"

PROJECTS, CONFIGURATIONS = 40, 100
"""The least size of the workspace of `write_workspace`."""

META = """\
searchdir:
    - "{{ joinpath(project_dir, 'templates') }}"
name: "Project of a test"
"""


def fixture_project(name: str) -> Project:
    """The project of this name in the workspace of the fixtures."""
    return read_project(WORKSPACE / name, TemplateLibrary())


def write_project(folder: Path, templates: Mapping[str, str], meta: str = META) -> Project:
    """A project in a workspace of its own; the keys of `templates` are relative to `templates/`."""
    files = {"meta.yaml": meta, "forgather_workspace/README.md": "A workspace.\n"}
    files |= {f"templates/{name}": text for name, text in templates.items()}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return read_project(folder, TemplateLibrary())


def render_text(folder: Path, text: str, budget: RenderBudget | None = None) -> Rendering:
    """Render a template that is alone in `folder`."""
    (folder / "config.yaml").write_text(text, "utf-8")
    search_path = SearchPath([folder], Fence((folder.resolve(),)), TemplateLibrary())
    return render(search_path, "config.yaml", template_globals(folder, folder), budget=budget)


def write_workspace(root: Path) -> Path:
    """The fixtures with further projects, each with sizes of its own."""
    shutil.copytree(FIXTURES, root / "forgather")
    for model in ("forgather_llama", "forgather_postnorm"):
        shutil.copytree(FIXTURES.parent / "models" / model, root / "models" / model)
    (root / ".git").mkdir()
    workspace = root / "forgather" / "workspace"
    llama = workspace / "llama"
    wide = (llama / "templates/configs/wide.yaml").read_text("utf-8")
    for number in range(PROJECTS - 3):
        folder = workspace / f"project_{number}"
        shutil.copytree(llama, folder)
        for extra in range(1 if number < CONFIGURATIONS - 5 - 2 * (PROJECTS - 3) else 0):
            text = wide.replace("512", str(64 * (number + 2 + extra)))
            (folder / "templates" / "configs" / f"extra_{extra}.yaml").write_text(text, "utf-8")
    return workspace
