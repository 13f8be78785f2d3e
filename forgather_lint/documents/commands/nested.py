"""Scripts inside commands: `bash -c '...'`, `ssh host '...'`, `eval "$COMMAND"`, here-documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath

from forgather_lint.core.words import Word
from forgather_lint.documents.commands.located import Located
from forgather_lint.documents.commands.shell import Command
from forgather_lint.documents.commands.variables import Variables

SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh", "ksh"})
SCRIPTS = (".sh", ".bash", ".zsh", ".ksh", ".slurm", ".sbatch")
_TAKES_SCRIPTS = frozenset({"ssh", "tmux", "screen", "su", "runuser", "watch", "script", "sg"})
"""Programs that hand a word with blanks to a shell."""
_FED_SCRIPTS = frozenset({"sbatch", "qsub", "bsub", "ssh", *SHELLS})
"""Programs that read a script from their input."""
_WRITES = frozenset({"cat", "tee"})
_TELLS = frozenset(
    {
        "echo",
        "printf",
        "cat",
        "tee",
        "grep",
        "egrep",
        "pgrep",
        "pkill",
        "sed",
        "awk",
        "which",
        "man",
    }
)
"""Programs that print, write or look for words, and start nothing that these name."""


def tells(command: Command) -> bool:
    """Whether the words of the command are text, whatever they name."""
    return bool(command.words) and name_of(command.words[0]) in _TELLS


def name_of(word: Word) -> str:
    """The name of a program, without its folder."""
    return (word.text or "").rpartition("/")[2]


def scripts_in(command: Command) -> Iterator[tuple[Located, Variables]]:
    """The scripts that a command runs or writes, each with the variables that it finds."""
    fed = command.fed
    if fed is not None and _is_script(command):
        yield fed.text, command.scope.copy() if fed.filled else command.scope.inherited()
    if tells(command) or not command.texts:
        return
    evaluates = name_of(command.words[0]) == "eval"
    variables = command.scope.copy() if evaluates else command.scope.inherited()
    takes = evaluates or any(name_of(word) in _TAKES_SCRIPTS for word in command.words[:2])
    in_shell = after_option = False
    for word in command.words:
        text = command.texts.get(word.span.start)
        if text is not None and (takes or after_option):
            yield text, variables.copy()
        in_shell = in_shell or name_of(word) in SHELLS
        after_option = in_shell and re.fullmatch(r"-\w*c", word.text or "") is not None
    yield from _wrapped(command)


def _wrapped(command: Command) -> Iterator[tuple[Located, Variables]]:
    """The script of `sbatch --wrap="..."` or `--wrap "..."`."""
    is_wrap = False
    for word in command.words:
        text = command.texts.get(word.span.start)
        if text is not None and text.text.startswith("--wrap="):
            yield text.part(len("--wrap="), len(text.text)), command.scope.inherited()
        elif text is not None and is_wrap:
            yield text, command.scope.inherited()
        is_wrap = word.text == "--wrap"


def _is_script(command: Command) -> bool:
    if name_of(command.words[0]) in _WRITES:
        targets = (*command.words[1:], *command.targets)
        return any(PurePath(each.text or "").suffix in SCRIPTS for each in targets)
    return any(name_of(word) in _FED_SCRIPTS for word in command.words)
