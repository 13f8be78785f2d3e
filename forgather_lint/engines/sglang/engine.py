"""SGLang's Transformers backend, as `registry.py` finds it."""

from __future__ import annotations

from forgather_lint.core.version import Version
from forgather_lint.engines.api import ServingEngine
from forgather_lint.engines.sglang.profile import SglangProfile
from forgather_lint.engines.sglang.target import SglangTarget
from forgather_lint.engines.transformers.profile import TransformersProfile


class Sglang(ServingEngine):
    """Releases whose `srt/models/transformers.py` was read; none was ever run."""

    name = "sglang"
    title = "SGLang"
    packages = ("sglang",)
    profile = SglangProfile
    evidence = "read from source, not run"

    def target(self, version: Version, transformers: TransformersProfile) -> SglangTarget:
        return SglangTarget(self.release(version), SglangProfile(version), transformers)


ENGINE = Sglang()
