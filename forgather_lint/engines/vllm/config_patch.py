"""What vLLM does to a config that it has loaded, before the model is built from it."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.engines.vllm.rope_patch import patch_rope_parameters
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import External, Unknown, Value


@record
class ConfigPatch:
    """`rope`: rotary parameters are filled in; `typed`: the config is told the model's dtype."""

    rope: bool
    typed: bool

    def __call__(self, machine: Machine, config: Instance, where: Place) -> None:
        """Patch `config`. Raises what the validation of rotary parameters raises."""
        dtype: Value = Unknown("dtype-of-config", where)
        if self.typed:
            dtype = External(f"torch.{machine.environment.dtype}")
        parts = (each for each in config.attributes.values() if isinstance(each, Instance))
        for each in (config, *parts):
            for name in ("dtype", "torch_dtype"):
                machine.trail.set_attribute(each, name, dtype)
        if self.rope:
            patch_rope_parameters(machine, config, where)
