"""How `vllm serve` reads the words of a command, and which it refuses.

A port of the relevant parts of argparse: abbreviated options, `--option=value`, values that a type
or a list of choices refuses, words that belong to no option. Nothing is said of words that are not
known.

Source: argparse (CPython 3.11), `ArgumentParser._parse_known_args`; vllm/utils/argparse_utils.py,
`FlexibleArgumentParser.parse_args`: underscores and dashes are the same, `--option.key value` is
part of a JSON value, `-O3` is a value of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.core.words import Word
from forgather_lint.engines.vllm.serve_options import ServeOption
from forgather_lint.facts.command import Given, RefusedFor, RefusedWord, ServeCommand

OPTIONS_FILE = "--config"
OPTIMIZED = "-O"
"""What it stands for differs by release: a level, or a part of the compilation's settings."""
_NUMBERS = ("int", "count", "float")
_NOTHING = ("", "None")
_COUNT = re.compile(r"\s*\d+(?:\.\d+)?[kmgtKMGT]\s*")
_SUFFIXED = re.compile(r"(\d+)(?:\.\d+)?[kKmMgGtT]\b")


@port_of("vllm/utils/argparse_utils.py", "FlexibleArgumentParser")
def read_command(
    words: Sequence[Word],
    options: Mapping[str, ServeOption],
    *,
    environment: Mapping[str, str | None],
    positional: bool = True,
    file: str = "",
) -> ServeCommand:
    """Read the words behind `vllm serve`, with the `options` of the release.

    `positional`: the first free word is the model; for `api_server` no free word is. `file` is
    where the words stand.
    """
    reader = _CommandReader(words, options, positional)
    reader.read()
    return ServeCommand(
        given=reader.given,
        model=reader.model,
        refused=tuple(reader.refused),
        complete=not reader.open,
        environment=environment,
        words=tuple(words),
        file=file,
    )


@record(frozen=False)
class _CommandReader:
    words: Sequence[Word]
    options: Mapping[str, ServeOption]
    positional: bool
    at: int = 0
    given: dict[str, Given] = field(default_factory=dict)
    model: Word | None = None
    refused: list[RefusedWord] = field(default_factory=list)
    open: bool = False
    """Whether a word that is not known may stand for any options."""

    def read(self) -> None:
        """Read all words."""
        while self.at < len(self.words):
            word = self.words[self.at]
            self.at += 1
            if word.text is None:
                self._unknown(word)
            elif word.text == "--":
                continue
            elif _looks_like_option(word.text):
                self._option(word, word.text)
            else:
                self._free(word)

    def _unknown(self, word: Word) -> None:
        name, assigns, _ = word.beginning.partition("=")
        if assigns and name.startswith("-"):
            self._option(word, word.beginning, value=Word(None, word.span))
        elif word.several or word.beginning.startswith("-"):
            self.open = True
        elif self.positional and self.model is None:
            self.model = word
        else:
            self.open = True

    def _free(self, word: Word) -> None:
        if self.positional and self.model is None:
            self.model = word
        elif not self.open:
            self.refused.append(RefusedWord(RefusedFor.FREE_WORD, word, word.text or ""))

    def _option(self, word: Word, text: str, value: Word | None = None) -> None:
        if text.startswith("-O"):
            if text == "-O" and self._follows():
                self.at += 1
            self.given[OPTIMIZED] = Given(OPTIMIZED, word, None, True)
            return
        name, explicit, said = text.partition("=")
        if explicit and value is None:
            value = Word(said, word.span)
        if name.startswith("--"):
            name = "--" + re.sub(r"^[^.]*", lambda part: part[0].replace("_", "-"), name[2:])
        whole, _, key = name.partition(".")
        option = self._find(whole, word)
        if option is None:
            return
        if key:
            self._part(option, word, value)
        elif option.is_bare:
            self._bare(option, whole, word, value)
        else:
            self._with_value(option, word, value)

    def _find(self, name: str, word: Word) -> ServeOption | None:
        exact = self.options.get(name)
        if exact is not None:
            return exact
        if name.startswith("--"):
            begun = [each for each in self.options if each.startswith(name)]
            found = {self.options[each].name: each for each in begun}
            if len(begun) == 1:
                return self.options[begun[0]]
            if len(found) > 1 or len(begun) > 1:
                self.refused.append(
                    RefusedWord(RefusedFor.AMBIGUOUS, word, name, ", ".join(begun[:6]))
                )
                return None
        self.refused.append(RefusedWord(RefusedFor.OPTION, word, name))
        if self._follows():
            self.at += 1  # its value: it goes with the option
        return None

    def _part(self, option: ServeOption, word: Word, value: Word | None) -> None:
        """`--option.key value`: a part of a JSON value."""
        if value is None and self._follows():
            self.at += 1
        self.given[option.name] = Given(option.name, word, None, True)

    def _bare(self, option: ServeOption, name: str, word: Word, value: Word | None) -> None:
        if value is not None:
            self.refused.append(
                RefusedWord(
                    RefusedFor.VALUE_OF_SWITCH, word, option.name, value.text or "", option.printed
                )
            )
            return
        self.given[option.name] = Given(option.name, word, None, name not in option.off)
        self._note(option, word)

    def _with_value(self, option: ServeOption, word: Word, value: Word | None) -> None:
        values = [value] if value is not None else list(self._values(option))
        if not values and option.takes != "optional":
            if not self.open:
                wanted = "at least one" if option.takes == "words" else "one"
                self.refused.append(
                    RefusedWord(RefusedFor.NO_VALUE, word, option.name, wanted, option.printed)
                )
            return
        for each in values:
            if each.text is not None and (refused := _why_not(option, each.text)):
                self.refused.append(
                    RefusedWord(refused[0], each, option.name, refused[1], option.printed)
                )
        if option.takes in _NUMBERS and any(each.text in _NOTHING for each in values):
            self.open = True  # taken where the option may be left out, which is not known
        if option.name == OPTIONS_FILE and word.text == OPTIONS_FILE:
            self.open = True  # a file of further options that is not on this machine
        first = values[0] if values else None
        self.given[option.name] = Given(option.name, word, first, True)
        self._note(option, word)

    def _note(self, option: ServeOption, word: Word) -> None:
        if option.deprecated:
            self.refused.append(RefusedWord(RefusedFor.DEPRECATED, word, option.name))

    def _values(self, option: ServeOption) -> Iterator[Word]:
        while self._follows():
            word = self.words[self.at]
            self.at += 1
            yield word
            if word.several:
                self.open = True
            if option.takes != "words":
                return

    def _follows(self) -> bool:
        """Whether the next word exists and is no option."""
        if self.at >= len(self.words):
            return False
        word = self.words[self.at]
        return not _looks_like_option(word.beginning if word.text is None else word.text)


