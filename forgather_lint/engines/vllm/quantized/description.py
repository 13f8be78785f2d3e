"""Where a model says how its weights are quantized: in config.json, or in a file of ModelOpt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.documents.config_json import ConfigFile, read_config
from forgather_lint.documents.model_input import ModelInput
from forgather_lint.documents.python import SourceError

MODELOPT_FILE = "hf_quant_config.json"
"""What ModelOpt wrote before 0.31; read where config.json does not say anything."""
_IN_CONFIG = "quantization_config"
_OF_MODELOPT: Mapping[str, str] = {"NVFP4": "modelopt_fp4"}


@record
class Description:
    """What is said, in `file` below the keys `above`; `method` as the release spells it."""

    file: ConfigFile
    above: tuple[str, ...]
    said: Mapping[str, object]
    method: str | None

    def place(self, *keys: str) -> Place:
        """Where the value at `keys` stands; of keys that are not there, where they would."""
        found, said = list(self.above), self.said
        for key in keys:
            inner = said.get(key)
            if key not in said:
                break
            found.append(key)
            said = inner if isinstance(inner, dict) else {}
        return self.file.place(*found)


def description_of(model: ModelInput) -> Description | None:
    """How the weights of `model` are quantized, where one of both files says so."""
    config = model.config
    if config is None:
        return None
    said = config.values.get(_IN_CONFIG)
    if isinstance(said, dict):
        return Description(config, (_IN_CONFIG,), said, _method_of(said))
    if said is not None or not model.has_file(MODELOPT_FILE):
        return None
    try:
        file = read_config(Path(model.folder) / MODELOPT_FILE)
    except SourceError:
        return None
    return Description(file, (), file.values, _method_of(file.values))


@port_of(
    "vllm/transformers_utils/model_arch_config_convertor.py",
    "ModelArchConfigConvertorBase._normalize_quantization_config",
)
def _method_of(said: Mapping[str, object]) -> str | None:
    method = said.get("quant_method")
    if isinstance(method, str):
        return method.lower().replace("compressed_tensors", "compressed-tensors")
    producer, inner = said.get("producer"), said.get("quantization")
    if isinstance(producer, dict) and producer.get("name") == "modelopt":
        algorithm = inner.get("quant_algo") if isinstance(inner, dict) else None
        if algorithm is not None:
            return _OF_MODELOPT.get(str(algorithm).upper(), "modelopt")
    return None


def of_modelopt(said: Mapping[str, object]) -> tuple[Mapping[str, object], tuple[str, ...], str]:
    """The settings of ModelOpt, the keys above them, and which key lists what stays as it is."""
    inner = said.get("quantization")
    if "quantization" in said:
        return (inner if isinstance(inner, dict) else {}), ("quantization",), "exclude_modules"
    return said, (), "ignore"
