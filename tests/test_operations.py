"""No operation costs more than it is charged for, and a fault in one costs its value alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from forgather_lint.core.settings import Settings
from forgather_lint.python.interpreter import guard
from forgather_lint.python.interpreter.dispatch import BUILTINS
from forgather_lint.python.interpreter.library import Site
from forgather_lint.python.values.value import Value
from forgather_lint.session.checking import check
from tests.python_oracle import UNDECIDED, End, assumed_in_interpreter, in_interpreter

SECONDS = 20
"""Of the processor; each takes at most two where nothing else runs."""
DOUBLED = "a = b = ()\nfor i in range(30): a = (a, a)\nfor i in range(30): b = (b, b)\n"
NESTED = "a = b = ()\nfor i in range(30000): a = (a,)\nfor i in range(30000): b = (b,)\n"
COSTLY = [
    "round(1, -10**8)",
    "10**10**8",
    "1 << 10**10",
    "pow(3, 10**20000, 10**20000 + 1)",
    "x = 3\nfor i in range(10000): x = x * 7 % (10 ** 20000)\nresult = x",
    "import math\nresult = math.factorial(10**7)",
    "import math\nresult = math.comb(10**7, 10**6)",
    "(5).to_bytes(10**9, 'big')",
    "b'%1000000000d' % 5",
    "'%1000000000d' % 5",
    "'%*d' % (1000000000, 5)",
    "'{:1000000000}'.format(1)",
    "'{:{}}'.format(1, 1000000000)",
    "format(1, '1000000000')",
    'f"{1:1000000000}"',
    "'a'.ljust(10**10)",
    "b'a'.center(10**10)",
    "'1'.zfill(10**10)",
    "'a\\t'.expandtabs(10**10)",
    "'ab' * 10**10",
    "x = 'aa'\nfor i in range(100): x = x.replace('a', x)\nresult = x",
    "x = ''\nfor i in range(70000): x = x + str(i)\nresult = x",
    "x = ''\nfor i in range(70000): x += str(i)\nresult = x",
    "x = 'a' * 1000000\nfor i in range(60000): y = x.upper()\nresult = y",
    "('a b ' * 200000).split()",
    "list('ab' * 500000)",
    "[0] * 10**10",
    "(0,) * 10**10",
    "import itertools\na = [0] * 1000\nresult = itertools.chain(*[a] * 600)",
    "import itertools\nresult = itertools.repeat(0, 10**9)",
    "a = list(range(90000))\nfor i in range(1000): s = sum(a)\nresult = s",
    "a = list(range(90000))\nfor i in range(1000): s = max(a)\nresult = s",
    "x = list(range(90000))\nfor i in range(1000): x.insert(0, 1)\nresult = x",
    "x = list(range(90000))\nfor i in range(90000): y = x[1:]\nresult = y",
    "x = list(range(90000))\nfor i in range(90000): x += [1]\nresult = x",
    "x = list(range(90000))\nfor i in range(90000): y = i in x\nresult = y",
    "x = dict.fromkeys(range(90000))\nfor i in range(90000): y = x | x\nresult = y",
    "[i for i in range(90000) for j in range(90000)]",
    f"{DOUBLED}result = hash(a)",
    f"{DOUBLED}result = {{a: 1}}",
    f"{DOUBLED}result = str(a)",
    f"{NESTED}result = a == b",
    f"{NESTED}result = {{a}}",
]


def ended(code: str) -> End:
    """How `code` ends, in time."""
    start = time.process_time()
    end = in_interpreter(code)
    assert time.process_time() - start < SECONDS, code
    return end


@pytest.mark.parametrize("code", COSTLY)
def test_what_would_cost_too_much_is_undecided(code: str) -> None:
    assert ended(code) == UNDECIDED


def test_items_of_an_iterator_cost_no_more_than_the_next_one() -> None:
    code = "x = iter(list(range(90000)))\nfor i in range(90000): y = next(x)\nresult = y"
    assert ended(code) == End("int 89999")


def test_what_holds_the_same_many_times_is_looked_at_once() -> None:
    assert ended(f"{DOUBLED}result = a == b") == End("bool True")
    assert ended(f"{DOUBLED}result = b in [1, a]") == End("bool True")
    assert ended(f"{DOUBLED}result = isinstance(1, (a, int))") == End("bool True")
    lists = DOUBLED.replace("()", "[]").replace("(a, a)", "[a, a]").replace("(b, b)", "[b, b]")
    assert ended(f"{lists}result = a == b") == End("bool True")


MODEL = """
from torch import nn

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        {}

    def forward(self, x):
        return x
"""
MODULES = {
    "8,000 layers": "self.layers = nn.ModuleList([nn.Linear(4, 4) for i in range(8000)])",
    "layers one by one": "self.layers = nn.ModuleList()\n"
    "        for i in range(8000): self.layers.append(nn.Linear(4, 4))",
    "a module that holds itself": "self.layers = self\n        self.me = self",
    "modules that hold each other": "parts = [nn.Sequential() for i in range(12)]\n"
    "        for a in parts: a.extend(parts)\n        self.parts = parts[0]",
    "a module held 2 ** 30 times": "x = nn.Linear(4, 4)\n"
    "        for i in range(30): x = nn.Sequential(x, x)\n        self.x = x",
    "one that is walked": "x = nn.Linear(4, 4)\n"
    "        for i in range(30): x = nn.Sequential(x, x)\n"
    "        self.count = len(list(x.modules())) + len(list(x.parameters()))",
}


@pytest.mark.parametrize("name", MODULES)
def test_modules_without_end_are_a_finding(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(MODEL.format(MODULES[name]), "utf-8")
    start = time.process_time()
    (report,) = check([path], Settings())
    assert time.process_time() - start < 3 * SECONDS
    assert report.error is None
    assert "FGL999" not in {each.code for each in report.diagnostics}


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`reversed` and every assignment to an item have a fault."""

    def broken(site: Site, *given: Value) -> Value:
        raise LookupError("by mistake")

    def broken_store(*given: object) -> None:
        raise LookupError("by mistake")

    monkeypatch.setitem(BUILTINS, "reversed", broken)
    monkeypatch.setattr("forgather_lint.python.interpreter.stores.set_item", broken_store)
    guard.show_faults(False)
    yield
    guard.show_faults()


@pytest.mark.usefixtures("faulty")
def test_a_fault_leaves_its_value_undecided_and_nothing_else() -> None:
    assert assumed_in_interpreter("x = reversed([1])\nresult = 2") == End("int 2")
    assert in_interpreter("x = reversed([1])\nresult = 2") == UNDECIDED  # it may have raised
    assert in_interpreter("reversed([1])") == UNDECIDED
    assert in_interpreter("x = [1]\nreversed(x)\nresult = x[5]") == UNDECIDED
    assert in_interpreter("x = [1]\nx[0] = 3\nresult = 2") == UNDECIDED


@pytest.mark.usefixtures("faulty")
def test_a_fault_has_its_place(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(MODEL.format("x = {}\n        x[0] = nn.Linear(4, 4)"), "utf-8")
    (report,) = check([path], Settings())
    (found,) = [each for each in report.diagnostics if each.code == "FGL902"]
    assert found.span.start.row == 8
    assert "internal-error" in found.message


@pytest.mark.usefixtures("faulty")
def test_a_fault_is_seen_under_debug(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(MODEL.format("self.order = reversed([1])"), "utf-8")
    with pytest.raises(LookupError):
        list(check([path], Settings(debug=True)))
