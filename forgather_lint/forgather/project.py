"""Forgather projects: `meta.yaml`, the workspace around it, and the configurations it lists.

Follows `MetaConfig` in src/forgather/meta_config.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from forgather_lint.core.files import home, is_folder
from forgather_lint.core.paths import absolute
from forgather_lint.core.record import record
from forgather_lint.facts.templates import Fault, FaultKind
from forgather_lint.forgather.builtins import template_globals
from forgather_lint.forgather.document import Document, read_document
from forgather_lint.forgather.graph import DictNode, ListNode, ScalarNode, Stretch
from forgather_lint.forgather.library import (
    WORKSPACE_FOLDER,
    Fence,
    SearchPath,
    TemplateLibrary,
    enclosing_workspace,
    yaml_files,
)
from forgather_lint.forgather.render import Rendering, render

META = "meta.yaml"
_USER_TEMPLATES = Path(".config", "forgather", "templates")


@record
class Project:
    """A project as its `meta.yaml` describes it.

    `refused` are the search folders outside of what a project may make the linter read.
    """

    path: Path
    workspace: Path
    library: TemplateLibrary
    fence: Fence
    meta: Document
    folders: tuple[Path, ...]
    refused: tuple[Fault, ...]

    @property
    def fault(self) -> Fault | None:
        """Why `meta.yaml` could not be read."""
        return self.meta.fault

    @property
    def name(self) -> str:
        return _text(self.meta.graph, "name")

    @property
    def prefix(self) -> str:
        """The folder of the configurations, relative to each search folder.

        May be that folder itself.
        """
        return _text(self.meta.graph, "config_prefix", "configs")

    def template_of(self, config: str) -> str:
        """The name of the template that the configuration `config` is."""
        return f"{self.prefix}/{config}" if self.prefix else config

    @property
    def default(self) -> str | None:
        """The configuration that is used when none is named; None if there is none."""
        return _text(self.meta.graph, "default_config") or next(iter(self.configs), None)

    @property
    def configs(self) -> tuple[str, ...]:
        """The names of the configurations, as `-t` takes them."""
        places = [folder / self.prefix for folder in self.folders]
        if not self.prefix:  # the libraries of templates are no configurations
            places = [place for place in places if place.is_relative_to(self.path)]
        found = {
            path.relative_to(place).as_posix(): None
            for place in places
            if is_folder(place) and self.fence.admits(place)
            for path in yaml_files(place)
        }
        return tuple(sorted(found))

    def render(self, config: str, arguments: Mapping[str, object] | None = None) -> Rendering:
        """Render the configuration `config`; `arguments` are as from Forgather's command line."""
        search_path = SearchPath(self.folders, self.fence, self.library)
        names = template_globals(self.path, self.workspace)
        return render(search_path, self.template_of(config), names, arguments)


def read_project(path: Path, library: TemplateLibrary) -> Project:
    """The project in the folder `path`. An error in `meta.yaml` is in its `fault`."""
    path = Path(absolute(str(path)))
    workspace = enclosing_workspace(path) or path
    user_templates = home() / _USER_TEMPLATES
    fence = Fence.around(workspace, [user_templates])
    places = (path, workspace / WORKSPACE_FOLDER, user_templates)
    search_path = SearchPath([each for each in places if is_folder(each)], fence, library)
    meta = read_document(render(search_path, META, template_globals(path, workspace)))
    admitted, refused = _search_folders(path, meta, fence)
    refused += tuple(_prefix_refused(meta, admitted, fence))
    return Project(path, workspace, library, fence, meta, admitted, refused)


def _search_folders(
    project: Path, meta: Document, fence: Fence
) -> tuple[tuple[Path, ...], tuple[Fault, ...]]:
    """The folders of `searchdir` that exist, and faults for those that may not be read."""
    admitted, refused = [], []
    listed = _listed(meta.graph)
    if not listed:
        return tuple(f for f in [project / "templates"] if is_folder(f)), ()
    for text, at in listed:
        folder = Path(os.path.normpath(project / text))
        if not fence.admits(folder):
            message = f"the search folder {text} lies outside the workspace"
            origin = meta.origin(at)
            refused.append(meta.rendering.fault(FaultKind.REFUSED, message, origin))
        elif is_folder(folder):
            admitted.append(folder)
    return tuple(admitted), tuple(refused)


def _prefix_refused(meta: Document, folders: Iterable[Path], fence: Fence) -> Iterator[Fault]:
    prefix = meta.graph.items.get("config_prefix")
    if isinstance(prefix, ScalarNode) and isinstance(prefix.value, str):
        homes = [Path(os.path.normpath(folder / prefix.value)) for folder in folders]
        if not all(map(fence.admits, homes)):
            message = f"the folder of configurations {prefix.value} lies outside the workspace"
            origin = meta.origin(prefix.at)
            yield meta.rendering.fault(FaultKind.REFUSED, message, origin)


def _listed(meta: DictNode) -> list[tuple[str, Stretch]]:
    folders = meta.items.get("searchdir")
    items = folders.items if isinstance(folders, ListNode) else []
    return [
        (item.value, item.at)
        for item in items
        if isinstance(item, ScalarNode) and isinstance(item.value, str)
    ]


def _text(mapping: DictNode, key: str, default: str = "") -> str:
    value = mapping.items.get(key)
    text = value.value if isinstance(value, ScalarNode) else None
    return text if isinstance(text, str) else default
