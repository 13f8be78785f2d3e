"""The commands in one file, according to the format of the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from forgather_lint.core.files import read_at_most
from forgather_lint.core.source import Position
from forgather_lint.core.words import Word, Words
from forgather_lint.documents.commands.found import (
    MOST_BYTES,
    MOST_COMMANDS,
    Launch,
    ServingCommand,
    Surroundings,
    kind_of,
    of_container,
    release_of,
    serving,
)
from forgather_lint.documents.commands.located import Located, located
from forgather_lint.documents.commands.nested import scripts_in
from forgather_lint.documents.commands.recipes import Recipe, of_justfile, of_makefile
from forgather_lint.documents.commands.shell import Command, commands
from forgather_lint.documents.commands.units import KINDS, units
from forgather_lint.documents.commands.variables import Variables

DEEPEST = 4
"""How deep a script may stand in others."""


def commands_of(path: Path, launch: Launch) -> tuple[ServingCommand, ...]:
    """The commands in the file `path` that start the server of `launch`. Raises `OSError`."""
    text = read_at_most(path, MOST_BYTES).decode("utf-8", "replace")
    return commands_in(str(path), text, kind_of(path) or "shell", launch)


def commands_in(path: str, text: str, kind: str, launch: Launch) -> tuple[ServingCommand, ...]:
    """The commands in a text of this `kind` that start the server of `launch`."""
    text = text.replace("\r\n", "\n")
    if kind == "yaml":
        # YAML is loaded only where a file speaks of vLLM.
        from forgather_lint.documents.commands.manifests import in_yaml

        found = in_yaml(path, text, launch)
    elif kind == "python":
        from forgather_lint.documents.commands.calls import in_python  # as for YAML

        found = in_python(path, text, launch)
    else:
        found = _in_lines(located(path, text), launch, kind)
    return tuple(islice(_distinct(found), MOST_COMMANDS))


def _distinct(found: Iterator[ServingCommand]) -> Iterator[ServingCommand]:
    """Each command once, though a loop has it once for each of its turns."""
    seen = set()
    for each in found:
        key = (each.arguments, tuple(sorted(each.environment.items(), key=str)), each.call is None)
        if each.call is not None or key not in seen:
            seen.add(key)
            yield each


def in_script(
    source: Located,
    launch: Launch,
    variables: Variables | None = None,
    around: Surroundings | None = None,
) -> Iterator[ServingCommand]:
    """The commands in the text of a shell script, and in the scripts that these hold."""
    yield from _in_script(source, launch, variables, around, 0)


def _in_script(
    source: Located,
    launch: Launch,
    variables: Variables | None,
    around: Surroundings | None,
    depth: int,
) -> Iterator[ServingCommand]:
    for command in commands(source, variables):
        yield from _of_command(source.path, command, launch, around, depth)


def _of_command(
    path: str, command: Command, launch: Launch, around: Surroundings | None, depth: int
) -> Iterator[ServingCommand]:
    """The commands in the scripts that `command` holds, else itself if it is one."""
    inside = False
    for script, known in scripts_in(command) if depth < DEEPEST else ():
        for each in _in_script(script, launch, known, around, depth + 1):
            inside = True
            yield each
    found = None if inside else serving(path, command, launch, around)
    if found is not None:
        yield found


_INSTRUCTION = re.compile(r"^[ \t]*(FROM|ENV|ARG|CMD|ENTRYPOINT|RUN|COPY|ADD)[ \t]+", re.M | re.I)


def _docker(whole: Located, launch: Launch) -> Iterator[ServingCommand]:
    """What the image of a Dockerfile runs: the last entry point with the last command."""
    path, text = whole.path, whole.text
    variables, around = Variables(), Surroundings()
    entry: Words = ()
    command: Words = ()
    texts: dict[Position, Located] = {}
    image: Word | None = None

    def built() -> Iterator[ServingCommand]:
        words = (*entry, *command)
        if not words:
            return
        started = Command(words, dict(variables.exported), texts, scope=variables)
        found = list(_of_command(path, started, launch, around, 0))
        yield from found
        if found:
            return
        if image is not None and not entry and launch.image.search(image.text or ""):
            served = of_container(path, words, launch, around, dict(variables.exported))
            yield from () if served is None else (served,)

    for start, end in _instructions(text):
        found = _INSTRUCTION.match(text, start)
        assert found is not None
        name, body = found[1].upper(), whole.part(found.end(), end)
        if name == "FROM":
            yield from built()
            entry, command = (), ()
            image = next(_plain(body, variables), None)
            tag = launch.image.search((image.text if image else "") or "")
            around = Surroundings(release_of(tag) if tag else None)
        elif name in ("ENV", "ARG"):
            _assign(body, variables, exported=name == "ENV")
        elif name == "RUN":
            yield from in_script(body, launch, variables, around)
        elif name in ("COPY", "ADD"):
            mounted = {**around.mounted, **_copied(body, variables)}
            around = replace(around, mounted=mounted)
        else:
            words = tuple(_exec_form(body, variables, texts))
            if name == "CMD":
                command = words
            else:
                entry, command = words, ()
    yield from built()


def _instructions(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each instruction that matters here; a backslash continues a line."""
    for found in _INSTRUCTION.finditer(text):
        end = found.end()
        while True:
            newline = text.find("\n", end)
            if newline < 0:
                end = len(text)
                break
            line = text[text.rfind("\n", 0, newline) + 1 : newline]
            end = newline + 1
            if not line.rstrip().endswith("\\") and not line.lstrip().startswith("#"):
                end = newline
                break
        yield found.start(), end


