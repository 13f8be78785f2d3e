"""The scan before libcst reads a text as Python does, and refuses what libcst dies of."""

from __future__ import annotations

import io
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

from forgather_lint.core.recursion import deep_recursion
from forgather_lint.documents.limits import MOST_TOKENS, refusal, tokens
from forgather_lint.documents.python import parse_python
from forgather_lint.documents.walk import descendants

ROOT = Path(__file__).parent.parent
LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}

DEADLY = {
    "brackets": ("x = " + "(" * 5_000 + ")" * 5_000, "brackets"),
    "brackets in an f-string": ("x = f'{" + "(" * 5_000 + "1" + ")" * 5_000 + "}'", "brackets"),
    "brackets behind nested quotes": (
        'x = f"{x["a"]' + "(" * 5_000 + "1" + ")" * 5_000 + '}"',
        "brackets",
    ),
    "fields in fields": ("x = " + 'f"{' * 2_000 + "1" + '}"' * 2_000, "brackets"),
    "fields in specifications": ('x = f"{1:' + "{1:" * 2_000 + "}" * 2_001 + '"', "brackets"),
    "fields behind a backslash": (
        "x = f'\\{" + "(" * 5_000 + "1" + ")" * 5_000 + "}'",
        "brackets",
    ),
    "`not` on lines": ("x = \\\n" + "not \\\n" * 20_000 + "1", "an expression"),
    "`lambda` on lines": ("x = \\\n" + "lambda: \\\n" * 20_000 + "1", "an expression"),
    "`lambda` with commas": ("x = " + "lambda a, b: " * 20_000 + "1", "an expression"),
    "sums on lines": ("x = 1\\\n" + "+1\\\n" * 20_000, "an expression"),
    "powers on lines": ("x = 1\\\n" + "**1\\\n" * 20_000, "an expression"),
    "calls with commas": ("x = f" + "(a,)" * 20_000, "an expression"),
    "strings with escaped newlines": ("x = '\\\n'\ny = " + "not " * 20_000 + "1", "an expression"),
    "strings that hold quotes": (
        'x = """\\""" """\ny = ' + "not " * 20_000 + '1  # """',
        "an expression",
    ),
    "carriage returns": ("x = \\\r" + "not \\\r" * 20_000 + "1", "an expression"),
    "many tokens": ("x = 1\n" * (MOST_TOKENS // 4 + 1), "more than"),
}


@pytest.mark.parametrize("name", DEADLY)
def test_what_ends_the_parser_is_refused(name: str) -> None:
    text, begins = DEADLY[name]
    assert (refusal(text + "\n") or "").startswith(begins)


HARMLESS = {
    "brackets in strings": "x = ['" + "(" * 5_000 + "', f'" + "{{" * 5_000 + "']",
    "brackets in comments": "x = 1  # " + "(" * 5_000,
    "a long list": "x = [" + "a + 1, " * 5_000 + "]",
    "a long text": "x = '''" + "not " * 5_000 + "'''",
    "lambdas in a list": "x = [" + "lambda a, b: a, " * 900 + "]",
    "many statements": "x = 1; " * 5_000,
    "a raw string that ends in a brace": r"x = rf'\{1}' + rb'\'' + '\\'",
    "a named letter": "x = f'\\N{LEFT CURLY BRACKET}' + f'{1:\\N{DASH}}'",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_libcst_can_parse_is_not_refused(name: str) -> None:
    assert refusal(HARMLESS[name] + "\n") is None


DEEP = {
    "strings": "''" + " ''" * 980,
    "`not`": "not " * 980 + "1",
    "signs": "-" * 980 + "1",
    "calls": "f" + "()" * 450,
    "subscripts": "f" + "[0]" * 320,
    "attributes": "f" + ".f" * 480,
    "powers": "1" + "**1" * 320,
    "sums": "1" + "+1" * 480,
    "comparisons": "1" + " < 1" * 480,
    "conditions": "1" + " if 1 else 1" * 230,
    "lambdas": "lambda: " * 480 + "1",
    "defaults of lambdas": "lambda a=" * 150 + "1" + ": 1" * 150,
}
"""Expressions as deep as the limits allow."""


@pytest.mark.parametrize("name", DEEP)
def test_what_is_parsed_has_places_and_can_be_written(name: str) -> None:
    """Whatever the release of Python allows of calls from C: 3.12.1 allows 1,500."""
    text = f"x = {DEEP[name]}; y\n"
    file = parse_python("m.py", text)
    with deep_recursion():
        assert file.tree.code == text
    *_, last = descendants(file.tree)
    assert file.span(last).start.column == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "x = f'{1!r:>{2}}' ; y\n",
        "x = f'{ {1: 2}[1] }' ; y\n",
        "x = f'{(lambda a: a)(1)}' ; y\n",
        "x = f'''{\n1}''' ; y\n",
        'x = f"{x["a"]}" ; y\n',
        'x = f"{f"{1}"}" ; y\n',
        "x = f'{{' ; y\n",
        "x = rf'\\'' ; y\n",
        "x = t'{1}' ; y\n",
    ],
)
def test_the_scan_finds_its_way_out_of_formatted_strings(text: str) -> None:
    assert list(tokens(text))[-3:] == [";", "y", "\n"]


def standard(text: str) -> list[str]:
    """The tokens as the standard library sees them; names, numbers and signs as the scan has.

    From 3.12 on it looks into f-strings: their text is left out, and the `:` before a format.
    """
    found: list[str] = []
    open_in: list[int] = []
    """Brackets that are open in each field; -1 where the text or the format of a string goes on."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        if kind == "STRING" or kind.endswith("STRING_START"):
            found.append("0")
        if kind.endswith("STRING_START"):
            open_in.append(-1)
        elif kind.endswith("STRING_END"):
            open_in.pop()
        elif kind == "OP" and open_in and token.string == ":" and open_in[-1] == 0:
            open_in[-1] = -1
        elif kind != "STRING" and "STRING_" not in kind and token.type not in LAYOUT:
            found.append(token.string or "\n")
            if kind == "OP" and open_in:
                _follow(open_in, token.string)
    return found


def _follow(open_in: list[int], sign: str) -> None:
    """Note a bracket inside of an f-string."""
    if sign == "{" and open_in[-1] < 0:
        open_in.append(0)
    elif sign == "}" and open_in[-1] <= 0:
        open_in.pop()
    else:
        open_in[-1] += (sign in "([{") - (sign in ")]}")


@pytest.mark.parametrize(
    "file", sorted(ROOT.glob("forgather_lint/*/*.py")), ids=lambda file: str(file.name)
)
def test_the_scan_agrees_with_the_standard_library(file: Path) -> None:
    text = file.read_text("utf-8")
    lines = [line for line in text.split("\n") if line]
    if sys.version_info < (3, 12) and any("f'" in line or 'f"' in line for line in lines):
        pytest.skip("before 3.12 `tokenize` does not look into f-strings")
    ours = "".join(token for token in tokens(text) if token != "\n")
    theirs = "".join(token for token in standard(text) if token != "\n")
    assert ours == theirs


def test_the_names_of_deadly_texts_are_no_idle_talk() -> None:
    """A process that parses one of them ends so."""
    parse = "import libcst; libcst.parse_module('x = ' + 'lambda: ' * 20_000 + '1')"
    assert subprocess.run([sys.executable, "-c", parse], check=False).returncode < 0
