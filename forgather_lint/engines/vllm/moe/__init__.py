"""Blocks of experts: which a release replaces, and whether it computes what the model does."""
