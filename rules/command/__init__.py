"""Rules about the command that serves a model."""
