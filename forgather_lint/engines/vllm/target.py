"""A release of vLLM beside a release of transformers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from forgather_lint.core.settings import ModelImpl
from forgather_lint.core.version import Version
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.engines.transformers.profile import TransformersProfile
from forgather_lint.engines.vllm.profile import VllmProfile
from forgather_lint.execution.engine import Engine
from forgather_lint.facts.release import Release
from forgather_lint.python.interpreter.environment import Environment

if TYPE_CHECKING:
    from forgather_lint.engines.vllm.subject import PreparedModel


class Target(NamedTuple):
    """Hashable and picklable; its facts are read when they are asked for.

    So is what judges: a run that names targets alone loads none of it.
    """

    vllm: VllmProfile
    transformers: TransformersProfile

    @classmethod
    def of(cls, vllm: str, transformers: str) -> Target:
        """The pair of two release numbers, possible or not. Raises `VersionError`."""
        return cls(
            VllmProfile(Version.parse(vllm)), TransformersProfile(Version.parse(transformers))
        )

    def __str__(self) -> str:
        return f"{self.vllm} {self.transformers}"

    @property
    def release(self) -> Release:
        """The release of the engine, as findings name it."""
        return Release("vllm", "vLLM", str(self.version))

    @property
    def version(self) -> Version:
        """The number of the release."""
        return self.vllm.version

    @property
    def flow(self) -> Engine:
        """What the flow needs to know of the release."""
        from forgather_lint.engines.vllm.release import engine_of

        return engine_of(self.vllm)

    def served_elsewhere(self, model: ModelInput, impl: ModelImpl) -> PreparedModel | None:
        """The verdict where the code of the folder is not loaded; None where it is."""
        from forgather_lint.engines.vllm.checking import served_elsewhere

        return served_elsewhere(model, self, impl)

    def own_model(self, config: Mapping[str, object], impl: ModelImpl) -> str:
        """The model of vLLM's own that serves such a config; empty: none does."""
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
        """The base model as it is built, with the plans as they are merged."""
        from forgather_lint.engines.vllm.subject import prepare

        fused = not as_written
        return prepare(model, self, dtype, experts_fused=fused, environment=environment)

    def checked(
        self, model: ModelInput, dtype: str, impl: ModelImpl, max_model_len: int | None
    ) -> PreparedModel:
        """The prepared model, with what is held against config, code and weights at any size."""
        from forgather_lint.engines.vllm.checking import checked

        return checked(model, self, dtype, impl, max_model_len)
