"""Answers that are kept from one run to the next, with all that they rest on.

`kept.py` says what an answer is kept by and when it holds, `sealed.py` how it lies on disk.
"""
