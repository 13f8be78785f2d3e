"""The Python files that a model consists of, found on its search path."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from forgather_lint.core.files import is_file, read_at_most
from forgather_lint.core.record import record
from forgather_lint.documents.comments import python_tokens
from forgather_lint.forgather.library import Fence
from forgather_lint.forgather.limits import MAX_TEMPLATE_BYTES

_RELATIVE_IMPORT = re.compile(
    r"^[ \t]*from[ \t]+\.([\w.]*)[ \t]+import[ \t]+(\([^)]{0,4000}\)|[^\n#]*)", re.MULTILINE
)
_WORD = re.compile(r"\w+")
_NAMES_IN_QUOTES = re.compile(r"""\w*('{3}|\"{3}|['"])[\w.]*\1""")
_NAME = re.compile(r"(\w+)(?:[ \t]+as[ \t]+\w+)?")


@record
class TemplateModules:
    """Finds modules such as `.causal_lm` in the folders that the model names."""

    folders: Sequence[Path]
    fence: Fence

    def find(self, module: str) -> tuple[str, Path] | None:
        """The file of the relative module `module`: its name in the model, and its path.

        Or None.
        """
        stem = module.lstrip(".").replace(".", "/")
        for folder in self.folders:
            for name in (f"{stem}.py", f"{stem}/__init__.py"):
                path = folder / name
                if stem and is_file(path) and self.fence.admits(path):
                    return name, path
        return None

    def closure(self, modules: Iterable[str]) -> Mapping[str, Path]:
        """The files of `modules` and of all that they import relatively, by name."""
        found: dict[str, Path] = {}
        waiting = sorted(set(modules), reverse=True)
        while waiting:
            part = self.find(waiting.pop())
            if part is not None and part[0] not in found:
                found[part[0]] = part[1]
                waiting += sorted(_imported(read_part(part[1])), reverse=True)
        return found


def read_part(path: Path) -> str:
    """The text of a file, empty if it cannot be read; bytes that are not UTF-8 are replaced."""
    try:
        return read_at_most(path, MAX_TEMPLATE_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""


@lru_cache(maxsize=512)
def words_of(text: str) -> frozenset[str]:
    """The names in a Python text, including those in strings that are a name or a path of names.

    Other strings, such as messages and patterns of weights to initialise, name no module. An
    f-string may, so its words count; so do all words of a text that is no Python.
    """
    try:
        tokens = list(python_tokens(text))
    except (tokenize.TokenError, SyntaxError):
        return frozenset(_WORD.findall(text))
    named = (each.string for each in tokens if not _is_prose(each))
    return frozenset(word for string in named for word in _WORD.findall(string))


def _is_prose(token: tokenize.TokenInfo) -> bool:
    if token.type != tokenize.STRING or "f" in token.string.partition(token.string[-1])[0].lower():
        return False
    return not _NAMES_IN_QUOTES.fullmatch(token.string)


@lru_cache(maxsize=512)
def _imported(text: str) -> frozenset[str]:
    modules: set[str] = set()
    for found in _RELATIVE_IMPORT.finditer(text):
        module, names = found.groups()
        modules |= {module} if module else set(_NAME.findall(names))
    return frozenset(modules)
