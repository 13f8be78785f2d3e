"""Inputs that nobody would write, and what must hold for every one of them.

    python -m tests.fuzz --count 20000 --seed 1 --jobs 2

Each kind of input (`kinds.py`) has a maker and a reader. The maker draws from a seeded source: a
grammar (`expressions.py`, `templates.py`), hypothesis (`values.py`), pieces of real files that are
cut and put together elsewhere (`trees.py`, `texts.py`). The reader is the part of the tool that
such an input reaches first. `watch.py` says what must hold; `campaign.py` runs many.

`corpus/<kind>/` keeps inputs for which something did not hold; every test run reads them again.
"""