def _looks_like_option(text: str) -> bool:
    """argparse: a word with a leading dash that is no negative number and has no blank."""
    if not text.startswith("-") or text == "-":
        return False
    return not re.fullmatch(r"-\d+|-\d*\.\d+", text) and (" " not in text or "=" in text)


def _why_not(option: ServeOption, text: str) -> tuple[RefusedFor, str] | None:
    """Why the option refuses the value `text`; None when it accepts it."""
    if option.takes == "choice" and text not in option.choices and text != "":
        choices = ", ".join(repr(each) for each in option.choices if each != "None")
        return RefusedFor.VALUE, f"invalid choice: {text!r} (choose from {choices})"
    kind = {"int": int, "float": float}.get(option.takes)
    if kind is not None and not _is_number(kind, text):
        if option.default:
            return RefusedFor.VALUE, f"invalid {option.takes} value: {text!r}"
        # One that may be None is read by a function of the engine's, with other words.
        what = "integer" if option.takes == "int" else "number"
        return RefusedFor.UNREADABLE, f"{text!r} is no {what}"
    if option.takes == "count" and not (_is_number(int, text) or _is_count(option, text)):
        told = f"{text!r} is no integer, nor one with k, m, g or t behind it"
        return RefusedFor.UNREADABLE, told
    if option.takes == "json" and text and not _is_json(text):
        return RefusedFor.UNREADABLE, f"{text!r} is no JSON"
    return None


def _is_number(kind: type[int] | type[float], text: str) -> bool:
    if text in _NOTHING:
        return True
    try:
        kind(text)
    except ValueError:
        return False
    return True


def _is_count(option: ServeOption, text: str) -> bool:
    if option.name == "--max-model-len" and text.strip().lower() == "auto":
        return True
    return _COUNT.fullmatch(text) is not None and not ("." in text and text.strip()[-1].isupper())


def _is_json(text: str) -> bool:
    if text == "None":
        return True
    try:
        json.loads(expanded(text))
    except (ValueError, RecursionError):
        return False
    return True


def expanded(text: str) -> str:
    """`text` with numbers such as 8k without their letter, so that it can be read as JSON."""
    return _SUFFIXED.sub(r"\1", text)


def count_of(text: str) -> int | None:
    """The number as `--max-model-len` and others read it: `8k` is 8,000, `8K` is 8,192; or None."""
    factors = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
    powers = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
    text = text.strip()
    try:
        if text[-1:] in factors:
            return int(float(text[:-1]) * factors[text[-1]])
        if text[-1:] in powers:
            return int(text[:-1]) * powers[text[-1]]
        return int(text)
    except (ValueError, OverflowError):
        return None
