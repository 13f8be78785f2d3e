"""Commands in YAML: compose files, Kubernetes manifests, workflows of a CI.

Every mapping that names an image or a command is a container, whichever kind of document it stands
in; every text under `run:`, `script:` or a key like it is a shell script.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

import yaml

from forgather_lint.core.source import Position, Span
from forgather_lint.core.words import Word
from forgather_lint.documents.commands.found import (
    Launch,
    ServingCommand,
    Surroundings,
    of_container,
    release_of,
    serving,
)
from forgather_lint.documents.commands.located import Located, located
from forgather_lint.documents.commands.nested import SCRIPTS, SHELLS, name_of
from forgather_lint.documents.commands.shell import Command, commands
from forgather_lint.documents.commands.texts import in_script
from forgather_lint.documents.commands.variables import Variables

DEEPEST = 40
MOST_NODES = 50_000
_SCRIPT_KEYS = frozenset({"run", "script", "before_script", "after_script", "inlineScript"})
_CONTAINER_KEYS = frozenset({"command", "args", "entrypoint"})
_MERGE = "<<"
_DEVICES = re.compile(r"(?:nvidia|amd|gpu\.intel)\.com/\w+|habana\.ai/gaudi")
_COMPOSE_VARIABLE = re.compile(r"\$\$|\$\{(\w+)(?::?-([^}]*))?\}|\$(\w+)")
_INSIDE = r"\{\{(?:[^{}]|\{(?!\{)|\}(?!\})){0,1000}\}\}"
_ACTION = re.compile(rf"\$?{_INSIDE}")
_ACTION_LINE = re.compile(rf"^[ \t]*(?:{_INSIDE}[ \t]*)+$", re.MULTILINE)
_COMMAND_KEY = re.compile(
    r"(?<![A-Za-z])(?:command|cmd|script|run)s?(?![a-z])|(?:Command|Cmd|Script|Run)s?(?![a-z])"
    r"|(?<![A-Z])(?:COMMAND|CMD|SCRIPT|RUN)S?(?![A-Z])"
)
"""A whole word of a key: `run_command`, `startCommand`, `CMD`; none in `description`, `runtime`."""

Mapped = Mapping[str, tuple[yaml.ScalarNode, yaml.Node]]


def in_yaml(path: str, text: str, launch: Launch) -> Iterator[ServingCommand]:
    """The commands in all documents of a YAML text; nothing where it is no YAML."""
    decided = [text.count("\n", 0, found.start()) for found in _ACTION_LINE.finditer(text)]
    text = _ACTION.sub(_unknown, _ACTION_LINE.sub(_blank, text))
    reader = _ManifestReader(path, text, launch, decided)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if _too_deep(text, loader):
            return
        documents = list(yaml.compose_all(text, Loader=loader))
    except (yaml.YAMLError, RecursionError, UnicodeEncodeError):
        return
    for document in documents:
        yield from reader.walk(document, 0)


def _blank(found: re.Match[str]) -> str:
    """Nothing, at the places of an action of a template that stands on lines of its own."""
    return re.sub(r"[^\n]", " ", found[0])


def _unknown(found: re.Match[str]) -> str:
    """An unknown variable, at the places of an action that is filled in (`{{ .Values.model }}`)."""
    return "$" + re.sub(r"[^\n]", "x", found[0][1:])


def _too_deep(text: str, loader: type[yaml.SafeLoader]) -> bool:
    """Whether the text nests deeper than any honest file.

    The YAML events are counted without recursion.
    """
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            return True
    return False


class _ManifestReader:
    """Reads the documents of one text; `decided`: its lines with actions of a template (Helm)."""

    def __init__(self, path: str, text: str, launch: Launch, decided: list[int]) -> None:
        self.path, self.text, self.launch, self.decided = path, text, launch, decided
        self.left = MOST_NODES
        self.seen: set[tuple[int, int]] = set()
        self.texts: dict[Position, Located] = {}
        """The scalars that were made words, by where they begin."""

    def walk(self, node: yaml.Node | None, depth: int) -> Iterator[ServingCommand]:
        """Every container and every script below `node`; aliases are followed once."""
        self.left -= 1
        if node is None or depth > DEEPEST or self.left < 0:
            return
        at = (node.start_mark.index, node.end_mark.index)
        if at in self.seen and not isinstance(node, yaml.ScalarNode):
            return
        self.seen.add(at)
        if isinstance(node, yaml.SequenceNode):
            for each in node.value:
                yield from self.walk(each, depth + 1)
        elif isinstance(node, yaml.MappingNode):
            entries = self._entries(node)
            yield from self._container(entries)
            for name, (_, value) in entries.items():
                if name in _SCRIPT_KEYS or name.endswith(SCRIPTS):
                    for script in self._scripts(value):
                        yield from self._of_script(script)
                elif name not in _CONTAINER_KEYS and _COMMAND_KEY.search(name):
                    yield from self._named_command(value)
                yield from self.walk(value, depth + 1)

    def _entries(self, node: yaml.MappingNode, depth: int = 0) -> Mapped:
        """The entries of a mapping, with those that `<<: *other` adds."""
        own = {
            str(key.value): (key, value)
            for key, value in node.value
            if isinstance(key, yaml.ScalarNode)
        }
        if _MERGE not in own or depth > DEEPEST:
            return own
        _, merged = own.pop(_MERGE)
        others = merged.value if isinstance(merged, yaml.SequenceNode) else [merged]
        for each in others:
            if isinstance(each, yaml.MappingNode):
                own = {**self._entries(each, depth + 1), **own}
        return own

    def _named_command(self, node: yaml.Node) -> Iterator[ServingCommand]:
        """The text under a key such as `run_command:`, if it begins as a command of the engine."""
        if not isinstance(node, yaml.ScalarNode):
            return
        text = self.located(node)
        if text.text.split()[:2] == [self.launch.program, self.launch.verb]:
            yield from self._of_script(text)

    def _of_script(
        self,
        script: Located,
        variables: Variables | None = None,
        around: Surroundings | None = None,
    ) -> Iterator[ServingCommand]:
        """The commands of a script, with what a template may leave out or add unknown."""
        rows = range(script.at[0].row, script.at[-1].row + 1) if script.at else range(0)
        decided = any(each + 1 in rows for each in self.decided)
        for found in in_script(script, self.launch, variables, around):
            yield _with_branches(found, script.span(0, 1)) if decided else found

    def _scripts(self, node: yaml.Node) -> Iterator[Located]:
        if isinstance(node, yaml.ScalarNode):
            yield self.located(node)
        elif isinstance(node, yaml.SequenceNode):
            yield from (
                self.located(each) for each in node.value if isinstance(each, yaml.ScalarNode)
            )

    def _container(self, entries: Mapped) -> Iterator[ServingCommand]:
        """A container's command, of `command`, `entrypoint` (compose), `args` (Kubernetes)."""
        image = entries.get("image")
        command = entries.get("command")
        args = entries.get("args")
        entry = entries.get("entrypoint")
        if not (command or args or entry):
            return
        of_kubernetes = args is not None or ("env" in entries and "environment" not in entries)
        parts = [each for each in ((command, args) if of_kubernetes else (entry, command)) if each]
        words = [word for _, value in parts for word in self._words(value)]
        decided = bool(parts) and self._is_decided(parts[0][0].start_mark.line, words)
        named = self._word(image[1]) if image is not None else None
        image_name = self.launch.image.search((named.text if named else "") or "")
        around = self._around(entries, image_name)
        script = self._script_of(words)
        if script is not None:
            variables = Variables.given(around.environment, script.span(0, 1))
            yield from self._of_script(script, variables, around)
            return
        found = serving(self.path, Command(tuple(words), around.environment), self.launch, around)
        if found is not None:
            yield _with_branches(found, words[-1].span) if decided else found
        elif named is not None and image_name is not None:
            overridden = entry is not None or (of_kubernetes and command is not None)
            if words and not overridden:
                served = of_container(self.path, words, self.launch, around, around.environment)
                if served is not None:
                    yield _with_branches(served, words[-1].span) if decided else served

    def _is_decided(self, line: int, words: list[Word]) -> bool:
        """Whether a template may leave out some of `words` or add others, from `line` on."""
        last = max((word.span.start.row for word in words), default=0)
        return any(line < each <= last for each in self.decided)

    def _script_of(self, words: list[Word]) -> Located | None:
        """The script in the words `sh -c SCRIPT`; None for other words."""
        for index, word in enumerate(words[:-1]):
            if name_of(words[0]) in SHELLS and re.fullmatch(r"-\w*c", word.text or ""):
                return self.texts.get(words[index + 1].span.start)
        return None

    def _words(self, node: yaml.Node) -> Iterator[Word]:
        if isinstance(node, yaml.SequenceNode):
            for each in node.value:
                yield self._word(each)
        elif isinstance(node, yaml.ScalarNode):
            for command in commands(self.located(node).rewritten(_COMPOSE_VARIABLE, _default)):
                yield from command.words
                return

    def _word(self, node: yaml.Node) -> Word:
        if not isinstance(node, yaml.ScalarNode):
            return Word(None, self._span(node), several=True)
        place = self.located(node)
        span = place.span(0, len(place.text))
        self.texts[span.start] = place
        value = _compose(str(node.value))
        if "$" in value:
            beginning = re.split(r"[${]", value)[0]
            return Word(None, span, several=not beginning, beginning=beginning)
        return Word(value, span)

    def _span(self, node: yaml.Node) -> Span:
        start = Position(node.start_mark.line + 1, node.start_mark.column + 1)
        return Span(self.path, start, Position(start.row, start.column + 1))

    def located(self, node: yaml.ScalarNode) -> Located:
        """The text of a scalar without YAML's quoting, each character at its place in the file."""
        start, end = node.start_mark, node.end_mark
        raw = located(
            self.path,
            self.text[start.index : end.index],
            Position(start.line + 1, start.column + 1),
        )
        if node.style in ("|", ">"):
            return _block(raw, folded=node.style == ">")
        if node.style in ("'", '"'):
            return raw.part(1, max(1, len(raw.text) - 1))
        return raw

    def _around(self, entries: Mapped, image: re.Match[str] | None) -> Surroundings:
        devices, devices_at = self._devices(entries)
        return Surroundings(
            release=release_of(image) if image else None,
            devices=devices,
            devices_at=devices_at,
            environment=self._environment(entries),
            mounted=self._mounted(entries),
        )

    def _environment(self, entries: Mapped) -> dict[str, str | None]:
        """Variables of `environment:` (compose: mapping or list) or `env:` (Kubernetes: list).

        The value is None where it is not written there.
        """
        found: dict[str, str | None] = {}
        for name in ("environment", "env"):
            node = entries[name][1] if name in entries else None
            if isinstance(node, yaml.MappingNode):
                for key, (_, value) in self._entries(node).items():
                    found[key] = _known(value)
            elif isinstance(node, yaml.SequenceNode):
                for each in node.value:
                    if isinstance(each, yaml.MappingNode):
                        pair = self._entries(each)
                        if "name" in pair:
                            content = pair["value"][1] if "value" in pair else None
                            found[str(pair["name"][1].value)] = _known(content)
                    elif isinstance(each, yaml.ScalarNode):
                        key, assigns, text = str(each.value).partition("=")
                        found[key] = text if assigns else None
        return found

    def _mounted(self, entries: Mapped) -> dict[str, str]:
        """The mounts (`./models:/models`) of compose, from container to host."""
        node = entries["volumes"][1] if "volumes" in entries else None
        found: dict[str, str] = {}
        for each in node.value if isinstance(node, yaml.SequenceNode) else ():
            if isinstance(each, yaml.ScalarNode) and ":" in str(each.value):
                host, _, inside = _compose(str(each.value)).partition(":")
                found[inside.partition(":")[0]] = host
        return found

    def _devices(self, entries: Mapped) -> tuple[int | None, Span | None]:
        """How many GPUs a container gets, and where that is written; None where nothing says it.

        Read are `nvidia.com/gpu: 4`, `count: 4` and `device_ids: [...]`.
        """
        for name in ("resources", "deploy"):
            if name not in entries:
                continue
            for key, node in self._pairs(entries[name][1], 0):
                text = str(node.value) if isinstance(node, yaml.ScalarNode) else ""
                if _DEVICES.fullmatch(key) and text.isdigit():
                    return int(text), self._span(node)
                if key == "count" and text.isdigit():
                    return int(text), self._span(node)
                if key == "device_ids" and isinstance(node, yaml.SequenceNode):
                    return len(node.value), self._span(node)
        return None, None

    def _pairs(self, node: yaml.Node, depth: int) -> Iterator[tuple[str, yaml.Node]]:
        if depth > DEEPEST:
            return
        if isinstance(node, yaml.MappingNode):
            for name, (_, value) in self._entries(node).items():
                yield name, value
                yield from self._pairs(value, depth + 1)
        elif isinstance(node, yaml.SequenceNode):
            for each in node.value:
                yield from self._pairs(each, depth + 1)


