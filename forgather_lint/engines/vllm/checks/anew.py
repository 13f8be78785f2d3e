"""The model built and run once more, in objects of its own, to see what it does."""

from __future__ import annotations

from collections.abc import Callable

from forgather_lint.execution.inputs import engine_arguments
from forgather_lint.facts import EndKind, NotBuilt
from forgather_lint.model.analysis import contained
from forgather_lint.model.build import ModelBuilder
from forgather_lint.model.entry import AUTO_MODEL, model_reference
from forgather_lint.python.interpreter.machine import Library, Machine, Observer
from forgather_lint.python.values.objects import Instance


def run_anew(
    builder: ModelBuilder, watched_by: Callable[[Machine], Observer], library: Library | None = None
) -> bool:
    """Whether all that the model does as it is built and run was seen.

    `library` is what the names of libraries mean in its forward.
    """
    again = ModelBuilder(builder.sources, builder.config_file, builder.main, builder.environment)
    observer = watched_by(again.machine)
    named = model_reference(again.config_values, AUTO_MODEL) is not None
    root = contained(again, lambda: again.build(AUTO_MODEL if named else None, observer))
    if isinstance(root, NotBuilt):
        return False
    ran = contained(again, lambda: _run(again.machine, root, observer, library))
    undecided = isinstance(ran, NotBuilt) and ran.kind is EndKind.UNDECIDED
    return not undecided and not again.machine.run.assumptions


def _run(machine: Machine, root: Instance, observer: Observer, library: Library | None) -> None:
    with machine.undone_run(library, observer):
        machine.call(root, engine_arguments(), root.where)
