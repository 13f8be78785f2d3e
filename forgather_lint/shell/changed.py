"""What has changed according to git, for `--changed-only` and for the pre-commit hook.

pre-commit does not name deleted files to a hook.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from forgather_lint.core.files import is_folder
from forgather_lint.core.paths import absolute
from forgather_lint.core.settings import SettingsError
from forgather_lint.documents.changed import Changes

_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "--no-optional-locks")
"""Options with which git runs nothing that a repository's configuration names, nor writes."""


def changes(paths: Sequence[Path], base: str | None) -> Changes:
    """What has changed since `base` in the repositories that `paths` are in.

    The comparison is with the common ancestor of `base` and HEAD, as for a pull request; without
    `base` it is with HEAD. Uncommitted changes count. Raises `SettingsError`.
    """
    edited: set[str] = set()
    came: set[str] = set()
    went: set[str] = set()
    ignored: set[str] = set()
    for top in dict.fromkeys(map(_repository, paths)):
        since = _base(top, base)
        for kind, path in _differing(top, since):
            {"A": came, "D": went}.get(kind, edited).add(path)
        came.update(_names(top, "ls-files", "--others", "--exclude-standard", "-z"))
        options = ("--others", "--ignored", "--exclude-standard", "--directory", "-z")
        ignored.update(path.rstrip("/") for path in _names(top, "ls-files", *options))
    return Changes(frozenset(edited), frozenset(came), frozenset(went), frozenset(ignored))


def _repository(path: Path) -> str:
    whole = Path(absolute(str(path)))
    folder = next(each for each in (whole, *whole.parents) if is_folder(each))
    done = _git(folder, "rev-parse", "--show-toplevel")
    if done.returncode != 0:
        raise SettingsError(f"{path} lies in no git repository: what has changed is not known")
    top = done.stdout.rstrip("\n")
    # As the path spells it: git names the folder that links lead to.
    return next((str(each) for each in (folder, *folder.parents) if _same(each, top)), top)


def _same(folder: Path, top: str) -> bool:
    try:
        return folder.samefile(top)
    except OSError:
        return False


def _base(top: str, base: str | None) -> str:
    """The commit to compare with; the empty tree in a repository without commits."""
    head = _commit(top, "HEAD")
    if base is None:
        return head or _git(top, "hash-object", "-t", "tree", "/dev/null").stdout.strip()
    commit = _commit(top, base)
    if commit is None:
        raise SettingsError(f"--base-ref: git knows no commit {base!r} in {top}")
    done = _git(top, "merge-base", commit, head or commit)
    if done.returncode != 0:
        told = "they have no commit in common; fetch more of the history"
        raise SettingsError(f"--base-ref: {base!r} and HEAD: {told}")
    return done.stdout.strip()


def _commit(top: str, name: str) -> str | None:
    options = ("--verify", "--quiet", "--end-of-options")
    done = _git(top, "rev-parse", *options, f"{name}^{{commit}}")
    return done.stdout.strip() if done.returncode == 0 else None


def _differing(top: str, since: str) -> Iterator[tuple[str, str]]:
    """For each file that differs: the letter of `git diff --name-status`, and its absolute path."""
    options = ("--name-status", "--no-renames", "--no-ext-diff", "--no-textconv", "-z")
    parts = iter(_told(top, "diff", *options, since, "--").split("\0"))
    for kind, path in zip(parts, parts, strict=False):
        yield kind[:1], f"{top}/{path}"


def _names(top: str, *arguments: str) -> Iterable[str]:
    return (f"{top}/{name}" for name in _told(top, *arguments).split("\0") if name)


def _told(top: str, *arguments: str) -> str:
    done = _git(top, *arguments)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise SettingsError(f"git {arguments[0]} in {top}: {reason}")
    return done.stdout


def _git(folder: str | Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["git", *_SAFE, "-C", str(folder), *arguments]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="surrogateescape", check=False
        )
    except FileNotFoundError as error:
        raise SettingsError("what has changed is asked of git, which is not installed") from error
