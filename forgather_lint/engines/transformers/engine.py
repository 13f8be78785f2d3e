"""transformers, as `registry.py` finds it: the library that models are built with."""

from __future__ import annotations

from forgather_lint.engines.api import ModelLibrary, PlanJudge
from forgather_lint.engines.transformers.environment import environment_beside
from forgather_lint.engines.transformers.judge import LibraryJudge
from forgather_lint.engines.transformers.plan import LIBRARY, TABLE
from forgather_lint.engines.transformers.profile import TransformersProfile
from forgather_lint.execution.engine import Engine
from forgather_lint.model.tree import Tree
from forgather_lint.python.interpreter.environment import Environment
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance


class Transformers(ModelLibrary):
    """The releases of transformers."""

    name = "transformers"
    title = "transformers"
    packages = ("transformers",)
    profile = TransformersProfile

    @property
    def flow(self) -> Engine:
        return LIBRARY

    @property
    def table(self) -> str:
        return TABLE

    def judge(self, machine: Machine, tree: Tree, root: Instance) -> PlanJudge:
        return LibraryJudge(machine, tree, root)

    def environment(self, transformers: TransformersProfile) -> Environment:
        return environment_beside(transformers)


ENGINE = Transformers()
