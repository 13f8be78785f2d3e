"""The texts that fixes change: as they are on disk, as they are to be, and how to write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from forgather_lint.core.diagnostics import ResolvedEdit
from forgather_lint.core.files import Laid, is_folder, read_at_most, write_over
from forgather_lint.core.paths import absolute
from forgather_lint.documents.limits import MOST_BYTES
from forgather_lint.linting.fixes import applied
from forgather_lint.linting.report import FileChange

Texts = Mapping[str, str]
"""Changed texts by path, as the disk is to hold them."""

_BOM = "\ufeff"


class CannotChange(Exception):
    """A file that is not to be changed, with the reason in one line."""


class Originals:
    """The files as they are on disk; only those in the folders of `paths` may be changed."""

    def __init__(self, paths: Iterable[Path]) -> None:
        folders = (path if is_folder(path) else path.parent for path in paths)
        self._roots = [Path(absolute(str(folder))) for folder in folders]
        self._read: dict[str, str] = {}

    def text(self, path: str) -> str:
        """The whole text of `path`, with a byte order mark if it has one. Raises `CannotChange`."""
        if path not in self._read:
            self._read[path] = self._from_disk(Path(path))
        return self._read[path]

    def _from_disk(self, path: Path) -> str:
        whole = Path(absolute(str(path)))
        if not any(root in whole.parents for root in self._roots):
            raise CannotChange(f"{path} lies outside of what was named")
        if path.is_symlink():
            raise CannotChange(f"{path} is a link to another file")
        try:
            return read_at_most(path, MOST_BYTES).decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CannotChange(f"{path} cannot be read") from error

    def edited(self, texts: Texts, path: str, edits: Sequence[ResolvedEdit]) -> str:
        """The text of `path`, from `texts` or else from disk, with `edits` made.

        Their positions do not count a byte order mark. Raises `CannotChange`.
        """
        text = texts[path] if path in texts else self.text(path)
        bare = text.removeprefix(_BOM)
        return text[: len(text) - len(bare)] + applied(bare, edits)

    def changes(self, texts: Texts) -> Iterator[FileChange]:
        """The files that differ in `texts` from what is on disk."""
        for path, text in texts.items():
            before = self.text(path)
            if text != before:
                yield FileChange(path, before, text)


def contents(texts: Texts) -> Laid:
    """`texts` in the form in which they are laid over the disk."""
    return {absolute(path): text.encode("utf-8", "surrogatepass") for path, text in texts.items()}


def write(change: FileChange) -> None:
    """Write `change` to disk, whole or not at all. Raises `CannotChange`."""
    path = Path(change.path)
    try:
        if read_at_most(path, MOST_BYTES) != change.before.encode():
            raise CannotChange("it has changed meanwhile")
        write_over(path, change.after.encode())
    except OSError as error:
        raise CannotChange(f"it cannot be written: {error.strerror}") from error
