"""Facts about a command that serves a model: its words, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.core.words import Word
from forgather_lint.facts.cause import Cause


class RefusedFor(StrEnum):
    """What the command line of the engine does not take, or warns of."""

    OPTION = "no such option"
    ARGUMENT = "no such argument of a class"
    AMBIGUOUS = "the beginning of several options"
    FREE_WORD = "a word that belongs to no option"
    VALUE = "a value that the option does not take"
    FIELD = "a part of a JSON value that the option does not take"
    NO_VALUE = "no value"
    VALUE_OF_SWITCH = "a value for an option that takes none"
    DEPRECATED = "on its way out"


@record
class RefusedWord:
    """A word that is refused; `name` is the option, `detail` what there is to say of it."""

    why: RefusedFor
    word: Word
    name: str
    detail: str = ""


@record
class Given:
    """An option that the command gives: its word, its value (None: none, or not known).

    `on` is False for the `--no-` form of a switch, None where a call in Python may say either.
    """

    name: str
    word: Word
    value: Word | None
    on: bool | None


@record
class ServeCommand:
    """The command as the engine reads it.

    `complete`: there is no word that may hold further options. `environment` holds the variables
    that are set for it.
    """

    given: Mapping[str, Given]
    model: Word | None
    refused: tuple[RefusedWord, ...]
    complete: bool
    environment: Mapping[str, str | None]
    words: tuple[Word, ...]

    def text(self, name: str) -> str | None:
        """The value of the option `name`, when it is given and known."""
        given = self.given.get(name)
        return given.value.text if given is not None and given.value is not None else None

    def is_on(self, name: str) -> bool:
        """Whether the switch `name` is surely on."""
        given = self.given.get(name)
        return given is not None and given.on is True

    def may_be_on(self, name: str) -> bool:
        """Whether the switch `name` is on, as far as is known."""
        given = self.given.get(name)
        return given is not None and given.on is not False

    def place(self, *names: str) -> Place:
        """Where the first of these options stands, else the model, else the command."""
        for name in names:
            if name in self.given:
                return self.given[name].word.span
        return (self.model or self.words[0]).span


@record
class CommandRefused:
    """A word of a command that the command line of the release does not take.

    `existed` says which releases have the option, `instead` what took its place, `nearest` which
    option of the release has a name like it, `text` what the engine ends with, where that is no
    word of its command line.
    """

    refused: RefusedWord
    release: str
    existed: str = ""
    instead: str = ""
    nearest: str = ""
    text: str = ""


@record
class OptionsConflict:
    """Options that the engine refuses together, or beside this model, in its words."""

    where: Place
    message: str
    text: str
    release: str


@record
class RemoteCodeNotTrusted:
    """The model is code of its folder, and the command (or a call in Python) does not allow it."""

    where: Place
    release: str
    text: str
    in_call: bool = False


@record
class ChatTemplateMissing:
    """The `option` is for chats, which the tokenizer of the model has no template for."""

    where: Place
    option: str
    release: str
    text: str


@record
class CommandJudged:
    """What becomes of the model of a command at the sizes that it asks for.

    `cause` is that of a `verdict` of fails or wrong, `origin` its line.
    """

    where: Place
    verdict: str
    cause: Cause | None
    reason: str
    origin: Place | None
    model: str
    sizes: str
    release: str


@record
class RanksExceedDevices:
    """The command asks for more ranks on a node than it is given devices."""

    where: Place
    ranks: int
    devices: int
    devices_at: Place
    release: str
    text: str
