"""`plan`: which entry applies to which layer, or the plan that the data flow asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from forgather_lint.core.diagnostics import Fix, ResolvedEdit
from forgather_lint.core.files import laid_over
from forgather_lint.core.printable import printable
from forgather_lint.core.settings import ModelImpl
from forgather_lint.documents.discover import candidates
from forgather_lint.engines.api import AnyPreparedModel, Cell, Target
from forgather_lint.engines.registry import library
from forgather_lint.execution.model_facts import facts_of
from forgather_lint.execution.outcome import Outcome, Verdict
from forgather_lint.facts import Model, NotBuilt
from forgather_lint.facts.cause import OfSize
from forgather_lint.inference.infer import InferredPlan, folded
from forgather_lint.inference.on_target import infer_for, served
from forgather_lint.inference.plan_text import as_json, as_python, as_template, difference
from forgather_lint.inference.write_plan import entries_of, is_written, write_plan
from forgather_lint.model.analysis import builder_of, contained
from forgather_lint.session.texts import CannotChange, Originals, contents
from forgather_lint.session.texts import write as write_text
from forgather_lint.shell import configuration, options
from forgather_lint.shell.commands.structure import told
from forgather_lint.shell.contained import in_a_worker
from forgather_lint.shell.differences import painted
from forgather_lint.shell.fixing import tell_difference
from forgather_lint.shell.models_at_path import Opened, open_one
from forgather_lint.shell.reporters.parts.style import Style
from forgather_lint.shell.say import say, say_as_it_is, say_lines

_AT = ("2 ranks", "2 stages")
_FORMATS = {"python": as_python, "template": as_template, "json": as_json}


@click.command()
@options.one_model
@click.option("--infer", "inferred", is_flag=True, help="Compute a plan from the data flow.")
@click.option("--diff", is_flag=True, help="Show what would change in the plan that is there.")
@click.option(
    "--write", is_flag=True, help="With --infer: write the plan into the config; --diff shows how."
)
@click.option("--force", is_flag=True, help="With --write: also a plan that is judged to fail.")
@click.option(
    "--target", multiple=True, metavar="RELEASE", help="What reads the plan: 'vllm>=0.30'."
)
@options.model_impl
@click.option(
    "--output-format", type=click.Choice(["text", "json", "python", "template"]), default="text"
)
@in_a_worker
def command(
    path: Path,
    template: str | None,
    inferred: bool,
    diff: bool,
    write: bool,
    force: bool,
    target: tuple[str, ...],
    model_impl: str | None,
    output_format: str,
) -> None:
    """Print the plan of the model at PATH as it is applied: layer, shape, style, entry."""
    if write and not inferred:
        raise click.UsageError("--write writes the plan that --infer computes")
    if force and not write:
        raise click.UsageError("--force goes with --write")
    with options.misuse_told():
        opened = open_one(path, template)
        chosen = options.targets_given(target)[0]
        impl = configuration.option("model_impl", model_impl or "auto")
        _tell_who_serves(opened, chosen, impl)
        as_written = inferred or diff
        prepared = chosen.prepare(opened.model, "auto", as_written=as_written)
        if prepared.judge is None:
            prepared = _beside_library(opened, prepared, as_written=as_written)
        if prepared.judge is None and not target:
            prepared = _where_it_builds(opened, prepared, as_written=as_written)
    if prepared.judge is None:
        assert prepared.ended is not None
        raise options.CannotRun(f"{opened.shown(prepared.ended.where)}: {told(prepared.ended)}")
    if write:
        with options.misuse_told():
            _write_inferred(prepared, opened, path, diff=diff, force=force)
    elif inferred or diff:
        _print_inferred(prepared, opened, diff, output_format)
    else:
        _print_applied(prepared, opened, output_format)


def _tell_who_serves(opened: Opened, target: Target, impl: ModelImpl) -> None:
    """Say so where a model of the engine's own serves: it reads no plan, whatever is shown."""
    config = opened.model.config
    name = target.own_model(config.values if config else {}, impl)
    if name:
        release = target.release
        own = f"{release.project} {release.marked} serves its own `{name}` and reads no plan"
        say(f"note: {own}; shown is what --model-impl transformers reads", err=True)


