"""The YAML file of `--config`, whose entries stand for options of the command.

Source: vllm/utils/argparse_utils.py, `FlexibleArgumentParser._pull_args_from_config` and
`load_config_file`. Only the word `--config` by itself is looked for: the file of `--config=FILE` is
not read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from forgather_lint.core.files import is_file, read_at_most
from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.core.words import Word, Words
from forgather_lint.documents.commands.found import MOST_BYTES, ServingCommand
from forgather_lint.documents.commands.options_file import Entry, OptionsFile, read_options
from forgather_lint.engines.fact import Fact
from forgather_lint.engines.vllm.profile import VllmProfile
from forgather_lint.engines.vllm.serve_command import OPTIONS_FILE
from forgather_lint.engines.vllm.serve_options import NEGATED, ServeOption
from forgather_lint.facts.command import OptionsConflict
from forgather_lint.facts.release import Reaction

_YAML = ("yaml", "yml")


@record
class FilledCommand:
    """The words of a command with those of its file in their place.

    `file` is what was read, `refused` why the release ends before it reads any option.
    """

    words: Words
    file: Path | None = None
    refused: OptionsConflict | None = None


def with_file(
    found: ServingCommand,
    release: VllmProfile,
    options: Mapping[str, ServeOption],
    bases: Sequence[Path],
) -> FilledCommand:
    """The words of a command as the release finds them, where its file is on this machine."""
    return _Filling(found, release, options, bases).filled()


@record
class _Filling:
    found: ServingCommand
    release: VllmProfile
    options: Mapping[str, ServeOption]
    bases: Sequence[Path]

    @property
    def words(self) -> Words:
        return self.found.arguments

    @port_of("vllm/utils/argparse_utils.py", "FlexibleArgumentParser")
    def filled(self) -> FilledCommand:
        words, facts = self.words, self.release.command
        places = [at for at, word in enumerate(words) if word.text == OPTIONS_FILE]
        if not places:
            return FilledCommand(words)
        at = places[0]
        where = words[at].span
        if len(places) > 1:
            where = words[places[1]].span
            return self._refused(facts.file_twice, where, "`--config` is given twice")
        if at + 1 == len(words):
            return self._refused(facts.file_missing, where, "`--config` lacks its file")
        name = words[at + 1].text
        if name is None:
            return FilledCommand(words)
        suffix = name.rpartition(".")[2]
        if suffix not in _YAML:
            message = "the file of `--config` is not called .yaml or .yml"
            return self._refused(facts.file_suffix, words[at + 1].span, message, suffix=suffix)
        on_host = self.found.around.on_host(name)
        path = next((base / on_host for base in self.bases if is_file(base / on_host)), None)
        read = _read(path) if path is not None else None
        if path is None or read is None:
            return FilledCommand(words)
        if read.kind != "dict":
            message = f"`{name}` holds no options"
            return self._refused(facts.file_empty, where, message, kind=read.kind)
        if any(not isinstance(entry.key, str) for entry in read.entries):
            return FilledCommand(words)
        given = tuple(self._given(read.entries))
        return replace(self._placed(given, at), file=path)

    def _placed(self, given: Words, at: int) -> FilledCommand:
        """The words with `given`, those of the file, behind the model or before all others."""
        rest = (*self.words[:at], *self.words[at + 2 :])
        if not self.found.positional:
            return FilledCommand((*given, *rest))
        first = self.words[0]
        said = first.beginning if first.text is None else first.text
        if first.text is None and (first.several or not said):
            return FilledCommand(self.words)
        named = any((word.text or word.beginning).partition("=")[0] == "--model" for word in rest)
        if not said.startswith("-"):
            return FilledCommand((rest[0], *given, *rest[1:]))
        if not named and not any(word.text == "--model" for word in given):
            message = "neither the command nor the file of `--config` names a model"
            return self._refused(self.release.command.file_model, self.words[at].span, message)
        return FilledCommand((*given, *rest))

    def _given(self, entries: Sequence[Entry]) -> Iterator[Word]:
        """The words that the entries stand for."""
        facts = self.release.command
        for entry in entries:
            name, value = f"--{entry.key}", entry.value
            if isinstance(value, bool):
                negated = f"{NEGATED}{entry.key}"
                if value:
                    yield Word(name, entry.key_at)
                elif facts.file_negates.value and negated in self.options:
                    yield Word(negated, entry.key_at)
            elif isinstance(value, list):
                if value:
                    yield Word(name, entry.key_at)
                items = zip(value, entry.items_at, strict=True)
                yield from (Word(str(item), span) for item, span in items)
            else:
                yield Word(name, entry.key_at)
                is_object = isinstance(value, dict) and facts.file_objects.value
                yield Word(_json(value) if is_object else str(value), entry.value_at)

    def _refused(
        self, fact: Fact[Reaction], where: Place, message: str, **parts: object
    ) -> FilledCommand:
        said = fact.value
        text = f"{said.raises}: {said.say(**parts)}"
        return FilledCommand(
            self.words, refused=OptionsConflict(where, message, text, str(self.release))
        )


def _json(value: object) -> str | None:
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return None


def _read(path: Path) -> OptionsFile | None:
    try:
        return read_options(str(path), read_at_most(path, MOST_BYTES).decode("utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
