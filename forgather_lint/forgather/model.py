"""A model directory as Forgather would generate it, held in memory.

The files are the generated one, the parts that it imports and `config.json`; every stretch of the
generated text knows the template line that it comes from.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import TypeAlias

from forgather_lint.core.files import is_file
from forgather_lint.core.record import record
from forgather_lint.facts.templates import Fault, MissingTemplate
from forgather_lint.forgather.document import Document, fault_of, read_document
from forgather_lint.forgather.evaluate import (
    PROJECT_LOADERS,
    NodeEvaluator,
    Tokenizer,
    UndecidedValue,
    decided,
)
from forgather_lint.forgather.generator import (
    GeneratedFile,
    GeneratorCall,
    find_generator,
    generate,
)
from forgather_lint.forgather.graph import CallNode, GraphError, GraphNode, Stretch, plain, walk
from forgather_lint.forgather.library import SearchPath
from forgather_lint.forgather.limits import RenderRefused
from forgather_lint.forgather.parts import TemplateModules, read_part
from forgather_lint.forgather.project import META, Project, read_project
from forgather_lint.forgather.render import Rendering
from forgather_lint.forgather.tokenizer import tokenizer_of

CONFIG_FILE = "config.json"
_MAX_IMPORTS = 4


@record
class RenderedModel:
    """One configuration of a project, rendered as far as its templates allow.

    `paths` has the paths of the parts that the generated file imports, by their names in the model
    directory; `undecided` holds the configuration keys whose value only running Forgather would
    tell.
    """

    project: Project
    config_name: str
    document: Document
    generator: GeneratorCall
    generated: GeneratedFile
    parts: TemplateModules
    paths: Mapping[str, Path]
    config: Mapping[str, object]
    undecided: Mapping[str, str] = field(default_factory=dict)
    config_keys: Mapping[str, Stretch] = field(default_factory=dict)

    @property
    def main_file(self) -> str:
        """The name of the generated file."""
        return self.generated.name

    @property
    def output_folder(self) -> Path:
        """Where Forgather would write the model."""
        return Path(self.generator.output_file).parent

    @property
    def files(self) -> Mapping[str, str]:
        """The texts of the model directory by file name."""
        texts = {name: read_part(path) for name, path in self.paths.items()}
        texts[self.main_file] = self.generated.text.plain
        config = {**self.config, **dict.fromkeys(self.undecided)}
        texts[CONFIG_FILE] = json.dumps(config, indent=2, sort_keys=True) + "\n"
        return texts


def render_model(
    project: Project, config: str, arguments: Mapping[str, object] | None = None
) -> Outcome:
    """The model that the configuration `config` makes, or why it cannot be rendered.

    `arguments` are as from Forgather's command line.
    """
    return model_of(project, config, read_document(project.render(config, arguments)))


Outcome: TypeAlias = RenderedModel | Fault | MissingTemplate | None
"""The model of a configuration, or why it cannot be generated; None when it generates none."""


def model_of(
    project: Project, config: str, document: Document, rendered: list[Rendering] | None = None
) -> Outcome:
    """The model of a configuration that has been read; None when it generates none.

    A configuration may take its model from another project (`forgather:from_project`); the model is
    then that project's. `rendered` collects what was rendered on the way, `document` included.
    """
    rendered = [] if rendered is None else rendered
    rendered.append(document.rendering)
    if document.fault:
        return document.fault
    try:
        generator = find_generator(document.graph)
        if generator is not None:
            return _generated(project, config, document, generator, rendered)
        imported = _find_import(document.graph)
        if imported is None:
            return None
        if len(rendered) > _MAX_IMPORTS:
            raise RenderRefused("projects take their models from each other without an end")
        other = _other_project(project, imported.folder)
        name = imported.config or other.default or ""
        missing = _missing(document, imported, other, name)
        if missing is not None:
            return missing
        rendering = other.render(name, imported.arguments)
        return model_of(other, name, read_document(rendering), rendered)
    except (GraphError, RenderRefused, RecursionError) as error:
        return fault_of(error, document.rendering)


def _missing(
    document: Document, imported: _Import, other: Project, config: str
) -> MissingTemplate | None:
    """The configuration of another project from which the model is taken, if it does not exist."""
    described = is_file(other.path / META)
    searched = other.folders if described else (other.path,)
    name = other.template_of(config) if described else META
    if described and SearchPath(searched, other.fence, other.library).find(name) is not None:
        return None
    origin = document.origin(imported.at)
    text = imported.config if described and imported.config else imported.folder
    return MissingTemplate(
        name=name,
        kind="configuration",
        where=document.rendering.place(origin, text),
        chain=document.rendering.chain(origin),
        searched=tuple(map(str, searched)),
        project=imported.folder,
        there=other.configs if described else (),
    )


def _generated(
    project: Project,
    config: str,
    document: Document,
    generator: GeneratorCall,
    rendered: list[Rendering],
) -> RenderedModel | Fault:
    generated = generate(generator, project.path, project.fence, project.library, document.trace)
    rendered.append(generated.rendering)
    if generated.rendering.ended:
        return generated.rendering.ended
    node = _configuration(document.graph)
    folders = _folders(project, node)
    parts = TemplateModules(folders, project.fence)
    modules = [module for module, _ in generated.code.imports if module.startswith(".")]
    values, undecided = _values(project, node, generator)
    return RenderedModel(
        project=project,
        config_name=config,
        document=document,
        generator=generator,
        generated=generated,
        parts=parts,
        paths=parts.closure(modules),
        config=values,
        undecided=undecided,
        config_keys=node.keys if node else {},
    )


def _configuration(graph: GraphNode) -> CallNode | None:
    """The call that makes the model's configuration: the one with an `auto_map` argument."""
    calls = (node for node in walk(graph) if isinstance(node, CallNode))
    return next((node for node in calls if "auto_map" in node.kwargs), None)


