"""Watches `check` with strace: what it opens, writes, connects to and starts, on every model.

    python -m tools.system_calls [MODEL...]        # default: the models in fixtures/models

Nothing may be opened but the model, the package, Python with the libraries of the system, the
configuration, and the sources of releases; nothing written but kept answers and their seal; no
socket; and no process but the workers. Exit code 1 when anything else happens.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools import command_line

ROOT = Path(__file__).parent.parent
MODELS = ROOT / "fixtures" / "models"

_SYSTEM = (
    *("/lib", "/lib64", "/usr/lib", "/usr/local/lib", "/etc/ld.so.cache", "/etc/localtime"),
    *("/usr/share/locale", "/usr/share/zoneinfo", "/dev/null", "/dev/urandom", "/proc/self"),
    *("/proc/sys", "/sys/fs/cgroup", "/proc/meminfo", "/etc/ssl/openssl.cnf", "/etc/locale.alias"),
)
"""Paths that starting Python itself reads."""
_CONFIGURATION = ("forgather-lint.toml", ".forgather-lint.toml", "pyproject.toml")
_CALL = re.compile(r"^\d+ +(?P<name>\w+)\((?P<given>.*)\) += (?P<result>-?\d+|\?)")
_PATH = re.compile(r'"((?:[^"\\]|\\.)*)"')
_WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND")
_CHANGES = {
    *(
        "unlink",
        "unlinkat",
        "rename",
        "renameat",
        "renameat2",
        "mkdir",
        "mkdirat",
        "rmdir",
        "creat",
    ),
    *("link", "linkat", "symlink", "symlinkat", "chmod", "fchmodat", "truncate", "mknod", "chown"),
    *("mount", "umount2", "setxattr", "utimensat", "mknodat", "fchownat"),
}
_NETWORK = {"socket", "socketpair", "connect", "bind", "listen", "accept", "sendto", "recvfrom"}


@dataclass(slots=True)
class Seen:
    """What one run did: files opened, processes started, and everything that is forbidden."""

    opened: set[str] = field(default_factory=set)
    started: int = 0
    wrong: list[str] = field(default_factory=list)


def watch(model: Path, arguments: Sequence[str] = ()) -> Seen:
    """Run `check` on `model` under strace."""
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder, "trace")
        strace = ["strace", "-f", "-qq", "-s", "4096", "-o", str(trace)]
        strace += ["-e", "trace=%file,%network,%process"]
        kept = Path(folder, "kept").resolve()
        tool = [sys.executable, "-B", "-m", "forgather_lint", "check"]
        tool += ["--cache-dir", str(kept / "answers"), *arguments, str(model)]
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "XDG_CACHE_HOME": str(kept / "user"),
        }
        environment.pop("FORGATHER_LINT_NO_CACHE", None)
        subprocess.run(
            [*strace, *tool], env=environment, cwd=ROOT, capture_output=True, check=False
        )
        return judged(trace.read_text("utf-8", "replace").splitlines(), model, kept)


def judged(lines: Sequence[str], model: Path, kept: Path | None = None) -> Seen:
    """The events in the lines of a trace; writing is allowed below `kept`."""
    seen, allowed = Seen(), tuple(_allowed(model))
    free = str(kept) if kept is not None else None
    executed = 0
    for line in lines:
        call = _CALL.match(line)
        if call is None or call["result"].startswith("-"):
            continue
        name, given = call["name"], call["given"]
        if name in _CHANGES and _all_within(_PATH.findall(given), free):
            continue
        if name in _CHANGES or name in _NETWORK:
            seen.wrong.append(f"{name}({given:.100})")
        elif name == "execve":
            executed += 1
            if executed > 1:  # the first is Python
                seen.wrong.append(f"{name}({given:.100})")
        elif name in ("clone", "clone3", "fork", "vfork") and "CLONE_THREAD" not in given:
            seen.started += 1
        elif name in ("open", "openat", "openat2"):
            _look_at_opening(given, allowed, seen, free)
    return seen


def _all_within(paths: Sequence[str], folder: str | None) -> bool:
    return (
        folder is not None
        and bool(paths)
        and all(_within(os.path.realpath(each), folder) for each in paths)
    )


def _look_at_opening(given: str, allowed: tuple[str, ...], seen: Seen, free: str | None) -> None:
    found = _PATH.search(given)
    path = os.path.realpath(Path(ROOT, found[1])) if found else ""
    if _all_within([path], free):
        return
    seen.opened.add(path)
    configuration = Path(path).name in _CONFIGURATION
    if _WRITES.search(given) and path != "/dev/null":
        seen.wrong.append(f"opens to write: {path}")
    elif path != str(ROOT) and not (configuration or any(_within(path, each) for each in allowed)):
        seen.wrong.append(f"opens {path}")


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/") or _is_of_process(path)


def _is_of_process(path: str) -> bool:
    return re.fullmatch(r"/proc/\d+/(statm|status|maps|mountinfo|cgroup|stat)", path) is not None


def _allowed(model: Path) -> Iterator[str]:
    yield str(model.resolve())
    yield from _SYSTEM
    kept = os.environ.get("FORGATHER_LINT_CACHE_DIR") or Path.home() / ".cache" / "forgather-lint"
    python = (sys.prefix, sys.base_prefix, sys.executable, *sys.path[1:])
    for each in (ROOT / "forgather_lint", ROOT / "rules", kept, *python):
        if each and Path(each).resolve() != ROOT:
            yield str(each)
            yield str(Path(each).resolve())


def main() -> int:
    """Watch every model, and say what was seen."""
    parser = command_line.parser(__doc__)
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL")
    given: list[Path] = parser.parse_args().models
    if shutil.which("strace") is None:
        print("strace is not installed")
        return 2
    models = given or sorted(path for path in MODELS.iterdir() if path.is_dir())
    wrong = 0
    for model in models:
        seen = watch(model)
        wrong += len(seen.wrong)
        files, processes = len(seen.opened), seen.started
        print(f"{model.name}: {files} files opened, {processes} processes, {len(seen.wrong)} wrong")
        for each in dict.fromkeys(seen.wrong):
            print(f"  {each}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
