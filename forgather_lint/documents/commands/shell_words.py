"""The words of commands in a shell script, each with its place.

Words that depend on what is not known are unknown; control flow is none of this file's business
(`shell.py`), which is why a reserved word ends a command here. Source: POSIX.1-2024, Shell Command
Language, 2.2 to 2.10.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from forgather_lint.core.record import record
from forgather_lint.core.source import Position
from forgather_lint.core.words import Word, Words
from forgather_lint.documents.commands.located import Located
from forgather_lint.documents.commands.variables import ASSIGNMENT, Variables

LONGEST_WORD = 10_000
MOST_DOCUMENTS = 200

_PARAMETER = re.compile(
    r"\$(?:(?P<name>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)(?P<rest>[^{}]*)\})"
)
_ARRAY = re.compile(r"([A-Za-z_]\w*)\+?=\(")
_SPREAD = re.compile(r'"\$\{([A-Za-z_]\w*)\[[@*]\]\}"')
_SPECIAL = re.compile(r"\$[\d@*#?!$-]")
_ENDS = frozenset("\n;&|()")
_OPERATORS = (";;", "&&", "||")
_HERE = re.compile(r"<<(-?)[ \t]*(?:'([^'\n]*)'|\"([^\"\n]*)\"|(\\?[\w.!+%@^-]+))")
_PLAIN = re.compile(r"""[^\s"'\\$`<>;&|()]+""")
_QUOTED = re.compile(r'[^"\\$`]+')
_HOLE = "${}"
"""What stands for an unknown part of a word, if the word is read as a script."""
_ESCAPED = re.compile(r"\\(?=[$`\\])")


@record
class Fed:
    """A here-document.

    `filled`: variables of the script stand for their values in it.
    """

    text: Located
    filled: bool


