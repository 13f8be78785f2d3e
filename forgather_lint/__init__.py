"""Tells from source alone whether vLLM will serve a model under tensor and pipeline parallelism.

For scripts, under the names of the vLLM integration guide:

    from forgather_lint import print_model_structure, validate_vllm_plans
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str
    from forgather_lint.api import (
        print_model_structure,
        validate_pp_plan,
        validate_tp_plan,
        validate_vllm_plans,
    )

__all__ = ["print_model_structure", "validate_pp_plan", "validate_tp_plan", "validate_vllm_plans"]


def __getattr__(name: str) -> object:
    """Load the functions when they are asked for: the command line does not pay for them."""
    if name == "__version__":
        from forgather_lint.core.about import version

        return version()
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from forgather_lint import api

    return getattr(api, name)
