"""The facts about one configuration of a project, and the model that it makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

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
from forgather_lint.forgather.model import Outcome, RenderedModel, model_of
from forgather_lint.forgather.outlived_facts import outlived
from forgather_lint.forgather.project import Project
from forgather_lint.forgather.reference_facts import references
from forgather_lint.forgather.render import Rendering
from forgather_lint.forgather.stale_facts import stale_files
from forgather_lint.forgather.supply_facts import unsupplied
from forgather_lint.forgather.variable_facts import fallbacks


@record
class ConfigurationRead:
    """The facts about a configuration, the model if one is generated, and the files read."""

    facts: Configuration
    model: RenderedModel | None
    files: tuple[str, ...]


def read_configuration(
    project: Project, config: str, arguments: Mapping[str, object] | None = None
) -> ConfigurationRead:
    """Read the configuration `config`; `arguments` are as from Forgather's command line."""
    document = read_document(project.render(config, arguments))
    rendered: list[Rendering] = []
    outcome = model_of(project, config, document, rendered)
    model = outcome if isinstance(outcome, RenderedModel) else None
    rendering = document.rendering
    facts = Configuration(
        project=str(project.path),
        name=config,
        where=rendering.place(None),
        faults=tuple(_faults(rendered, outcome)),
        missing=tuple(_missing(rendered, outcome)),
        dead_blocks=dead_blocks(rendering),
        fallbacks=fallbacks(document),
        generator=_generator(model) if model else None,
        references=references(model) if model else (),
        unsupplied=unsupplied(model) if model else (),
        repeated=tuple(_repeated(document)),
        outlived=outlived(model) if model else (),
        stale=stale_files(model) if model else (),
    )
    files = (file for each in rendered for file in each.files())
    return ConfigurationRead(facts, model, tuple(dict.fromkeys(files)))


def _faults(rendered: Sequence[Rendering], outcome: Outcome) -> Iterator[Fault]:
    """The errors that end Forgather's reading of the configuration, or of its model's source."""
    for rendering in rendered:
        for use in rendering.undefined_uses:
            yield rendering.fault(FaultKind.UNDEFINED, use.message, use.origin)
    left_out = any(
        rendering.undefined_uses or any(not load.found for load in rendering.loads)
        for rendering in rendered
    )
    if not isinstance(outcome, Fault) or outcome.kind is FaultKind.NOT_FOUND:
        return
    if not (left_out and outcome.kind is FaultKind.GRAPH):
        # Forgather does not get as far as the text that lacks what was left out.
        yield outcome


def _missing(rendered: Sequence[Rendering], outcome: Outcome) -> Iterator[MissingTemplate]:
    """The templates that were not found, for other templates or for the rendering itself."""
    names = set()
    for rendering in rendered:
        for missing in missing_templates(rendering):
            names.add(missing.name)
            yield missing
    if isinstance(outcome, MissingTemplate):
        yield outcome
    not_found = isinstance(outcome, Fault) and outcome.kind is FaultKind.NOT_FOUND
    if isinstance(outcome, Fault) and not_found and outcome.message not in names:
        folders = tuple(map(str, rendered[-1].search_path.folders))
        yield MissingTemplate(outcome.message, "render", outcome.where, outcome.chain, folders)


def missing_templates(rendering: Rendering) -> Iterator[MissingTemplate]:
    """The templates that `rendering` did not find."""
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
    """Plans at the top level of the configuration, where the generator's call does not see them."""
    rendering, document = model.document.rendering, model.document
    given = {id(node) for node in walk(model.generator.call)}
    for key in (*PLANS_OF_THE_GUIDE, *PLANS_OF_THE_GUIDE.values(), "no_split_modules"):
        value = document.graph.items.get(key)
        if value is not None and id(value) not in given:
            origin = document.origin(document.graph.keys[key])
            yield GeneratorArgument(key, rendering.place(origin, key), rendering.chain(origin))


def _repeated(document: Document) -> Iterator[RepeatedTemplateKey]:
    """Keys that one template repeats; overriding a parent's key is no repetition."""
    for node in walk(document.graph):
        for repeated in node.repeated if isinstance(node, DictNode | CallNode) else ():
            key = str(repeated.key)
            first, second = document.origin(repeated.first), document.origin(repeated.second)
            if first and second and first.template == second.template and key[:1] != ".":
                place = document.rendering.place
                yield RepeatedTemplateKey(
                    key, place(first, key), place(second, key), document.rendering.chain(second)
                )