def _beside_library(
    opened: Opened, refused: AnyPreparedModel, *, as_written: bool
) -> AnyPreparedModel:
    """The model as built without the engine; `refused` if that fails as well.

    A constructor may look up its attention by a name that does not exist for the engine's. That the
    engine does not serve it is reported by `check`; the plan does not depend on it.
    """
    assert refused.ended is not None
    target = refused.target
    beside = library().environment(target.transformers)
    prepared = target.prepare(opened.model, "auto", as_written=as_written, environment=beside)
    if prepared.judge is None:
        return refused
    place = opened.shown(refused.ended.where)
    why = f"{target.release} cannot build it ({place}: {told(refused.ended)})"
    say(f"note: {why}; shown as transformers alone builds it", err=True)
    return prepared


def _where_it_builds(
    opened: Opened, refused: AnyPreparedModel, *, as_written: bool
) -> AnyPreparedModel:
    """The model as built for the newest target that can; `refused` when none can.

    A plan follows from the model, not from the release; why one release cannot build it (a
    class-level plan for a head, a renamed config key) is reported by `check`.
    """
    assert refused.ended is not None
    for each in reversed(options.targets_given(("all",))):
        prepared = each.prepare(opened.model, "auto", as_written=as_written)
        if prepared.judge is not None:
            why, done = told(refused.ended), "inferred" if as_written else "shown"
            note = f"{refused.target} cannot build it ({why}); {done} as {each} builds it"
            say(f"note: {note}", err=True)
            return prepared
    return refused


def _write_inferred(
    prepared: AnyPreparedModel, opened: Opened, path: Path, *, diff: bool, force: bool
) -> None:
    """Write the plan into the file that has, or should have, that of the config.

    A plan with which the release does not serve is shown by `diff`, and written by `force` alone.
    """
    if not any(candidates(path, lambda _: False)):
        told = "its files are generated: put what `--infer --output-format template` prints there"
        raise options.CannotRun(f"{path}: {told}")
    plan, found = _told_plan(prepared, opened)
    failing = next(_failing(plan, found), None)
    if failing is not None and not diff and not force:
        size, outcome = failing
        does = "fails" if outcome.verdict is Verdict.FAILS else "answers something else"
        told = f"{prepared.target.release} {does} with this plan on {size}"
        raise options.CannotRun(f"{path}: {told}: nothing is written without --force")
    assert prepared.builder is not None
    originals, texts = Originals([path]), dict[str, str]()
    for attribute, values in entries_of(plan).items():
        with laid_over(contents(texts)):  # the second stands where the first has been written
            model = open_one(path).model
            facts = facts_of(builder_of(model, prepared.builder.environment), model)
            fix = write_plan(facts, attribute, values) if isinstance(facts, Model) else None
        if fix is not None:
            _change(originals, texts, fix)
        elif isinstance(facts, Model) and not is_written(facts, attribute, values):
            say(f"note: `{attribute}` cannot be written: its place is no literal", err=True)
    style = Style(base=str(Path.cwd()))
    for change in originals.changes(texts):
        if diff:
            tell_difference(change, style)
            continue
        try:
            write_text(change)
        except CannotChange as reason:
            raise options.CannotRun(f"{change.path}: {reason}") from reason
        say(f"wrote {style.path(change.path)}")
    if not texts:
        say("the plan is the one that would be inferred")


def _change(originals: Originals, texts: dict[str, str], fix: Fix) -> None:
    """Apply `fix` to `texts`."""
    by_path: dict[str, list[ResolvedEdit]] = {}
    for edit in fix.edits:
        span = edit.where.span
        by_path.setdefault(span.path, []).append(ResolvedEdit(span, edit.content))
    try:
        texts |= {path: originals.edited(texts, path, each) for path, each in by_path.items()}
    except CannotChange as reason:
        raise options.CannotRun(str(reason)) from reason


def _print_inferred(prepared: AnyPreparedModel, opened: Opened, diff: bool, form: str) -> None:
    plan, _ = _told_plan(prepared, opened)
    if diff:
        lines = list(difference(_written(prepared), plan))
        for number, line in enumerate(lines):
            say_as_it_is(painted(number, printable(line), Style(color=True)))
        if not lines:
            say("the plan is the one that would be inferred")
        return
    say_lines(_FORMATS.get(form, as_python)(plan))


