"""The functions of the vLLM integration guide, on a model directory or on a live `nn.Module`."""

from forgather_lint.api.show import print_model_structure
from forgather_lint.api.validate import validate_pp_plan, validate_tp_plan, validate_vllm_plans

__all__ = ["print_model_structure", "validate_pp_plan", "validate_tp_plan", "validate_vllm_plans"]
