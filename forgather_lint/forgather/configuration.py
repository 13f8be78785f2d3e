"""The facts about one configuration of a project, and the model that it makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from forgather_lint.core.record import record
from forgather_lint.facts.templates import (
    PLANS_OF_THE_GUIDE,
    Configuration,
    Fault,
    FaultKind,
    GeneratorArgument,
    GeneratorArguments,
    MissingTemplate,
    RepeatedTemplateKey,
)
from forgather_lint.forgather.block_facts import dead_blocks
from forgather_lint.forgather.document import Document, read_document
from forgather_lint.forgather.graph import CallNode, DictNode, walk
from forgather_lint.forgather.model import RenderedModel, model_of
from forgather_lint.forgather.outlived_facts import outlived
from forgather_lint.forgather.project import Project
from forgather_lint.forgather.reference_facts import references
from forgather_lint.forgather.render import Rendering
from forgather_lint.forgather.stale_facts import stale_files
from forgather_lint.forgather.supply_facts import unsupplied
from forgather_lint.forgather.variable_facts import fallbacks


@record
class Reading:
    """The facts about a configuration, the model if one is generated, and the files read."""

    facts: Configuration
    model: RenderedModel | None
    files: tuple[str, ...]


def read_configuration(
    project: Project, config: str, arguments: Mapping[str, object] | None = None
) -> Reading:
    """Read the configuration `config`; `arguments` stand for command-line arguments."""
    document = read_document(project.render(config, arguments))
    outcome = model_of(project, config, document)
    model = outcome if isinstance(outcome, RenderedModel) else None
    rendering = document.rendering
    facts = Configuration(
        project=str(project.path),
        name=config,
        where=rendering.place(None),
        faults=tuple(_faults(rendering, outcome)),
        missing=tuple(missing_templates(rendering)),
        dead_blocks=dead_blocks(rendering),
        fallbacks=fallbacks(document),
        generator=_generator(model) if model else None,
        references=references(model) if model else (),
        unsupplied=unsupplied(model) if model else (),
        repeated=tuple(_repeated(document)),
        outlived=outlived(model) if model else (),
        stale=stale_files(model) if model else (),
    )
    files = rendering.files()
    if model is not None:
        files += model.document.rendering.files() + model.generated.rendering.files()
    return Reading(facts, model, tuple(dict.fromkeys(files)))


def _faults(rendering: Rendering, outcome: object) -> Iterator[Fault]:
    for use in rendering.undefined_uses:
        yield rendering.fault(FaultKind.UNDEFINED, use.message, use.origin)
    left_out = rendering.undefined_uses or any(not load.found for load in rendering.loads)
    if isinstance(outcome, Fault) and not (left_out and outcome.kind is FaultKind.GRAPH):
        # Forgather does not get as far as the text that lacks what was left out.
        yield outcome


def missing_templates(rendering: Rendering) -> Iterator[MissingTemplate]:
    """The templates that `rendering` asked for in vain."""
    folders = tuple(str(folder) for folder in rendering.search_path.folders)
    for load in rendering.loads:
        if not load.found and load.kind != "include-optional":
            where = rendering.place(load.origin, load.name)
            chain = rendering.chain(load.origin)
            yield MissingTemplate(load.name, load.kind, where, chain, folders)


def _generator(model: RenderedModel) -> GeneratorArguments:
    rendering, document = model.document.rendering, model.document
    keys = model.generator.call.keys
    return GeneratorArguments(
        arguments=tuple(
            GeneratorArgument(
                key,
                rendering.place(document.origin(keys[key]), key),
                rendering.chain(document.origin(keys[key])),
            )
            for key in model.generator.template_arguments
        ),
        reads=model.generated.reads,
        template=model.generator.template_name,
        strays=tuple(_strays(model)),
    )


def _strays(model: RenderedModel) -> Iterator[GeneratorArgument]:
    """Plans at the top level of the configuration, of which the generator's call sees nothing."""
    rendering, document = model.document.rendering, model.document
    given = {id(node) for node in walk(model.generator.call)}
    for key in (*PLANS_OF_THE_GUIDE, *PLANS_OF_THE_GUIDE.values(), "no_split_modules"):
        value = document.graph.items.get(key)
        if value is not None and id(value) not in given:
            origin = document.origin(document.graph.keys[key])
            yield GeneratorArgument(key, rendering.place(origin, key), rendering.chain(origin))


def _repeated(document: Document) -> Iterator[RepeatedTemplateKey]:
    """Keys that one template repeats; a template that overrides its parent's key means to."""
    for node in walk(document.graph):
        for repeated in node.repeated if isinstance(node, DictNode | CallNode) else ():
            key = str(repeated.key)
            first, second = document.origin(repeated.first), document.origin(repeated.second)
            if first and second and first.template == second.template and key[:1] != ".":
                place = document.rendering.place
                yield RepeatedTemplateKey(
                    key, place(first, key), place(second, key), document.rendering.chain(second)
                )