def _failing(plan: InferredPlan, found: Sequence[Cell]) -> Iterator[tuple[str, Outcome]]:
    """The sizes at which the release does not serve with `plan`, for a half that would be written.

    What lies in the size alone, as heads that two ranks cannot share out, is no fault of the plan.
    """
    halves = (plan.tensor, plan.pipeline)
    for size, half, each in zip(_AT, halves, found, strict=True):
        bad = each.outcome.verdict in (Verdict.FAILS, Verdict.WRONG)
        if half and bad and not isinstance(each.outcome.cause, OfSize):
            yield size, each.outcome


def _told_plan(prepared: AnyPreparedModel, opened: Opened) -> tuple[InferredPlan, list[Cell]]:
    """The inferred plan, and what the release makes of it.

    Notes about it go to standard error.
    """
    plan = _inferred(prepared)
    if isinstance(plan, NotBuilt):
        raise options.CannotRun(f"{opened.shown(plan.where)}: {told(plan, 'the forward')}")
    found = served(opened.model, prepared.target, plan)
    for note in (*_notes(plan, opened), _told(prepared.target, found, opened)):
        say(f"note: {note}", err=True)
    return plan, found


def _notes(plan: InferredPlan, opened: Opened) -> Iterator[str]:
    """Notes about a plan that it does not contain itself."""
    outcome = plan.outcome
    if not plan.tensor:
        yield "nothing can be sharded so that it is proved to be the same function"
    elif outcome is not None and outcome.verdict is not Verdict.SERVES:
        place = f" ({opened.shown(outcome.where)})" if outcome.where else ""
        yield f"not proved on two ranks: {outcome.reason}{place}"


def _told(target: Target, found: Sequence[Cell], opened: Opened) -> str:
    """The verdicts of the release that the plan is for."""
    told = "; ".join(
        f"{size}: {_verdict(each, opened)}" for size, each in zip(_AT, found, strict=True)
    )
    return f"{target.release} with this plan: {told}"


def _verdict(each: Cell, opened: Opened) -> str:
    outcome = each.outcome
    place = f" ({opened.shown(outcome.where)})" if outcome.reason and outcome.where else ""
    return f"{outcome.verdict}{', ' if outcome.reason else ''}{outcome.reason}{place}"


def _inferred(prepared: AnyPreparedModel) -> InferredPlan | NotBuilt:
    judge, builder = prepared.judge, prepared.builder
    assert judge is not None
    assert builder is not None
    subject = judge.subject
    return contained(builder, lambda: infer_for(subject, prepared.target))


def _written(prepared: AnyPreparedModel) -> InferredPlan:
    assert prepared.judge is not None
    subject = prepared.judge.subject
    pipeline = {
        entry.full_key: (entry.inputs or (), entry.outputs or ())
        for entry in subject.pipeline_plan.entries
    }
    return InferredPlan(subject.styles, pipeline)


def _print_applied(prepared: AnyPreparedModel, opened: Opened, form: str) -> None:
    rows = list(_rows(prepared, opened))
    if form == "json":
        say_as_it_is(json.dumps(rows, indent=2))
        return
    columns = ("module", "shape", "style", "pattern", "location")
    table = [columns, *([str(row[name] or "") for name in columns] for row in rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(columns))]
    for line in table:
        say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))


def _rows(prepared: AnyPreparedModel, opened: Opened) -> Iterator[dict[str, str | None]]:
    """One row for each Linear; layers that are alike share one."""
    judge, builder = prepared.judge, prepared.builder
    assert judge is not None
    assert builder is not None
    tree = judge.subject.tree
    assigned = contained(builder, lambda: judge.assignments(1))
    if isinstance(assigned, NotBuilt):
        raise options.CannotRun(f"{opened.shown(assigned.where)}: {told(assigned)}")
    seen: set[tuple[str, str | None]] = set()
    shapes: dict[str, tuple[int | None, ...] | None] = {}
    for parameter in tree.structure.parameters:
        module, _, leaf = parameter.name.rpartition(".")
        if leaf == "weight" or module not in shapes:  # a bias may come first
            shapes[module] = parameter.shape
    for name, instance in tree.instances.items():
        found = assigned.get(instance)
        if found is None or (folded(name), found.key) in seen:
            continue
        seen.add((folded(name), found.key))
        yield {
            "module": folded(name),
            "shape": str(list(shapes.get(name) or ())),
            "style": found.role.value,
            "pattern": found.key,
            "location": opened.shown(found.where) if found.where else None,
        }
