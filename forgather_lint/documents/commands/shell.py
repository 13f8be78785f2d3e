"""The simple commands of a shell script, in the order in which they may run; nothing is run.

Variables that the script itself assigns are filled in, in the order of the lines; anything else
(`$1`, `$(...)`, a variable of the environment) makes its word unknown, and so does what one branch
of several assigned, once that is over. The body of a loop over known words stands there once for
each of them. Source: POSIX.1-2024, Shell Command Language, 2.9. `tests/test_command_words.py`
compares the words of texts without variables with `shlex`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.core.source import Position
from forgather_lint.core.words import Word, Words
from forgather_lint.documents.commands.located import Located
from forgather_lint.documents.commands.shell_words import Fed, ShellReader
from forgather_lint.documents.commands.variables import ASSIGNMENT, Variables, one_text

MOST_WORDS = 20_000
MOST_TURNS = 64
"""Turns of one loop that are told apart; the variable of a longer one is unknown."""
MOST_TURNS_IN_ALL = 256
MOST_READ_AGAIN = 1 << 20
"""Characters of bodies that are read more than once."""
DEEPEST = 50

_DECLARING = frozenset({"export", "declare", "local", "readonly", "typeset"})
_OPENING = frozenset({"if", "while", "until"})
_CLOSING = frozenset({"fi", "done", "esac", "}"})
_PASSED = frozenset({"then", "do", "else", "elif", "!", "{", *_OPENING, *_CLOSING})
_SETTING = frozenset("getopts let mapfile printf read readarray unset".split())
"""Commands that assign to variables which their words name."""
_RUN_HERE = frozenset({".", "eval", "source"})
"""Commands that run text in the shell itself."""
_NAME = re.compile(r"[A-Za-z_]\w*")
_ASSIGNED = re.compile(r"(?<![\w$.{/-])([A-Za-z_]\w*)(?:\[[^][\n]{0,100}\])?\+?=")
_NAMED = re.compile(r"\b(?:for|select|getopts|let|mapfile|read|readarray|unset)[ \t]([^\n;]*)")
_ACTIVATE = "activate"
"""What venv and conda call the file that sets variables of their own."""
_RANGE = re.compile(r"\{(-?\d{1,6})\.\.(-?\d{1,6})\}")
_CHOICE = re.compile(r"\{([^{},\s]+(?:,[^{},\s]+)+)\}")


@record
class Command:
    """A simple command: its words, and the variables that are exported or set for it alone.

    `texts` has those of its words that hold blanks, by where they begin: they may be scripts of
    their own. `fed` is its here-document, `targets` what it writes or reads by `>` and `<`, `scope`
    what is known where it stands.
    """

    words: Words
    environment: Mapping[str, str | None] = field(default_factory=dict)
    texts: Mapping[Position, Located] = field(default_factory=dict)
    fed: Fed | None = None
    targets: Words = ()
    scope: Variables = field(default_factory=Variables)


@record(frozen=False)
class _Block:
    """What is open: `if`, a loop, `case`, a function, a group.

    `before`: the variables where it, or the turn of a loop, began. `changed`: what its branches so
    far assigned. A loop over known words has those that are `left`, and where its body begins.
    `outside`: the variables around a function, some of which are unknown in it.
    """

    kind: str
    before: Variables
    changed: set[str] = field(default_factory=set)
    name: str = ""
    left: list[Word] = field(default_factory=list)
    body: int | None = None
    outside: Variables | None = None


def commands(text: Located, variables: Variables | None = None) -> Iterator[Command]:
    """The simple commands in `text`, in order.

    An assignment in front of one is not part of its words.
    """
    return _Script(text, variables or Variables()).commands()


class _Script:
    def __init__(self, text: Located, scope: Variables) -> None:
        self.scope = scope
        self.reader = ShellReader(text, scope, _PASSED)
        self.blocks: list[_Block] = []
        self.turns = self.read_again = 0
        self.uncertain: Variables | None = None
        """The variables where a list began whose next command may not run (`a && b`)."""
        self.defining = ""
        self.functions: dict[str, set[str]] = {}
        """What each function assigns, by its name; `defining` is the one whose body is next."""
        self.last_set = _last_set(text.text)

    def commands(self) -> Iterator[Command]:
        reader, count, before = self.reader, 0, ""
        while reader.position < len(reader.source.text):
            words = reader.command()
            count += len(words)
            if count > MOST_WORDS or len(self.blocks) > DEEPEST:
                return
            if before in ("&&", "||") and self.uncertain is None:
                self.uncertain = self.scope.copy()
            command = self._read(words, before)
            if command is not None and command.words:
                yield command
                self._set_by(command.words)
            if before == "((":
                self.scope.forget(name for word in words for name in _names_in(word))
            if reader.ended in ("\n", ";", "&", ";;") and words:
                self._list_ends()
            if reader.ended == ";;":
                self._branch()
            doubled = before == reader.ended == "(" and not words
            before = "((" if doubled else reader.ended

    def _set_by(self, words: Words) -> None:
        """Forget what a command assigns that runs in the shell itself."""
        head, rest = words[0].text or "", words[1:]
        if head in _SETTING:
            self.scope.forget(name for word in rest for name in _names_in(word))
        elif head in self.functions:
            self.scope.forget(self.functions[head])
        elif head == "eval" and all(word.text is not None for word in rest):
            self.scope.forget(_last_set(" ".join(word.text or "" for word in rest)))
        elif head in _RUN_HERE and not (rest and _is_activate(rest[0])):
            self.scope.forget_all()

    def _list_ends(self) -> None:
        if self.uncertain is not None:
            self.scope.forget(self.scope.changed_since(self.uncertain))
            self.uncertain = None

    def _read(self, words: Words, before: str) -> Command | None:
        """The command of `words`; None where they are control flow."""
        if not words:
            return None
        head = words[0].text if self.reader.is_bare else None
        if head in _PASSED and len(words) == 1:
            self._flow(head or "", before)
            return None
        if head in ("for", "select"):
            self._loop(words)
            return None
        if head == "case":
            self._open(_Block("case", self.scope.copy()))
            return None
        if head == "function" or (head is not None and self.reader.ended == "("):
            self.defining = words[head == "function" and len(words) > 1].text or ""
            if len(words) > 2 and words[2].text == "{":
                self._function()
            return None
        return self._after_assignments(words)

    def _flow(self, head: str, before: str) -> None:
        if head in _OPENING:
            self._open(_Block(head, self.scope.copy()))
        elif head == "{":
            if before == ")":
                self._function()
            else:
                self._open(_Block("group", self.scope.copy()))
        elif head in ("else", "elif"):
            self._branch()
        elif head == "do":
            self._turn()
        elif head in _CLOSING and self.blocks:
            block = self.blocks[-1]
            if block.left and head == "done":
                self._turn()
                return
            self.blocks.pop()
            if block.kind != "group":
                block.changed |= self.scope.changed_since(block.before)
                self.scope.become(block.outside or self.scope)
                self.scope.forget(block.changed)
            if block.kind == "function":
                self.functions[block.name] = block.changed

    def _function(self) -> None:
        """Open a function: what the script assigns behind this may be so when it is called."""
        here = self.reader.position
        later = [name for name in self.scope.values if self.last_set.get(name, 0) > here]
        outside = self.scope.copy()
        self.scope.forget(later)
        self._open(_Block("function", self.scope.copy(), name=self.defining, outside=outside))

    def _open(self, block: _Block) -> None:
        self.uncertain = None
        self.blocks.append(block)

    def _branch(self) -> None:
        """What one branch assigned is not so in the next."""
        if self.blocks and self.blocks[-1].kind in ("if", "case"):
            block = self.blocks[-1]
            block.changed |= self.scope.changed_since(block.before)
            self.scope.become(block.before)

    def _loop(self, words: Words) -> None:
        """Open `for NAME in WORDS`."""
        name = (words[1].text if len(words) > 1 else None) or ""
        block = _Block("for", self.scope.copy(), {name}, name)
        if len(words) > 2 and words[2].text == "in":
            over = [part for word in words[3:] for part in _braces(word)]
            if all(word.text is not None for word in over) and len(over) <= MOST_TURNS:
                block.left = over
        self.scope.forget([name] if name else [])
        self._open(block)

    def _turn(self) -> None:
        """The next turn of the loop that is open, if its words are known."""
        block = self.blocks[-1] if self.blocks else None
        if block is None or not block.left:
            return
        if block.body is None:
            block.body = self.reader.position
        self.turns += 1
        self.read_again += self.reader.position - block.body
        if self.turns > MOST_TURNS_IN_ALL or self.read_again > MOST_READ_AGAIN:
            block.left = [Word(None, block.left[0].span)]
        self.reader.position = block.body
        self.scope.values[block.name] = (block.left.pop(0),)

    def _after_assignments(self, words: Words) -> Command:
        """The command behind leading assignments; those that last, or are exported, are kept."""
        scope = self.scope
        declares = words[0].text in _DECLARING
        start, noted = int(declares), dict[str, Word]()
        for index, word in enumerate(words[start:], start=start):
            found = ASSIGNMENT.match(word.text or word.beginning)
            if found is None and not declares:
                break
            if found is not None:
                value = None if word.text is None else word.text[found.end() :]
                if found[2] and value is not None:
                    held = one_text(scope.values.get(found[1], (Word("", word.span),)))
                    value = None if held is None else held + value
                noted[found[1]] = Word(value, word.span)
            start = index + 1
        values = {name: word.text for name, word in noted.items()}
        if declares or start == len(words):
            scope.values.update({name: (word,) for name, word in noted.items()})
            if words[0].text == "export":
                named = [word.text for word in words[1:] if word.text in scope.values]
                scope.exported.update(
                    {name: one_text(scope.values[name]) for name in named if name}
                )
                scope.exported.update(values)
            return Command(())
        environment = {**scope.exported, **values}
        reader = self.reader
        beside = (reader.texts, reader.fed, tuple(reader.targets), scope)
        return Command(words[start:], environment, *beside)


def _names_in(word: Word) -> list[str]:
    return _NAME.findall(word.text or word.beginning)


def _is_activate(word: Word) -> bool:
    return (word.text or "").rpartition("/")[2] == _ACTIVATE


def _last_set(text: str) -> dict[str, int]:
    """The names that a script seems to assign to, each with the last place where it does."""
    found = {each[1]: each.start() for each in _ASSIGNED.finditer(text)}
    for each in _NAMED.finditer(text):
        for name in _NAME.findall(each[1]):
            found[name] = max(each.start(), found.get(name, 0))
    return found


def _braces(word: Word) -> Iterator[Word]:
    """The words that `{1..4}` or `{1,2,4}` stands for (bash), else the word."""
    text = word.text or ""
    over, listed = _RANGE.fullmatch(text), _CHOICE.fullmatch(text)
    if over is not None:
        first, last = int(over[1]), int(over[2])
        step = 1 if last >= first else -1
        if abs(last - first) >= MOST_TURNS:
            yield Word(None, word.span)
            return
        yield from (Word(str(each), word.span) for each in range(first, last + step, step))
    elif listed is not None:
        yield from (Word(each, word.span) for each in listed[1].split(","))
    else:
        yield word
