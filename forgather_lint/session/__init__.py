"""A run over paths, repeated as texts change: for fixes, which are tried first, and for editors."""