class ShellReader:
    """Reads one command after the other; a word of `reserved` that begins one is one by itself.

    Of the command read last: `ended` is the operator behind it, `is_bare` whether its first word is
    written without quotes, `texts` the words that hold blanks, `fed` its here-document, `targets`
    the files that it is redirected to.
    """

    def __init__(self, source: Located, scope: Variables, reserved: frozenset[str]) -> None:
        self.source, self.scope, self.reserved = source, scope, reserved
        self.position = 0
        self.ended = ""
        self.is_bare = False
        self.texts: dict[Position, Located] = {}
        self.fed: Fed | None = None
        self.targets: list[Word] = []
        self.opened = 0
        """How many here-documents there are so far."""
        self.documents: dict[int, int] = {}
        """Where here-documents begin and end, in the text."""

    def command(self) -> Words:
        """The words up to the end of the command; moves behind that."""
        text, words = self.source.text, list[Word]()
        self.ended, self.is_bare, self.texts, self.fed, self.targets = "", False, {}, None, []
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
            elif text.startswith("&>", self.position):
                self.position += 1
            elif letter in _ENDS:
                self._operator()
                if words or self.ended != "\n":
                    return tuple(words)
            else:
                start = self.position
                words.extend(self._word())
                if len(words) == 1:
                    self.is_bare = words[0].text == text[start : self.position]
                    if self.is_bare and words[0].text in self.reserved:
                        return tuple(words)
                elif words and words[0].text == "function" and text[start : self.position] == "{":
                    return tuple(words)  # `function NAME {`: the body begins
        return tuple(words)

    def _operator(self) -> None:
        text = self.source.text
        two = text[self.position : self.position + 2]
        self.ended = two if two in _OPERATORS else two[0]
        self.position += len(self.ended)
        if self.ended == "\n":
            self.position = self.documents.get(self.position, self.position)

    def _skip_comment(self) -> None:
        end = self.source.text.find("\n", self.position)
        self.position = len(self.source.text) if end < 0 else end

    def _skip_redirection(self) -> None:
        """Pass `> file`, `2>&1`, `<<END`: the target is no word of the command."""
        text = self.source.text
        here = _HERE.match(text, self.position)
        if here is not None and self.opened < MOST_DOCUMENTS:
            self._here(here)
            return
        while self.position < len(text) and text[self.position] in "<>&|":
            self.position += 1
        while self.position < len(text) and text[self.position] in " \t":
            self.position += 1
        if self.position < len(text) and text[self.position] not in _ENDS:
            self.targets.extend(self._word())

    def _here(self, opening: re.Match[str]) -> None:
        """Note the here-document whose `<<END` is read: it is in the lines behind this one."""
        text = self.source.text
        self.position = opening.end()
        self.opened += 1
        line = text.find("\n", self.position) + 1
        if not line:
            return
        start = self.documents.get(line, line)
        plain = opening[4] or ""
        end = opening[2] or opening[3] or plain.removeprefix("\\")
        tabs = "\t*" if opening[1] else ""
        last = re.compile(rf"^{tabs}{re.escape(end)}$\n?", re.MULTILINE).search(text, start)
        stop, behind = (len(text), len(text)) if last is None else last.span()
        self.documents[line] = behind
        filled = bool(plain) and not plain.startswith("\\")
        body = self.source.part(start, stop)
        if filled:
            body = body.without(found.start() for found in _ESCAPED.finditer(body.text))
        self.fed = Fed(body, filled)

    def _word(self, *, in_array: bool = False) -> list[Word]:
        """The word that begins here: several for an expanded array, none for an empty one."""
        text, start = self.source.text, self.position
        array = _ARRAY.match(text, start)
        if array is not None and not in_array:
            self._array(array)
            return []
        pieces: list[Located] = []
        unknown: int | None = None
        quoted = several = False
        while self.position < len(text):
            letter, at = text[self.position], self.position
            if letter in " \t\r<>" or letter in _ENDS:
                if letter in "<>" and _joined(pieces).isdigit():
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
                inner, hole = self._double()
                if hole is not None and unknown is None:
                    unknown = len(pieces) + hole
                pieces += inner
            elif letter == "\\":
                if not text.startswith("\\\n", at):
                    pieces.append(self.source.part(at + 1, at + 2))
                self.position += 2
            elif letter in "$`":
                value = self._expansion()
                if value is None:
                    unknown = len(pieces) if unknown is None else unknown
                    several = True
                    pieces.append(self.source.instead(at, _HOLE))
                elif " " in value and not quoted and not pieces and self._at_end():
                    place = self.source.span(start, self.position)
                    return [Word(part, place) for part in value.split()]
                else:
                    pieces.append(self.source.instead(at, value))
            else:
                run = _PLAIN.match(text, at)
                self.position = run.end() if run is not None else at + 1
                pieces.append(self.source.part(at, self.position))
        word = _joined(pieces)[:LONGEST_WORD]
        place = self.source.span(start, self.position)
        if " " in word or "\n" in word:
            places = tuple(each for piece in pieces for each in piece.at)
            self.texts[place.start] = Located(self.source.path, word, places)
        if unknown is not None:
            beginning = _joined(pieces[:unknown])[:LONGEST_WORD]
            assigns = ASSIGNMENT.match(beginning) is not None
            return [Word(None, place, several and not assigns, beginning)]
        return [Word(word, place)] if word or quoted else []

    def _at_end(self) -> bool:
        text = self.source.text
        return self.position >= len(text) or text[self.position] in " \t\r\n;&|()"

    def _single(self) -> Located:
        end = self.source.text.find("'", self.position + 1)
        end = len(self.source.text) if end < 0 else end
        inner = self.source.part(self.position + 1, end)
        self.position = end + 1
        return inner

    def _double(self) -> tuple[list[Located], int | None]:
        """The text between double quotes, and which piece of it is the first that is unknown."""
        text, pieces, unknown = self.source.text, list[Located](), None
        self.position += 1
        while self.position < len(text) and text[self.position] != '"':
            letter, at = text[self.position], self.position
            if letter == "\\":
                follows = text[at + 1 : at + 2]
                if follows != "\n":
                    pieces.append(self.source.part(at + (follows in '$`"\\'), at + 2))
                self.position += 2
            elif letter in "$`":
                value = self._expansion()
                if value is None and unknown is None:
                    unknown = len(pieces)
                pieces.append(self.source.instead(at, _HOLE if value is None else value))
            else:
                run = _QUOTED.match(text, at)
                self.position = run.end() if run is not None else at + 1
                pieces.append(self.source.part(at, self.position))
        self.position += 1
        return pieces, unknown

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
        if name in self.scope.values or self.scope.any_set:
            return value
        # Nobody here sets the variable: what remains is the default, unless the caller does.
        return plain

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
        before = self.scope.values.get(name, ()) if "+" in opening[0] else ()
        unknown = (Word(None, self.source.span(opening.start(), opening.end()), several=True),)
        self.scope.values[name] = (*(unknown if before is None else before), *held)

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


def _joined(pieces: Sequence[Located]) -> str:
    return "".join(piece.text for piece in pieces)