def _plain(body: Located, variables: Variables) -> Iterator[Word]:
    for command in commands(body, variables):
        yield from (word for word in command.words if not (word.text or "").startswith("--"))


def _assign(body: Located, variables: Variables, *, exported: bool) -> None:
    """Record the assignments of `ENV A=1 B=2`, `ENV A 1` or `ARG A=1`."""
    words = [word for command in commands(_quoted(body), Variables()) for word in command.words]
    pairs = [(word, *(word.text or "").partition("=")) for word in words]
    if pairs and not pairs[0][2] and len(words) > 1:
        pairs = [(words[0], words[0].text or "", "=", words[1].text or "")]
    for word, name, assigns, value in pairs:
        variables.values[name] = (Word(value, word.span),) if assigns else None
        if exported and assigns:
            variables.exported[name] = value


def _quoted(body: Located) -> Located:
    """`body` behind one more word, so that assignments in it are not taken for the shell's own."""
    first = body.at[:1] or (Position(1, 1),)
    return Located(body.path, f": {body.text}", (*first, *first, *body.at))


_ESCAPE = re.compile(r"\\(.)")


def _copied(body: Located, variables: Variables) -> dict[str, str]:
    """The one folder that `COPY models/llama /model` lays into the image, by its name there."""
    words = [word.text or "" for word in _exec_form(body, variables)]
    named = [word for word in words if not word.startswith("--")]
    elsewhere = any(word.startswith("--from") for word in words)
    if elsewhere or len(named) != 2 or not named[0] or not named[1].startswith("/"):
        return {}
    return {named[1].rstrip("/"): named[0]}


def _exec_form(
    body: Located, variables: Variables, texts: dict[Position, Located] | None = None
) -> Iterator[Word]:
    """The words of an instruction: a JSON list `["vllm", "serve"]`, else split as by a shell.

    Those that hold blanks are noted in `texts`, as scripts that a shell may be given.
    """
    text = body.text.strip()
    if text.startswith("["):
        for found in re.finditer(r'"((?:[^"\\]|\\.)*)"', body.text):
            inner = body.part(*found.span(1)).rewritten(_ESCAPE, lambda escape: escape[1])
            word = Word(inner.text, body.span(found.start(), found.end()))
            if texts is not None and " " in inner.text:
                texts[word.span.start] = inner
            yield word
        return
    for command in commands(body, variables):
        yield from command.words
        return


def _units(whole: Located, launch: Launch, kind: str) -> Iterator[ServingCommand]:
    """The commands of a unit, with the variables that it sets."""
    variables = Variables()
    for unit in units(whole, kind):
        if unit.assigns:
            _assign(unit.body, variables, exported=True)
        else:
            yield from in_script(unit.body, launch, variables)


def _recipes(recipes: Iterator[Recipe], launch: Launch) -> Iterator[ServingCommand]:
    for recipe, variables in recipes:
        yield from in_script(recipe, launch, variables)


def _in_lines(whole: Located, launch: Launch, kind: str) -> Iterator[ServingCommand]:
    """The commands in a text that is neither YAML nor Python."""
    if kind in KINDS:
        return _units(whole, launch, kind)
    if kind == "make":
        return _recipes(of_makefile(whole), launch)
    if kind == "just":
        return _recipes(of_justfile(whole), launch)
    return _docker(whole, launch) if kind == "docker" else in_script(whole, launch)
