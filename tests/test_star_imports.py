"""`from module import *`: the names that it binds, and those that nobody knows here."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgather_lint.execution.outcome import Outcome
from tests.llama_ways import Way, outcome_of, write_llama

USES = "hidden_states = hidden_states * "
DOUBLE = "def double(x):\n    return x * 2\n"
HELPERS = "from .helpers import *"
OF_PYTHON = {
    "typing": "x: Optional[Tuple[int, ...]] = None",
    "math": f"{USES}sqrt(1.0)\nassert isinstance(pow(2, 3), float)",
    "collections": f"{USES}deque([1]).pop()",
}
OF_THE_MODEL = {
    "all names": (DOUBLE, ""),
    "names in __all__": (f"__all__ = ['double']\n{DOUBLE}", ""),
    "__all__ that grows": (f"__all__ = []\n__all__ += ['double']\n{DOUBLE}", ""),
    "names that come from another one": ("from math import *\ndouble = sqrt\n", ""),
    "not what __all__ leaves out": (
        f"__all__ = ['other']\nother = 1\n{DOUBLE}",
        "NameError: name 'double' is not defined",
    ),
    "not what begins with an underscore": (
        DOUBLE.replace("double", "_double"),
        "NameError: name 'double' is not defined",
    ),
    "not what is not there": (
        f"__all__ = ['nothing']\n{DOUBLE}",
        "AttributeError: module 'model.helpers' has no attribute 'nothing'",
    ),
    "in front of a builtin": (
        f"{DOUBLE}def len(x):\n    return 1 / 0\n",
        "ZeroDivisionError: division by zero",
    ),
}


def outcome_with(way: Way, tmp_path: Path, helpers: str = "") -> Outcome:
    model = write_llama(way, tmp_path)
    (model / "helpers.py").write_text(helpers, "utf-8")
    return outcome_of(model)


@pytest.mark.parametrize("module", OF_PYTHON)
def test_the_names_of_a_module_of_python_are_known(module: str, tmp_path: Path) -> None:
    way = Way(f"from {module} import *", layer=OF_PYTHON[module])
    assert outcome_with(way, tmp_path).verdict.value == "serves"


@pytest.mark.parametrize("names", OF_THE_MODEL)
def test_a_module_of_the_model_gives_its_names(names: str, tmp_path: Path) -> None:
    helpers, error = OF_THE_MODEL[names]
    outcome = outcome_with(Way(HELPERS, layer=f"{USES}double(len([1]))"), tmp_path, helpers)
    assert (outcome.verdict.value, outcome.reason) == ("fails" if error else "serves", error)


UNKNOWN = {
    "what __all__ is made of": ("import sys\n__all__ = sys.argv\n" + DOUBLE, HELPERS),
    "another release of Python": (DOUBLE, f"{HELPERS}\nfrom typing import *\nNothingYet"),
}


@pytest.mark.parametrize("why", UNKNOWN)
def test_a_name_that_is_not_bound_may_be_there(why: str, tmp_path: Path) -> None:
    """It was said to be no name."""
    helpers, top = UNKNOWN[why]
    found = outcome_with(Way(top, layer=f"{USES}double(1)"), tmp_path, helpers)
    assert found.verdict.value == ("unknown" if "sys" in helpers else "serves")


@pytest.mark.parametrize("name", ["Linear", "Liner"])
def test_other_names_are_not_known(name: str, tmp_path: Path) -> None:
    way = Way("from torch.nn import *", built=f"self.extra = {name}(4, 4)")
    outcome = outcome_with(way, tmp_path)
    assert (outcome.verdict.value, outcome.reason) == ("unknown", "star import: torch.nn")
    assert outcome.where is not None
    assert "from torch.nn import *" in Path(outcome.where.span.path).read_text("utf-8")
