"""What several engines look for in a model. Nothing here imports an engine."""
