"""Random programs with conditions that the interpreter cannot decide: it must be right for all.

    python -m tests.fuzz.branches --count 20000 --seed 13

Each is run in CPython once for every way in which its conditions may come out. What the interpreter
decides of it has to be how all of these runs end. The same seed makes the same programs.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from itertools import product

from tests.fuzz.against_python import look_for_disagreement
from tests.python_oracle import UNDECIDED, End, in_interpreter, in_python

CONDITIONS = ("c", "e")
START = """class O:
    k = 0
    def __init__(self, n): self.n = n
    def up(self):
        self.n += 1
        return self.n
def put(x, y=[]):
    y.append(x)
    return len(y)
a, d, s, n, t, o = [1, 2], {'p': 1}, {1, 2}, 3, (1, 2), O(1)
"""
SIMPLE = (
    "a.append({i})|a.pop()|a.insert(0, {i})|a.remove({i})|a = a + [{i}]|a += [{i}]|a.clear()|"
    "a = [{i}]|a.extend(t)|a.reverse()|a.sort()|del a[{i}]|a[{i}] = {i}|a = a[1:]|a = list(d)|"
    "a = [x for x in a if x > {i}]|a = [x + 1 for x in a]|b = a|b.append({i})|a = sorted(s)|"
    "d['p'] = {i}|d['q'] = {i}|del d['q']|d.pop('p')|d.pop('q', {i})|d.setdefault('q', {i})|"
    "d.update(q={i})|d = {{}}|d.clear()|d = {{x: {i} for x in a}}|d = dict(d, r={i})|n = d['p']|"
    "n = d.get('q', {i})|n = len(d)|n = len(a)|n = len(s)|n = a[{i}]|n = a[-1]|n = sum(a)|"
    "n = max(a)|n += 1|n = n * {i}|n = -n|del n|n = t[0]|n = o.n|n = put({i})|n = o.up()|"
    "n = next(iter(a))|n = next(iter(d.values()))|x, y = t|x, *y = a|n, = a|n = {i} if a else n|"
    "s.add({i})|s.remove({i})|s.discard({i})|s = s | {{{i}}}|s = set(a)|s.clear()|s.pop()|"
    "t = t + ({i},)|t = tuple(a)|t = (n, n)|t = t[1:]|o.n = {i}|o.m = {i}|n = o.m|del o.m|"
    "del o.n|o = O({i})|O.k = {i}|n = o.k|n = getattr(o, 'm', {i})|n = hasattr(o, 'm')|"
    "n = 'q' in d|n = {i} in a|n = {i} in s|n = bool(a)|n = not d|n = a == [1, 2]|"
    "n = d == {{'p': 1}}|"
    "n = any(a)|n = all(x > 0 for x in a)|n = n or {i}|n = a and a[0]|n = ([] or [{i}])[0]|"
    "assert a|assert 'p' in d|assert n|assert {i} in a|assert hasattr(o, 'n')|"
    "raise ValueError({i})|"
    "n = f(n)|n = f(*a)|n = f(**d)|n = (lambda *v: len(v))(*a)|n = (lambda **v: len(v))(**d)|"
    "n = z|z = {i}|n = str(n)|n = [1, 2, 3][n]|n = 6 // n|n = int(n)|n = isinstance(n, int)|"
    "n = None"
).split("|")
TESTS = (
    "c|e|not c|c and e|a|d|n|n > 1|'q' in d|1 in a|len(a) > 1|hasattr(o, 'm')|n is None|c or n|"
    "n == 3|a == [1, 2]|o.n > 1|1 in s"
).split("|")


class Programs:
    """Makes programs of a few statements, some of which are in branches and loops."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def __iter__(self) -> Iterator[str]:
        while True:
            body = "f = lambda *v, **w: len(v) + 1\n" + self.block(2, self.random.randint(2, 5))
            yield f"{START}{body}\nresult = {self.random.choice(RESULTS)}"

    def block(self, depth: int, most: int) -> str:
        """Up to `most` statements."""
        return "\n".join(self.statement(depth) for _ in range(self.random.randint(1, most)))

    def statement(self, depth: int) -> str:
        """One statement."""
        if depth == 0 or self.random.random() < 0.4:
            return self.random.choice(SIMPLE).format(i=self.random.randint(0, 3))
        form = self.random.choice(FORMS)
        inner = [self.indented(self.block(depth - 1, 2)) for _ in range(form.count("{}"))]
        test = self.random.choice(TESTS) if self.random.random() < 0.4 else "c"
        return form.format(*inner, test=test)

    def indented(self, text: str) -> str:
        """`text` one level deeper."""
        return "\n".join(f"    {line}" for line in text.splitlines())


FORMS = (
    "if {test}:\n{}",
    "if {test}:\n{}",
    "if {test}:\n{}\nelse:\n{}",
    "if {test}:\n{}\nelif e:\n{}",
    "for x in a:\n{}",
    "for x in list(d):\n{}",
    "for x in a:\n{}\n    if {test}: break",
    "for x in a:\n    if {test}: continue\n{}",
    "for x in t:\n{}\nelse:\n{}",
    "try:\n{}\nexcept (ValueError, KeyError, IndexError):\n{}",
    "try:\n{}\nexcept Exception:\n{}\nelse:\n{}",
    "try:\n{}\nfinally:\n{}",
    "def f(*v, **w):\n    global a, d, s, n, t, o\n    if {test}: return 1\n{}\n    return 2",
    "def f(x=0, *v, q=0, p=0, r=0):\n    global a, d, s, n, t, o\n{}\n    return x",
    "while {test}:\n{}\n    break",
)
RESULTS = (
    "a",
    "d",
    "n",
    "s",
    "t",
    "o.n",
    "(a, d)",
    "(n, len(a))",
    "list(d)",
    "hasattr(o, 'm')",
    "O.k",
    "(a, t, n)",
    "f(n)",
)


def disagreement(text: str) -> str | None:
    """What the interpreter says of the program and some run of it in CPython does not; else None.

    Where every run raises, it may say what any of them does.
    """
    unknown = "import sys\nc, e = sys.version_info.one, sys.version_info.other\n"
    ours = in_interpreter(unknown + text)
    if ours == UNDECIDED:
        return None
    ends = {
        chosen: in_python(f"c, e = {chosen}\n{text}")
        for chosen in product((True, False), repeat=len(CONDITIONS))
    }
    if all(map(_raises, ends.values())) and ours in ends.values():
        return None
    for chosen, truth in ends.items():
        if not ours.agrees_with(truth):
            return _told(text, ours, chosen, truth)
    return None


def _raises(end: End) -> bool:
    return end.told is not None and end.told.partition(":")[0].endswith("Error")


def _told(text: str, ours: End, chosen: tuple[bool, ...], truth: End) -> str:
    program = text.removeprefix(START)
    return f"{program}\n  here:   {ours.told}\n  Python: {truth.told} with c, e = {chosen}\n"


def main(arguments: list[str]) -> int:
    """Run the command line."""
    return look_for_disagreement(
        arguments, __doc__, lambda seed: iter(Programs(seed)), disagreement
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
