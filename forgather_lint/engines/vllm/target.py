"""A release of vLLM beside a release of transformers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from forgather_lint.core.settings import ModelImpl
from forgather_lint.core.version import Version
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.common.target import ReleaseBeside
from forgather_lint.engines.releases import torch_of
from forgather_lint.engines.transformers.profile import TransformersProfile
from forgather_lint.engines.vllm.profile import VllmProfile
from forgather_lint.execution.engine import Engine
from forgather_lint.facts.release import Release
from forgather_lint.python.interpreter.environment import Environment

if TYPE_CHECKING:
    from forgather_lint.engines.api import StoredBeside
    from forgather_lint.engines.vllm.subject import PreparedModel


class VllmTarget(ReleaseBeside[VllmProfile]):
    """Answers questions about models for such a pair."""

    @classmethod
    def of(cls, vllm: str, transformers: str) -> VllmTarget:
        """The pair of two release numbers, whether or not they go together.

        Raises `VersionError`.
        """
        return cls.beside(Version.parse(vllm), TransformersProfile(Version.parse(transformers)))

    @classmethod
    def beside(cls, version: Version, transformers: TransformersProfile) -> VllmTarget:
        """The release `version` beside `transformers`."""
        return cls(Release("vllm", "vLLM", str(version)), VllmProfile(version), transformers)

    @property
    def vllm(self) -> VllmProfile:
        """The facts of the release."""
        return self.profile

    @property
    def torch(self) -> str:
        """The release of torch that it requires; "" where that is not known."""
        return torch_of("vllm", self.profile.version)

    @property
    def flow(self) -> Engine:
        from forgather_lint.engines.vllm.release import engine_of

        return engine_of(self.profile)

    def served_elsewhere(self, model: ModelInput, impl: ModelImpl) -> PreparedModel | None:
        from forgather_lint.engines.vllm.checking import served_elsewhere

        return served_elsewhere(model, self, impl)

    def own_model(self, config: Mapping[str, object], impl: ModelImpl) -> str:
        from forgather_lint.engines.vllm.server import ServedBy, server_of

        server = server_of(config, self, impl)
        return server.name if server.by is ServedBy.OWN_MODEL else ""

    def prepare(
        self,
        model: ModelInput,
        dtype: str,
        *,
        as_written: bool = False,
        environment: Environment | None = None,
    ) -> PreparedModel:
        from forgather_lint.engines.vllm.subject import prepare

        fused = not as_written
        return prepare(model, self, dtype, experts_fused=fused, environment=environment)

    def checked(
        self, model: ModelInput, dtype: str, impl: ModelImpl, max_model_len: int | None
    ) -> PreparedModel:
        from forgather_lint.engines.vllm.checking import checked

        return checked(model, self, dtype, impl, max_model_len)

    def stored_beside(self, model: ModelInput, dtype: str) -> StoredBeside:
        """The checkpoint of `model`, compared with what the release builds."""
        from forgather_lint.engines.vllm.deployed.beside import stored_beside

        return stored_beside(model, self, dtype)
