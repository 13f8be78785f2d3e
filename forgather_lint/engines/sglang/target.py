"""A release of SGLang beside a release of transformers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from forgather_lint.core.settings import ModelImpl
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.common.target import ReleaseBeside
from forgather_lint.engines.sglang.profile import SglangProfile
from forgather_lint.execution.engine import Engine
from forgather_lint.python.interpreter.environment import Environment

if TYPE_CHECKING:
    from forgather_lint.engines.api import StoredBeside
    from forgather_lint.engines.sglang.judge import PreparedModel


class SglangTarget(ReleaseBeside[SglangProfile]):
    """Answers questions about models for such a pair."""

    @property
    def flow(self) -> Engine:
        from forgather_lint.engines.sglang.flow import flow_of

        return flow_of(self.profile)

    def served_elsewhere(self, model: ModelInput, impl: ModelImpl) -> PreparedModel | None:
        from forgather_lint.engines.sglang.checks import served_elsewhere

        return served_elsewhere(model, self, impl)

    def own_model(self, config: Mapping[str, object], impl: ModelImpl) -> str:
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
        from forgather_lint.engines.sglang.judge import prepare

        return prepare(model, self, dtype, environment)

    def checked(
        self, model: ModelInput, dtype: str, impl: ModelImpl, max_model_len: int | None
    ) -> PreparedModel:
        from forgather_lint.engines.sglang.checks import checked

        return checked(model, self, dtype, impl)

    def stored_beside(self, model: ModelInput, dtype: str) -> StoredBeside:
        """Nothing is compared: how the engine finds tensors is not modelled."""
        from forgather_lint.engines.api import StoredBeside

        return StoredBeside(note="how SGLang finds tensors is not modelled")
