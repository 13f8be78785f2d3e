"""The functions of Forgather's vLLM integration guide, for a path or a live `nn.Module`."""

from forgather_lint.api.show import print_model_structure
from forgather_lint.api.validate import validate_pp_plan, validate_tp_plan, validate_vllm_plans

__all__ = ["print_model_structure", "validate_pp_plan", "validate_tp_plan", "validate_vllm_plans"]
