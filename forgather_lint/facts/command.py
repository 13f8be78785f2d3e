"""Facts about a command that serves a model: its words, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from forgather_lint.core.record import record
from forgather_lint.core.source import Place, file_start
from forgather_lint.core.words import Word
from forgather_lint.facts.cause import Cause


class RefusedFor(StrEnum):
    """Why the engine's command line refuses a word, or warns of it."""

    OPTION = "no such option"
    ARGUMENT = "no such argument of a class"
    AMBIGUOUS = "the beginning of several options"
    FREE_WORD = "a word that belongs to no option"
    VALUE = "a value that the option does not take"
    UNREADABLE = "a value that is not of the option's kind"
    FIELD = "a part of a JSON value that the option does not take"
    NO_VALUE = "no value"
    VALUE_OF_SWITCH = "a value for an option that takes none"
    DEPRECATED = "on its way out"


@record
class RefusedWord:
    """A word that is refused; `name` is the option, `detail` completes the message.

    `printed`: the option with its other names, as argparse prints it. Of a value that is
    UNREADABLE the words of the engine are not known, and `detail` is not among them.
    """

    why: RefusedFor
    word: Word
    name: str
    detail: str = ""
    printed: str = ""


@record
class Given:
    """An option that the command gives: its word, and its value (None: it has none, or unknown).

    `on` is False for the `--no-` form of a switch, None where a call in Python may pass either.
    """

    name: str
    word: Word
    value: Word | None
    on: bool | None


@record
class ServeCommand:
    """The command as the engine reads it.

    `complete`: no word of it may stand for further options. `environment` holds the variables that
    are set for it. `file` is where it was found.
    """

    given: Mapping[str, Given]
    model: Word | None
    refused: tuple[RefusedWord, ...]
    complete: bool
    environment: Mapping[str, str | None]
    words: tuple[Word, ...]
    file: str

    def text(self, name: str) -> str | None:
        """The value of the option `name`; None where it is not given or not known."""
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
        """The place of the first of these options given, else of the model, else of the command.

        Behind the words that start the server there may be none: then it is that of the file.
        """
        for name in names:
            if name in self.given:
                return self.given[name].word.span
        first = self.model or next(iter(self.words), None)
        return first.span if first is not None else file_start(self.file)


@record
class CommandRefused:
    """A word of a command that the release's command line does not accept.

    `existed` says which releases have the option, `instead` what replaced it, `nearest` which
    option of the release has the closest name, `text` the error that the engine ends with, where
    the word is accepted by its command line and refused later.
    """

    refused: RefusedWord
    release: str
    existed: str = ""
    instead: str = ""
    nearest: str = ""
    text: str = ""


@record
class OptionsConflict:
    """Options that the engine refuses together, or with this model; told in its words."""

    where: Place
    message: str
    text: str
    release: str


@record
class RemoteCodeNotTrusted:
    """The model's code is in its folder, and the command (or call in Python) does not trust it."""

    where: Place
    release: str
    text: str
    in_call: bool = False


@record
class ChatTemplateMissing:
    """The `option` is about chats, for which the model's tokenizer has no template."""

    where: Place
    option: str
    release: str
    text: str


@record
class CommandWithoutTokenizer:
    """The folder of the model has weights and no tokenizer, and the command names no other.

    `pointer`: a file of the tokenizer that is there, as a pointer of Git LFS.
    """

    where: Place
    release: str
    text: str
    pointer: str = ""


@record
class CommandJudged:
    """The verdict on the model of a command at the sizes that the command asks for.

    `cause` is that of a `verdict` of fails or wrong, `origin` the place of that cause.
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
    """The command asks for more ranks on a node than it gives devices.

    `variable`: the one that leaves so few visible, if none at `devices_at` says it.
    """

    where: Place
    ranks: int
    devices: int
    devices_at: Place | None
    release: str
    text: str
    variable: str = ""