def _folders(project: Project, node: CallNode | None) -> list[Path]:
    """The folders in which the parts of the model are searched."""
    listed = plain(node.search_path) if node is not None and node.search_path else []
    names = listed if isinstance(listed, list) else []
    folders = [Path(os.path.normpath(project.path / str(name))) for name in names]
    for folder in folders:
        if not project.fence.admits(folder):
            raise RenderRefused(f"the folder of model parts {folder} lies outside the workspace")
    return folders


def _values(
    project: Project, node: CallNode | None, generator: GeneratorCall
) -> tuple[dict[str, object], dict[str, str]]:
    """The values of `config.json`, and the keys that stay undecided, with the reasons."""

    evaluator = NodeEvaluator(partial(_tokenizer, project))
    items = node.kwargs.items() if node is not None else ()
    values = {key: evaluator.value(value) for key, value in items}
    if "model_type" in generator.template_arguments:
        values["model_type"] = plain(generator.template_arguments["model_type"])
    undecided = {key: _reason(value) for key, value in values.items() if not decided(value)}
    return {key: value for key, value in values.items() if key not in undecided}, undecided


def _tokenizer(project: Project, folder: str, config: str) -> Tokenizer | UndecidedValue:
    """The tokenizer that a configuration of another project makes; computed once in a run."""
    answers, key = project.library.answers, (project.path / folder, config)
    answer = answers.get(key)
    if not isinstance(answer, Tokenizer | UndecidedValue):
        other = _other_project(project, folder)
        document = read_document(other.render(config or other.default or ""))
        answer = tokenizer_of(document)
        if document.fault is not None:
            answer = UndecidedValue(f"tokenizer of another project: {document.fault.message}")
        answers[key] = answer
    return answer


def _reason(value: object) -> str:
    return value.reason if isinstance(value, UndecidedValue) else "a part of the value is undecided"


@record
class _Import:
    """A model taken from another project.

    `at` is where its configuration, or the project, is named.
    """

    folder: str
    config: str
    arguments: Mapping[str, object]
    at: Stretch


def _find_import(graph: GraphNode) -> _Import | None:
    for node in walk(graph):
        if isinstance(node, CallNode) and node.constructor in PROJECT_LOADERS:
            given = {key: plain(value) for key, value in node.kwargs.items()}
            targets = given.get("targets")
            wanted = targets if isinstance(targets, list) else [targets]
            if "model" in wanted and isinstance(given.get("project_dir"), str):
                arguments = given.get("pp_kwargs")
                named = "config_template" if given.get("config_template") else "project_dir"
                return _Import(
                    str(given["project_dir"]),
                    str(given.get("config_template") or ""),
                    arguments if isinstance(arguments, dict) else {},
                    node.kwargs[named].at,
                )
    return None


def _other_project(project: Project, folder: str) -> Project:
    path = Path(os.path.normpath(project.path / folder))
    if not project.fence.admits(path):
        raise RenderRefused(f"the project {folder} lies outside the workspace")
    return read_project(path, project.library)
