"""A release of SGLang beside a release of transformers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from forgather_lint.core.settings import ModelImpl
from forgather_lint.core.version import Version
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.sglang.profile import SglangProfile
from forgather_lint.engines.transformers.profile import TransformersProfile
from forgather_lint.execution.engine import Engine
from forgather_lint.facts.release import Release
from forgather_lint.python.interpreter.environment import Environment

if TYPE_CHECKING:
    from forgather_lint.engines.sglang.judge import PreparedModel


class Target(NamedTuple):
    """Hashable and picklable; what judges is loaded when it is asked."""

    release: Release
    sglang: SglangProfile
    transformers: TransformersProfile

    def __str__(self) -> str:
        return f"{self.sglang} {self.transformers} ({self.release.evidence})"

    @property
    def version(self) -> Version:
        """The number of the release."""
        return self.sglang.version

    @property
    def flow(self) -> Engine:
        """What the flow needs to know of the release."""
        from forgather_lint.engines.sglang.flow import flow_of

        return flow_of(self.sglang)

    def served_elsewhere(self, model: ModelInput, impl: ModelImpl) -> PreparedModel | None:
        """The verdict where the code of the folder is not loaded; None where it is."""
        from forgather_lint.engines.sglang.checks import served_elsewhere

        return served_elsewhere(model, self, impl)

    def own_model(self, config: Mapping[str, object], impl: ModelImpl) -> str:
        """The model of SGLang's own that serves such a config; empty: none does."""
        from forgather_lint.engines.sglang.checks import own_model

        return own_model(config, self, impl)

    def prepare(
        self,
        model: ModelInput,
        dtype: str,
        *,
        as_written: bool = False,
        environment: Environment | None = None,
    ) -> PreparedModel:
        """The base model as it is built, with the plans as they are merged."""
        from forgather_lint.engines.sglang.judge import prepare

        return prepare(model, self, dtype, environment)

    def checked(
        self, model: ModelInput, dtype: str, impl: ModelImpl, max_model_len: int | None
    ) -> PreparedModel:
        """The prepared model, with what is held against config, code and weights at any size."""
        from forgather_lint.engines.sglang.checks import checked

        return checked(model, self, dtype, impl)
