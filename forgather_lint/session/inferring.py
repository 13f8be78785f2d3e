"""The plans that the data flow asks for, as changes of the texts that hold or should hold them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from forgather_lint.core import doing
from forgather_lint.core.diagnostics import ResolvedEdit
from forgather_lint.core.files import laid, laid_over
from forgather_lint.core.settings import Settings
from forgather_lint.documents.model_input import open_model
from forgather_lint.documents.python import SourceError
from forgather_lint.engines.chosen_targets import chosen_targets
from forgather_lint.execution.model_facts import facts_of
from forgather_lint.facts import Model, NotBuilt, PlanEntry
from forgather_lint.inference.on_target import DTYPE, infer_for
from forgather_lint.inference.write_plan import PIPELINE, TENSOR, Values, entries_of, write_plan
from forgather_lint.linting.report import FileChange
from forgather_lint.model.analysis import builder_of, contained
from forgather_lint.session.checking import PlaceToCheck
from forgather_lint.session.texts import CannotChange, Originals, contents


def inferred(place: PlaceToCheck, settings: Settings, missing_only: bool) -> tuple[FileChange, ...]:
    """The changes that write the inferred plans.

    With `missing_only` existing plans stay as they are.
    """
    if not place.models:
        return ()
    doing.now(f"inferring the plan of {place.path}")
    target = chosen_targets(settings.target).targets[0]
    candidate = place.models[0]
    originals, texts = Originals([candidate.folder]), dict[str, str]()
    try:
        prepared = target.prepare(open_model(candidate), DTYPE, as_written=True)
        judge, builder = prepared.judge, prepared.builder
        if judge is None or builder is None:
            return ()
        subject = judge.subject
        plan = contained(builder, lambda: infer_for(subject, target))
        if isinstance(plan, NotBuilt):
            return ()
        for attribute, values in entries_of(plan).items():
            # The second stands where the first has been written.
            with laid_over({**laid(), **contents(texts)}):
                model = open_model(candidate)
                facts = facts_of(builder_of(model, builder.environment), model)
                if not isinstance(facts, Model):
                    return ()
                if missing_only:
                    written = _written(facts, attribute)
                    new = {key: value for key, value in values.items() if key not in written}
                    values = {**written, **new} if written else {}
                fix = write_plan(facts, attribute, values)
            by_path: dict[str, list[ResolvedEdit]] = {}
            for edit in fix.edits if fix is not None else ():
                span = edit.where.span
                by_path.setdefault(span.path, []).append(ResolvedEdit(span, edit.content))
            texts |= {path: originals.edited(texts, path, each) for path, each in by_path.items()}
    except (SourceError, CannotChange):
        return ()
    return tuple(originals.changes(texts))


def _written(facts: Model, attribute: str) -> Values:
    plan = {TENSOR: facts.plans.tp, PIPELINE: facts.plans.pp}[attribute]
    return {each.key: json.dumps(_value(each)) for each in plan.entries}


def _value(entry: PlanEntry) -> str | list[Sequence[str]] | None:
    if entry.inputs is not None and entry.outputs is not None:
        return [entry.inputs, entry.outputs]
    return entry.style
