"""Rules on `base_model_tp_plan` and `_tp_plan`."""
