"""The recipes of makefiles and justfiles as shell scripts, their variables filled in.

Sources: GNU Make Manual, 5.1 and 6.2; just, "Substitution", "Recipe Parameters", "Shebang Recipes".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial

from forgather_lint.documents.commands.located import Located
from forgather_lint.documents.commands.variables import Variables

Recipe = tuple[Located, Variables]

_MAKE_VARIABLE = re.compile(r"^([A-Za-z_]\w*)[ \t]*(?:::?|\?)?=[ \t]*(.*)$", re.MULTILINE)
_MAKE_USE = re.compile(r"\$[({]([A-Za-z_]\w*)[)}]")
_JUST_VARIABLE = re.compile(r"^(?:export[ \t]+)?([A-Za-z_][\w-]*)[ \t]*:=[ \t]*(.*)$", re.MULTILINE)
_JUST_HEADER = re.compile(r"^@?[A-Za-z_][\w-]*((?:[ \t][^:\n]*)?):(?!=)[^\n]*$", re.MULTILINE)
_JUST_PARAMETER = re.compile(
    r"[$+*]*(?P<name>[A-Za-z_][\w-]*)(?:[ \t]*=[ \t]*(?P<value>'[^'\n]*'|\"[^\"\n]*\"))?"
)
_JUST_USE = re.compile(r"\{\{([^{}\n]*)\}\}")
_LITERAL = re.compile(r"'([^'\n]*)'|\"([^\"\\\n]*)\"")
_MAKE_PREFIX = re.compile(r"(?<!\\\n)^\t[@+-]*", re.MULTILINE)
_JUST_PREFIX = re.compile(r"(?<!\\\n)^[ \t]+[@-]*", re.MULTILINE)


def of_makefile(whole: Located) -> Iterator[Recipe]:
    """The recipes (lines with a tab) of a makefile."""
    values = {
        found[1]: found[2].strip()
        for found in _MAKE_VARIABLE.finditer(whole.text)
        if "$" not in found[2] and not found[2].rstrip().endswith("\\")
    }
    for start, end in _indented(whole.text, "\t"):
        recipe = _without(_MAKE_PREFIX, whole.part(start, end))
        plain = recipe.rewritten(_MAKE_USE, lambda found: f"${{{found[1]}}}")
        doubled = [found.start() for found in re.finditer(r"\$\$", plain.text)]
        yield plain.without(doubled), Variables.given(dict(values), whole.span(start, start + 1))


def of_justfile(whole: Located) -> Iterator[Recipe]:
    """The recipes of a justfile, each with its parameters' defaults."""
    text = whole.text
    assigned = {found[1]: _literal(found[2]) for found in _JUST_VARIABLE.finditer(text)}
    headers = {found.end() + 1: found[1] for found in _JUST_HEADER.finditer(text)}
    for start, end in _indented(text, (" ", "\t")):
        if start not in headers:
            continue
        taken = _JUST_PARAMETER.finditer(headers[start])
        parameters = {each["name"]: _literal(each["value"] or "") for each in taken}
        known = {**assigned, **parameters}
        recipe = _without(_JUST_PREFIX, whole.part(start, end))
        yield recipe.rewritten(_JUST_USE, partial(_value, known)), Variables()


def _value(known: Mapping[str, str | None], use: re.Match[str]) -> str:
    """What `{{expression}}` stands for, or a variable of the shell that is not known."""
    expression = use[1].strip()
    value = known.get(expression) if expression in known else _literal(expression)
    return "${}" if value is None else value


def _literal(text: str) -> str | None:
    """The value of a string of just that is nothing else."""
    found = _LITERAL.fullmatch(text.partition(" #")[0].strip())
    return None if found is None else found[1] or found[2] or ""


def _without(pattern: re.Pattern[str], text: Located) -> Located:
    return text.rewritten(pattern, lambda _: "")


def _indented(text: str, by: str | tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Start and end of each run of indented lines, including lines continued with a backslash."""
    start: int | None = None
    offset, continued = 0, False
    for line in text.splitlines(keepends=True):
        inside = line.startswith(by) or (continued and start is not None)
        if inside and start is None:
            start = offset
        if not inside and start is not None:
            yield start, offset
            start = None
        continued = line.rstrip("\n").endswith("\\")
        offset += len(line)
    if start is not None:
        yield start, offset
