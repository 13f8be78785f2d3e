"""Answers that are kept from one run to the next, with everything that they rest on.

`kept.py` says what identifies an answer and when it still holds, `sealed.py` how it is stored.
"""
