"""The words of commands in a shell script, each with its place; nothing is run.

Variables that the script itself assigns are filled in, in the order of the lines; anything else
(`$1`, `$(...)`, a variable of the environment) makes its word unknown. Source: POSIX.1-2024, Shell
Command Language, 2.2 to 2.10. `tests/test_command_words.py` compares the words of texts without
variables with `shlex`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.core.source import Span
from forgather_lint.core.words import Word, Words
from forgather_lint.documents.commands.located import Located

MOST_WORDS = 20_000
LONGEST_WORD = 10_000

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=")
_PARAMETER = re.compile(
    r"\$(?:(?P<name>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)(?P<rest>[^{}]*)\})"
)
_ARRAY = re.compile(r"([A-Za-z_]\w*)\+?=\(")
_SPREAD = re.compile(r'"\$\{([A-Za-z_]\w*)\[[@*]\]\}"')
_SPECIAL = re.compile(r"\$[\d@*#?!$-]")
_DECLARING = frozenset({"export", "declare", "local", "readonly", "typeset"})
_ENDS = frozenset("\n;&|()")


@record
class Command:
    """A simple command: its words, and the variables that are exported or set for it alone."""

    words: Words
    environment: Mapping[str, str | None] = field(default_factory=dict)


@record(frozen=False)
class Variables:
    """The variables known so far: their words, None for a variable whose value is unknown."""

    values: dict[str, Words | None] = field(default_factory=dict)
    exported: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def given(cls, values: Mapping[str, str | None], span: Span) -> Variables:
        """Variables set outside the text, as by `environment:`, whose place is `span`."""
        words: dict[str, Words | None] = {
            name: None if value is None else (Word(value, span),) for name, value in values.items()
        }
        return cls(words, dict(values))


def commands(text: Located, variables: Variables | None = None) -> Iterator[Command]:
    """The simple commands in `text`, in order.

    An assignment in front of one is not part of its words.
    """
    scope = variables or Variables()
    count = 0
    for words in _split(text, scope):
        count += len(words)
        if count > MOST_WORDS:
            return
        command = _after_assignments(words, scope)
        if command.words:
            yield command


def _after_assignments(words: Words, scope: Variables) -> Command:
    """The command behind leading assignments; those that last, or are exported, go into `scope`."""
    declares = bool(words) and words[0].text in _DECLARING
    start, noted = int(declares), dict[str, Word]()
    for index, word in enumerate(words[start:], start=start):
        found = _ASSIGNMENT.match(word.text or word.beginning)
        if found is None and not declares:
            break
        if found is not None:
            value = None if word.text is None else word.text[found.end() :]
            noted[found[1]] = Word(value, word.span)
        start = index + 1
    values = {name: word.text for name, word in noted.items()}
    if declares or start == len(words):
        scope.values.update({name: (word,) for name, word in noted.items()})
        if words and words[0].text == "export":
            named = [word.text for word in words[1:] if word.text in scope.values]
            scope.exported.update({name: _one(scope.values[name]) for name in named if name})
            scope.exported.update(values)
        return Command(())
    return Command(words[start:], {**scope.exported, **values})


def _one(words: Words | None) -> str | None:
    return words[0].text if words and len(words) == 1 else None


def _split(text: Located, scope: Variables) -> Iterator[Words]:
    reader = _ShellReader(text, scope)
    while reader.position < len(text.text):
        words = reader.command()
        if words:
            yield words


@record(frozen=False)
class _ShellReader:
    """Reads one command after the other."""

    source: Located
    scope: Variables
    position: int = 0

    def command(self) -> Words:
        """The words up to the end of the command; moves behind that."""
        text, words = self.source.text, list[Word]()
        while self.position < len(text):
            letter = text[self.position]
            if text.startswith("\\\n", self.position):
                self.position += 2
            elif letter in " \t\r":
                self.position += 1
            elif letter == "#":
                self._skip_comment()
            elif letter in "<>":
                self._skip_redirection()
            elif letter in _ENDS:
                self.position += 1
                if words or letter not in "\n":
                    return tuple(words)
            else:
                words.extend(self._word())
        return tuple(words)

    def _skip_comment(self) -> None:
        end = self.source.text.find("\n", self.position)
        self.position = len(self.source.text) if end < 0 else end

    def _skip_redirection(self) -> None:
        """Pass `> file`, `2>&1`: the target is no word of the command.

        Here-documents are not read.
        """
        text = self.source.text
        while self.position < len(text) and text[self.position] in "<>&|":
            self.position += 1
        while self.position < len(text) and text[self.position] in " \t":
            self.position += 1
        if self.position < len(text) and text[self.position] not in _ENDS:
            self._word()

    def _word(self, *, in_array: bool = False) -> list[Word]:
        """The word that begins here: several for an expanded array, none for an empty one."""
        text, start = self.source.text, self.position
        array = _ARRAY.match(text, start)
        if array is not None and not in_array:
            self._array(array)
            return []
        pieces: list[str] = []
        known, quoted, several, beginning = True, False, False, ""
        while self.position < len(text):
            letter = text[self.position]
            if letter in " \t\r<>" or letter in _ENDS:
                if letter in "<>" and "".join(pieces).isdigit():
                    return []  # the number of a stream: `2>&1`
                break
            if letter == "'":
                quoted = True
                pieces.append(self._single())
            elif letter == '"':
                quoted = True
                spread = self._spread_array(start)
                if spread is not None:
                    return spread
                inner, inner_known = self._double()
                pieces.append(inner)
                beginning = beginning if not known or inner_known else "".join(pieces[:-1])
                known = known and inner_known
            elif letter == "\\":
                if not text.startswith("\\\n", self.position):
                    pieces.append(text[self.position + 1 : self.position + 2])
                self.position += 2
            elif letter in "$`":
                value = self._expansion()
                if value is None:
                    beginning = "".join(pieces) if known else beginning
                    known, several = False, True
                elif " " in value and not quoted and not pieces and self._at_end():
                    place = self.source.span(start, self.position)
                    return [Word(part, place) for part in value.split()]
                else:
                    pieces.append(value)
            else:
                pieces.append(letter)
                self.position += 1
        word = "".join(pieces)[:LONGEST_WORD]
        place = self.source.span(start, self.position)
        if not known:
            assigns = _ASSIGNMENT.match(beginning) is not None
            return [Word(None, place, several and not assigns, beginning)]
        if not word and not quoted:
            return []
        return [Word(word, place)]

    def _at_end(self) -> bool:
        text = self.source.text
        return self.position >= len(text) or text[self.position] in " \t\r\n;&|()"

    def _single(self) -> str:
        text = self.source.text
        end = text.find("'", self.position + 1)
        end = len(text) if end < 0 else end
        inner = text[self.position + 1 : end]
        self.position = end + 1
        return inner

    def _double(self) -> tuple[str, bool]:
        """The text between double quotes, and whether all of it is known."""
        text, pieces, known = self.source.text, list[str](), True
        self.position += 1
        while self.position < len(text) and text[self.position] != '"':
            letter = text[self.position]
            if letter == "\\":
                follows = text[self.position + 1 : self.position + 2]
                pieces.append(
                    "" if follows == "\n" else follows if follows in '$`"\\' else f"\\{follows}"
                )
                self.position += 2
            elif letter in "$`":
                value = self._expansion()
                known = known and value is not None
                pieces.append(value or "")
            else:
                pieces.append(letter)
                self.position += 1
        self.position += 1
        return "".join(pieces), known

    def _expansion(self) -> str | None:
        """The value of what begins with `$` or a backquote; None when it is unknown."""
        text = self.source.text
        if text[self.position] == "`":
            end = text.find("`", self.position + 1)
            self.position = len(text) if end < 0 else end + 1
            return None
        if text.startswith("$(", self.position):
            self._skip_brackets()
            return None
        found = _PARAMETER.match(text, self.position)
        if found is None:
            if _SPECIAL.match(text, self.position):
                self.position += 2
                return None
            if text.startswith("${", self.position):
                end = text.find("}", self.position)
                self.position = len(text) if end < 0 else end + 1
                return None
            self.position += 1
            return "$"
        self.position = found.end()
        return self._value(found["name"] or found["braced"], found["rest"] or "")

    def _value(self, name: str, rest: str) -> str | None:
        held = self.scope.values.get(name)
        value = None
        if held is not None and all(word.text is not None for word in held):
            value = " ".join(word.text or "" for word in held)
        if not rest:
            return value
        default = re.fullmatch(r"(:?)([-=])(.*)", rest, re.DOTALL)
        if default is None or re.search(r"[$`]", default[3]):
            return value if rest[:2] in (":?", "?") else None
        plain = default[3].strip("'\"")
        # Nobody here sets the variable: what remains is the default, unless the caller does.
        return plain if name not in self.scope.values else value

    def _skip_brackets(self) -> None:
        text, depth = self.source.text, 0
        while self.position < len(text):
            depth += {"(": 1, ")": -1}.get(text[self.position], 0)
            self.position += 1
            if depth == 0 and text[self.position - 1] == ")":
                return

    def _array(self, opening: re.Match[str]) -> None:
        """Record the assignment `NAME=(words)`; `+=` appends."""
        text = self.source.text
        self.position = opening.end()
        held: list[Word] = []
        while self.position < len(text) and text[self.position] != ")":
            letter = text[self.position]
            if text.startswith("\\\n", self.position):
                self.position += 2
            elif letter in " \t\r\n;&|<>(":
                self.position += 1  # an array holds words and nothing else
            elif letter == "#":
                self._skip_comment()
            else:
                held.extend(self._word(in_array=True))
        self.position += 1
        name = opening[1]
        before = self.scope.values.get(name) or () if "+" in opening[0] else ()
        self.scope.values[name] = (*before, *held)

    def _spread_array(self, start: int) -> list[Word] | None:
        """The words of `"${NAME[@]}"` if that is the whole word, else None."""
        found = _SPREAD.match(self.source.text, self.position)
        if found is None or self.position != start:
            return None
        self.position = found.end()
        held = self.scope.values.get(found[1])
        if held is None:
            return [Word(None, self.source.span(start, self.position), several=True)]
        return list(held)
