"""Runs an analysis under its limits, and turns the ways in which it can end into values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from forgather_lint.core.record import record
from forgather_lint.core.recursion import deep_recursion
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.documents.python import NotAnalysed, SourceError
from forgather_lint.facts import EndKind, NotBuilt, PackageMissing, Structure, Unreadable
from forgather_lint.model.build import ModelBuilder, NoModel, NoText
from forgather_lint.model.tree import Tree, tree_of
from forgather_lint.python.interpreter.budget import BudgetExceeded
from forgather_lint.python.interpreter.environment import Environment
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.objects import Instance

Result = TypeVar("Result")


def contained(builder: ModelBuilder, work: Callable[[], Result]) -> Result | NotBuilt:
    """The result of `work()`, or why it ended without one."""
    try:
        with deep_recursion():
            return work()
    except NoText as error:
        return NotBuilt(EndKind.UNREADABLE, error.message, error.where)
    except NoModel as error:
        return NotBuilt(EndKind.NO_CLASS, error.message, error.where, error.nothing)
    except Raised as error:
        return _of_error(error, of_defaults=builder.config_file is None)
    except BudgetExceeded as error:
        return NotBuilt(EndKind.UNDECIDED, error.reason, error.where or builder.where)
    except RecursionError:
        return NotBuilt(EndKind.UNDECIDED, "recursion", builder.where)


def _of_error(error: Raised, *, of_defaults: bool) -> NotBuilt:
    if error.doubt is None:
        return NotBuilt(
            EndKind.RAISES,
            error.shown,
            error.where,
            of_defaults=of_defaults,
            names_no_file=error.kind == "ModuleNotFoundError",
        )
    return NotBuilt(EndKind.UNDECIDED, error.perhaps, error.doubt.where or error.where)


def builder_of(model: ModelInput, environment: Environment | None = None) -> ModelBuilder:
    """The interpreter for one model, which is built and run in `environment`."""
    return ModelBuilder(model.sources, model.config, model.main, environment or Environment())


@record
class Built:
    """The root module of a model that was built, with the facts of its tree."""

    root: Instance
    tree: Tree

    @property
    def structure(self) -> Structure:
        """The facts of the tree."""
        return self.tree.structure


def build_tree(builder: ModelBuilder, auto_class: str | None = None) -> Built | NotBuilt:
    """Build the model that `auto_class` would load."""

    def work() -> Built:
        root = builder.build(auto_class)
        return Built(root, tree_of(builder.machine, root))

    return contained(builder, work)


def missing_packages(builder: ModelBuilder) -> list[PackageMissing]:
    """Packages that the model imports and that are not installed here."""
    return [PackageMissing(name, where) for name, where in builder.loader.missing.items()]


def unread_files(builder: ModelBuilder) -> list[Unreadable]:
    """Files of the model that could not be parsed."""
    return [unreadable(problem) for problem in builder.loader.problems]


def unreadable(problem: SourceError) -> Unreadable:
    """A `SourceError` as the fact that a file could not be read."""
    return Unreadable(problem.message, problem.where, isinstance(problem, NotAnalysed))
