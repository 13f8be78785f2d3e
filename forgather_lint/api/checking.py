"""Runs `check` on what a script passes: a path or a live module, with its own plans or others."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from forgather_lint import pipeline
from forgather_lint.api.live import input_of
from forgather_lint.api.subject import ModelOrPath, is_path
from forgather_lint.core.diagnostics import Diagnostic
from forgather_lint.core.printable import printable
from forgather_lint.core.settings import Settings
from forgather_lint.documents.model_input import GivenPlans, ModelInput
from forgather_lint.documents.single_file import single_model
from forgather_lint.linting.report import Run
from forgather_lint.shell import configuration
from forgather_lint.shell.reporters import reporter
from forgather_lint.shell.reporters.parts.style import Style

Plan = Mapping[str, object]


def checked(
    model: ModelOrPath, tensor: Plan | None, pipeline_plan: Plan | None, asked: Mapping[str, object]
) -> Run:
    """The run of `check` with the options `asked`; plans that are given replace the model's own.

    Raises `ValueError` when there is no model, and `NoSource` for a live one that cannot be read.
    """
    if is_path(model):
        path = Path(os.fspath(model))
        (settings,) = configuration.grouped((path,), None, False, dict(asked))
        opened = single_model(path)
    else:
        settings = configuration.resolve(None, dict(asked))
        opened = input_of(model)
    given = _given(model, tensor, pipeline_plan)
    return _run(replace(opened, plans=given) if given else opened, settings)


def show(run: Run, strict: bool) -> None:
    """Print what `check` prints; without `strict` only what is wrong, a line each with its help."""
    style = Style(base=str(Path.cwd()))
    if strict:
        print("\n".join(reporter("full")(run, style)))
        return
    lines = list(reporter("concise")(run, style))
    helps = [_help(found) for found in run.told]
    for line, help_text in zip(lines, (*helps, *[""] * len(lines)), strict=False):
        print(printable(f"  {line}" + (f" ({help_text})" if help_text else "")))


def _help(found: Diagnostic) -> str:
    """What helps, on one line; where several places have one cause, at each of them."""
    return " ".join(filter(None, (found.help, *(place.text for place in found.places))))


def _run(model: ModelInput, settings: Settings) -> Run:
    facts, files = pipeline.facts_of_model(model, settings)
    return Run((pipeline.report(model.path, facts, files, settings),))


def _given(model: ModelOrPath, tensor: Plan | None, stages: Plan | None) -> GivenPlans | None:
    """The given plans, under the names of the base model; None where the model's own apply."""
    if not is_path(model):
        tensor = None if tensor == getattr(model, "_tp_plan", None) else tensor
        stages = None if stages == getattr(model, "_pp_plan", None) else stages
    if tensor is None and stages is None:
        return None
    prefix = "" if is_path(model) else str(getattr(model, "base_model_prefix", ""))
    if not prefix or not hasattr(model, prefix):
        return GivenPlans(tensor, stages)
    start = f"{prefix}."
    inside = {key.removeprefix(start): style for key, style in (tensor or {}).items()}
    of_head = {key for key in tensor or {} if hasattr(model, key.partition(".")[0])}
    of_base = {key for key in of_head if key.startswith(start)}
    head = {key: style for key, style in (tensor or {}).items() if key in of_head - of_base}
    return GivenPlans(
        tensor=None if tensor is None else {k: v for k, v in inside.items() if k not in head},
        pipeline=None if stages is None else {k.removeprefix(start): v for k, v in stages.items()},
        of_head=head,
    )
