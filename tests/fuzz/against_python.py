"""Random expressions of plain Python: the interpreter must not contradict CPython.

    python -m tests.fuzz.against_python --count 200000 --seed 13

Each is made from a grammar of literals, operators, builtins, methods, comprehensions and calls. No
operation may have a bug (bugs end the run here), and the interpreter must decide nothing that
Python does not. The same seed makes the same expressions.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice

from forgather_lint.python.interpreter import guard
from tests.python_oracle import UNDECIDED, in_interpreter, in_python
from tools import command_line

NUMBERS = "0 1 -1 2 3 7 10 255 10**6 2**40 0.0 1.5 -0.5 1e308 True False None 2j".split()
TEXTS = ["''", "'a'", "'abc'", "'a,b'", "'7'", "' x '", "b''", "b'ab'", "'{}'", "'%s %d'", "'A'"]
BINARY = "+ - * / // % ** & | ^ << >> == != < <= > >= and or in is".split()
SMALL = "+ - * // % & | == != < and or".split()
BUILTINS = (
    "abs all any ascii bin bool bytes callable chr dict divmod enumerate filter float format "
    "frozenset hash hex int isinstance len list map max min oct ord pow range repr reversed round "
    "set slice sorted str sum tuple type zip"
).split()
METHODS = (
    "lower upper title capitalize strip lstrip split rsplit splitlines partition startswith "
    "endswith replace removeprefix find rfind index count isdigit isalpha join format encode "
    "decode hex center ljust zfill append extend insert pop remove clear copy reverse sort get "
    "keys values items setdefault update add discard union issubset bit_length is_integer "
    "conjugate as_integer_ratio nothing real"
).split()


class Grammar:
    """Makes expressions of a bounded depth."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def __iter__(self) -> Iterator[str]:
        while True:
            yield self.expression(self.random.randint(1, 3))

    def expression(self, depth: int) -> str:
        """One expression."""
        if depth == 0:
            return self.random.choice(self.random.choice((NUMBERS, NUMBERS, TEXTS, ["x", "[]"])))
        makers = (
            (self.display, 3),
            (self.operator, 5),
            (self.call, 5),
            (self.method, 4),
            (self.subscript, 3),
            (self.comprehension, 1),
            (self.conditional, 1),
            (self.formatted, 1),
            (self.function, 1),
        )
        kinds, weights = zip(*makers, strict=True)
        made: str = self.random.choices(kinds, weights)[0](depth - 1)
        return made

    def some(self, depth: int, most: int = 3) -> str:
        """Up to `most` expressions, separated by commas."""
        return ", ".join(self.expression(depth) for _ in range(self.random.randint(0, most)))

    def display(self, depth: int) -> str:
        inside = self.some(depth)
        pairs = [f"{self.expression(0)}: {self.expression(depth)}" for _ in range(2)]
        forms = [f"[{inside}]", f"({inside},)" if inside else "()", f"{{{inside or 1}}}"]
        return self.random.choice(
            [*forms, f"{{{', '.join(pairs)}}}", f"[*{self.expression(depth)}]"]
        )

    def operator(self, depth: int) -> str:
        if self.random.random() < 0.2:
            return f"({self.random.choice(['-', '+', '~', 'not '])}{self.expression(depth)})"
        sign = self.random.choice(BINARY if depth == 0 else SMALL)
        return f"({self.expression(depth)} {sign} {self.expression(depth)})"

    def call(self, depth: int) -> str:
        name = self.random.choice(BUILTINS)
        if name in ("isinstance", "map", "filter"):
            kind = self.random.choice(["int", "str", "list", "bool", "(int, str)", "len"])
            pair = [kind, self.expression(depth)]
            return f"{name}({', '.join(pair if name != 'isinstance' else pair[::-1])})"
        return f"{name}({self.some(depth, 2) or self.expression(depth)})"

    def method(self, depth: int) -> str:
        return f"({self.expression(depth)}).{self.random.choice(METHODS)}({self.some(0, 2)})"

    def subscript(self, depth: int) -> str:
        bounds = [self.random.choice(["", self.expression(0)]) for _ in range(3)]
        key = self.random.choice([self.expression(0), ":".join(bounds)])
        return f"({self.expression(depth)})[{key}]"

    def comprehension(self, depth: int) -> str:
        inner, given = self.expression(depth), self.expression(depth)
        key = f"{inner}: x" if self.random.random() < 0.3 else inner
        opens, closes = self.random.choice([("[", "]"), ("{", "}")]) if key == inner else ("{", "}")
        test = self.random.choice(["", f" if {self.expression(0)}"])
        return f"{opens}{key} for x in {given}{test}{closes}"

    def conditional(self, depth: int) -> str:
        parts = [self.expression(depth) for _ in range(3)]
        return f"({parts[0]} if {parts[1]} else {parts[2]})"

    def formatted(self, depth: int) -> str:
        form = self.random.choice(["", "!r", "!s", ":5", ":>4", ":.2f", ":d", ":05", ":x"])
        inner = self.expression(0).replace('"', "").replace("\\", "").replace("{}", "")
        return f'f"a{{{inner}{form}}}b"'

    def function(self, depth: int) -> str:
        parameters = self.random.choice(["x", "x=1", "x, y=2", "*x", "**x", "x, *, y=3"])
        return f"(lambda {parameters}: {self.expression(depth)})({self.some(0, 2)})"


def disagreement(text: str) -> str | None:
    """What the interpreter claims wrongly about `text`, None if nothing; see `python_oracle`."""
    ours = in_interpreter(text, throughout=True)
    if ours == UNDECIDED:
        return None
    truth = in_python(text)
    if ours.agrees_with(truth):
        return None
    return f"{text}\n  here:   {ours.told}\n  Python: {truth.told}"


def program(text: str) -> str:
    """The expression `text`, preceded by a definition of the name that it may use."""
    return f"x = 3\nresult = ({text})"


def look_for_disagreement(
    arguments: list[str],
    doc: str | None,
    texts: Callable[[int], Iterator[str]],
    disagreement: Callable[[str], str | None],
) -> int:
    """Run a command line that compares the first texts of a seed; returns the exit code."""
    parser = command_line.parser(doc)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=13)
    given = parser.parse_args(arguments)
    guard.show_faults()
    start, wrong = time.process_time(), 0
    for text in islice(texts(given.seed), given.count):
        try:
            found = disagreement(text)
        except Exception as error:  # noqa: BLE001 - a fault of ours is what is looked for
            found = f"{text}\n  FAULT: {error!r}"
        wrong += found is not None
        if found is not None:
            print(found)
    spent = time.process_time() - start
    print(f"{given.count} programs, seed {given.seed}: {wrong} wrong, {spent:.0f} s")
    return min(wrong, 1)


def main(arguments: list[str]) -> int:
    """Run the command line."""
    return look_for_disagreement(
        arguments, __doc__, lambda seed: map(program, Grammar(seed)), disagreement
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
