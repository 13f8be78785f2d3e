"""Rules on `base_model_pp_plan` and `_pp_plan`."""
