"""The rules, one file each; the docstring of a file is its page.

tensor_parallel    FGL1xx    plan text: patterns, styles, coverage
pipeline_parallel  FGL3xx    entries, order, names of inputs and outputs, placeholders
modules            FGL4xx    `_no_split_modules`, tied weights
"""
