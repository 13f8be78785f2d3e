"""Scripts for the interpreter that has torch or vLLM; they import nothing of this package.

Each takes one argument: a JSON file of values, of which `events` is the file to report to.
"""
