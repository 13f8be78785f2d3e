"""The element type in which an engine builds and loads a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from forgather_lint.documents.model_input import ModelInput
from forgather_lint.libraries.dtypes import dtype_named

AUTO = "auto"
_HALF = ("bfloat16", "float16")
_TAKEN = "bfloat16"
"""What vLLM takes for a config of float32 or of no type, on devices that have it."""


class ElementType(NamedTuple):
    """A torch dtype; `named` by the user or the config, otherwise by the engine and its device."""

    name: str
    named: bool


def element_type(model: ModelInput, dtype: str) -> ElementType:
    """The type of `model` where `dtype` is asked for; `AUTO` leaves it to the config.

    Source: vllm/config/model.py, `_resolve_auto_dtype`.
    """
    if dtype != AUTO:
        return ElementType(dtype_named(dtype) or dtype, named=True)
    written = model.config.values if model.config is not None else {}
    said = _said(written) or _said(written.get("text_config"))
    return ElementType(said, named=True) if said in _HALF else ElementType(_TAKEN, named=False)


def _said(values: object) -> str:
    given = values if isinstance(values, Mapping) else {}
    found = given.get("dtype") or given.get("torch_dtype")
    return found.removeprefix("torch.") if isinstance(found, str) else ""