def _with_branches(found: ServingCommand, at: Span) -> ServingCommand:
    """`found` as a template makes it, with a word for what that may add."""
    unknown = Word(None, at, several=True)
    return replace(found, arguments=(*found.arguments, unknown), branches=True)


def _known(node: yaml.Node | None) -> str | None:
    if not isinstance(node, yaml.ScalarNode) or "$" in str(node.value):
        return None
    return str(node.value)


def _compose(text: str) -> str:
    """`text` with each variable of compose replaced by its default, and `$$` by one dollar."""
    return _COMPOSE_VARIABLE.sub(_default, text)


def _default(found: re.Match[str]) -> str:
    if found[0] == "$$":
        return "$"
    return found[2] if found[2] is not None else found[0]


def _block(raw: Located, *, folded: bool) -> Located:
    """The text of a block scalar, without header and indentation; `folded` lines are joined."""
    text = raw.text
    gone = set(range(text.find("\n") + 1))
    body = text[len(gone) :]
    indents = [len(line) - len(line.lstrip(" ")) for line in body.split("\n") if line.strip()]
    indent = min(indents, default=0)
    offset = len(gone)
    for line in body.split("\n"):
        gone.update(range(offset, offset + min(indent, len(line))))
        offset += len(line) + 1
    kept = raw.without(gone)
    if not folded:
        return kept
    joined = "".join(
        " " if letter == "\n" and kept.text[index + 1 : index + 2] not in ("\n", "") else letter
        for index, letter in enumerate(kept.text)
    )
    return Located(kept.path, joined, kept.at)
