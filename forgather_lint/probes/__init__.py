"""Runs a model for real, in processes of its own and only when asked; nothing imports this.

`runner` limits and ends the processes, `children` holds the scripts that run in them. Each other
module is a probe: what is run, and what its result means.
"""
