"""Runs a model for real, in processes of its own and only when asked; nothing imports this.

`runner` bounds and ends the processes, `children` holds the scripts that they run, and one module
per probe says what is run and what its answer means.
"""
