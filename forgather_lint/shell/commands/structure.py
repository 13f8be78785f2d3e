"""`structure`: the module tree of a model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import click

from forgather_lint.core.printable import printable
from forgather_lint.engines.chosen_targets import read_release
from forgather_lint.engines.matrix import TENSOR_SIZES
from forgather_lint.facts import EndKind, Module, NotBuilt, Structure
from forgather_lint.model.analysis import Built, build_tree, builder_of
from forgather_lint.python.interpreter.environment import Environment
from forgather_lint.shell import configuration, options, stored
from forgather_lint.shell.contained import in_a_worker
from forgather_lint.shell.models_at_path import Opened, open_one
from forgather_lint.shell.outline import as_json, outline, own_parameters
from forgather_lint.shell.say import say, say_as_it_is


@click.command()
@options.one_model
@click.option("--entry", metavar="AUTO_CLASS", help="Build what this auto class loads: AutoModel.")
@click.option(
    "--target", multiple=True, metavar="RELEASE", help="What builds it: 'transformers==5.19'."
)
@click.option("--max-depth", type=click.IntRange(0), metavar="N", help="Show N levels.")
@click.option("--params", is_flag=True, help="Show parameters and buffers with their shapes.")
@click.option("--expand", is_flag=True, help="Show every layer, also those that are alike.")
@click.option("--checkpoint", is_flag=True, help="Show what is stored beside what is built.")
@click.option(
    "-tp",
    "--tensor-parallel-size",
    metavar="SIZES",
    help="Ranks that html and svg count bytes for: '2', '1,2,4,8'.",
)
@click.option("--output-format", type=click.Choice(["text", "json", "html", "svg"]), default="text")
@in_a_worker
def command(
    path: Path,
    template: str | None,
    entry: str | None,
    target: tuple[str, ...],
    max_depth: int | None,
    params: bool,
    expand: bool,
    checkpoint: bool,
    tensor_parallel_size: str | None,
    output_format: str,
) -> None:
    """Print the module tree that the model at PATH builds, read from its source.

    With --checkpoint instead the parameters that the target builds beside the tensors that are
    stored for them, and what a rank holds in the types that are stored. Only headers are read.

    As html or svg with the style of each layer and the bytes that a rank holds of it.
    """
    drawn = output_format in ("html", "svg")
    if drawn and (checkpoint or params or entry):
        raise click.UsageError(
            f"{output_format} shows the base model with its parameters: without --checkpoint, "
            "--params and --entry"
        )
    if tensor_parallel_size is not None and not drawn:
        raise click.UsageError("-tp is for --output-format html and svg")
    with options.misuse_told():
        opened = open_one(path, template)
        if drawn:
            told_sizes = tensor_parallel_size or ",".join(map(str, TENSOR_SIZES))
            ranks = configuration.option("tensor_parallel_size", told_sizes)
            _draw(opened, path, target, ranks, max_depth, expand, output_format)
            return
        if checkpoint:
            one = options.targets_given(target)[0]
            beside = one.stored_beside(opened.model, "auto")
            written = stored.as_json(beside) if output_format == "json" else None
            say_as_it_is(json.dumps(written, indent=2)) if written else stored.show(beside, expand)
            return
        release = read_release(options.targets_given(target, quiet=True))
        built = build_tree(builder_of(opened.model, Environment(transformers=release)), entry)
    if isinstance(built, NotBuilt):
        raise options.CannotRun(f"{opened.shown(built.where)}: {told(built)}")
    if output_format == "json":
        say_as_it_is(json.dumps(as_json(built.structure, opened.shown), indent=2))
        return
    _print(built, opened, max_depth, params, expand)


def _draw(
    opened: Opened,
    path: Path,
    target: tuple[str, ...],
    ranks: tuple[int, ...],
    max_depth: int | None,
    expand: bool,
    output_format: str,
) -> None:
    """Print the tree as a page or a drawing, as the first target splits it."""
    from forgather_lint.shell.pages import page, tree  # few runs draw

    prepared = options.targets_given(target)[0].prepare(opened.model, "auto")
    if prepared.judge is None:
        assert prepared.ended is not None
        raise options.CannotRun(f"{opened.shown(prepared.ended.where)}: {told(prepared.ended)}")
    picture = tree.picture(prepared, page.name_at(path), ranks, max_depth, expand)
    say_as_it_is(tree.as_html(picture) if output_format == "html" else tree.as_svg(picture))


def told(end: NotBuilt, raising: str = "the constructor") -> str:
    """Why a model could not be built or run, in one line; `raising` is what raised, if it did."""
    if end.kind is EndKind.RAISES:
        return f"{raising} raises {end.message}"
    return f"undecided: {end.message}" if end.kind is EndKind.UNDECIDED else end.message


def _print(built: Built, opened: Opened, max_depth: int | None, params: bool, expand: bool) -> None:
    structure = built.structure
    for line in outline(structure, max_depth, expand):
        mark = "" if line.module.certain else click.style("  (maybe)", fg="yellow")
        label = "" if line.depth == 0 else f"{printable(line.label)}: "
        cls = click.style(printable(line.module.cls), fg="cyan", bold=line.depth == 0)
        say_as_it_is(f"{'  ' * line.depth}{label}{cls}{_sizes(line.module.sizes)}{mark}")
        if params:
            _print_parameters(structure, line.module, line.depth + 1)
    for unknown in structure.unknowns:
        place = f"{opened.shown(unknown.where)}: " if unknown.where else ""
        say(f"undecided: {place}{unknown.reason}", err=True)


def _print_parameters(structure: Structure, module: Module, depth: int) -> None:
    for parameter in own_parameters(structure, module):
        leaf = parameter.name.rpartition(".")[2]
        shape = _shape(parameter.shape)
        shared = f" = {parameter.same_as}" if parameter.same_as else ""
        say(f"{'  ' * depth}{leaf} {shape}{shared}")


def _shape(shape: tuple[int | None, ...] | None) -> str:
    if shape is None:
        return "unknown shape"
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"


def _sizes(sizes: Mapping[str, int]) -> str:
    return f"({', '.join(f'{name}={size}' for name, size in sizes.items())})" if sizes else ""
