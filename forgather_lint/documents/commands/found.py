"""Commands that serve a model, where people keep them: scripts, images, compose files, manifests.

Nothing is run and nothing is resolved over the network. What an image's tag, a neighbouring
`environment:` or a device request says is kept with the command.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from forgather_lint.core.files import is_file, is_folder, read_at_most, searched
from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.core.words import Word, Words
from forgather_lint.documents.commands.shell import Command
from forgather_lint.documents.discover import BUILT

MOST_BYTES = 1 << 20
MOST_FILES = 2_000
MOST_COMMANDS = 200
_SCRIPTS = (".sh", ".bash", ".zsh", ".ksh", ".slurm", ".sbatch")
_MAKEFILES = ("Makefile", "makefile", "GNUmakefile")
_KEPT_HIDDEN = frozenset({".github", ".gitlab", ".forgejo", ".gitea", ".circleci"})


@record
class Launch:
    """How an engine's server is started.

    `project` is the engine. `program` with `verb` takes the model as its first free word, the
    `modules` of `python -m` as an option. `image` matches the name of an image whose entry point is
    the server, with the group `tag`; `mark` stands in every file that may speak of any of it. In
    Python `calls` of classes of `package` do the same.
    """

    project: str
    program: str
    verb: str
    modules: tuple[str, ...]
    image: re.Pattern[str]
    mark: bytes
    package: str = ""
    calls: tuple[str, ...] = ()


@record
class Surroundings:
    """What stands around a command: the release of its image, its devices, folders it is given.

    `release` is as the tag writes it, `mounted` maps folders of the container to those of the host.
    """

    release: str | None = None
    devices: int | None = None
    devices_at: Place | None = None
    environment: Mapping[str, str | None] = field(default_factory=dict)
    mounted: Mapping[str, str] = field(default_factory=dict)


@record
class Keyword:
    """An argument of a call: its name, where that stands, and its value as a command writes it.

    `value` is None where it is None: then the argument might as well be left out.
    """

    name: str
    word: Word
    value: Word | None


@record
class ServingCall:
    """What a call in Python is given: the class that is called, and its arguments.

    `complete`: there is nothing that may hold further ones.
    """

    called: str
    word: Word
    keywords: tuple[Keyword, ...]
    complete: bool


@record
class ServingCommand:
    """A command that serves a model: its words behind those that start the server.

    `positional`: the first free word is the model. Of a `call` in Python there are no words.
    """

    path: str
    launch: Launch
    arguments: Words
    environment: Mapping[str, str | None]
    positional: bool
    around: Surroundings = Surroundings()
    call: ServingCall | None = None


def serving(
    path: str, command: Command, launch: Launch, around: Surroundings | None = None
) -> ServingCommand | None:
    """`command` as one that starts the server of `launch`, if it is one."""
    words, around = command.words, around or Surroundings()
    environment = {**around.environment, **command.environment, **_of_env(words)}
    for index, word in enumerate(words):
        rest, text = words[index + 1 :], _name(word)
        if text == launch.program and rest and rest[0].text == launch.verb:
            return ServingCommand(path, launch, rest[1:], environment, True, around)
        if text == "-m" and rest and rest[0].text in launch.modules:
            return ServingCommand(path, launch, rest[1:], environment, False, around)
        image = launch.image.search(word.text or "")
        if image is not None and index and _name(words[0]) in ("docker", "podman", "nerdctl"):
            docker = _of_docker(words[:index], image, around)
            return of_container(path, rest, launch, docker, environment)
    return None


def of_container(
    path: str,
    arguments: Sequence[Word],
    launch: Launch,
    around: Surroundings,
    environment: Mapping[str, str | None],
) -> ServingCommand | None:
    """What the image of a server makes of the arguments that a container gives it."""
    whole = serving(path, Command(tuple(arguments), environment), launch, around)
    if whole is not None:
        return whole
    return ServingCommand(path, launch, tuple(arguments), environment, True, around)


def release_of(image: re.Match[str]) -> str | None:
    """The release that the tag of an image names; None for `latest`, `nightly` and none."""
    found = re.match(r"\d+\.\d+(?:\.\d+)?", image["tag"] or "")
    return found[0] if found else None


def _of_docker(words: Words, image: re.Match[str], around: Surroundings) -> Surroundings:
    """What `docker run` is told in front of the image."""
    environment: dict[str, str | None] = dict(around.environment)
    mounted = dict(around.mounted)
    devices, devices_at = around.devices, around.devices_at
    for word, following in zip(words, (*words[1:], None), strict=True):
        name, has_value, said = (word.text or "").partition("=")
        value = said if has_value else (following.text if following else None) or ""
        if name in ("-e", "--env"):
            key, _, content = value.partition("=")
            environment[key] = content
        elif name in ("-v", "--volume"):
            host, _, inside = value.partition(":")
            mounted[inside.partition(":")[0]] = host
        elif name == "--gpus":
            count = _device_count(value)
            devices, devices_at = count, word.span if count is not None else devices_at
    return Surroundings(release_of(image), devices, devices_at, environment, mounted)


def _device_count(value: str) -> int | None:
    value = value.strip("'\"")
    if value.isdigit():
        return int(value)
    if value.startswith("device="):
        return len(value.removeprefix("device=").split(","))
    return None


def _name(word: Word) -> str:
    return (word.text or "").rpartition("/")[2]


def _of_env(words: Words) -> dict[str, str | None]:
    """The variables of `env A=1 command`."""
    found: dict[str, str | None] = {}
    if words and _name(words[0]) == "env":
        for word in words[1:]:
            name, assigns, value = (word.text or word.beginning).partition("=")
            if not assigns:
                break
            found[name] = value if word.text is not None else None
    return found


def command_files(
    path: Path, marks: Sequence[bytes], excluded: Callable[[str], bool]
) -> Iterator[Path]:
    """The files at or below `path` that may hold such commands: one of `marks` stands in them.

    A mark that ends with a parenthesis is a call, of which Python must hold one.
    """
    if is_file(path):
        if kind_of(path) is not None and _speaks(path, marks):
            yield path
        return
    if not is_folder(path):
        return
    seen = seen_python = 0
    for folder, files in searched(path, excluded, BUILT, _KEPT_HIDDEN):
        for name in sorted(files):
            file = folder / name
            if kind_of(file) is None or excluded(str(file)):
                continue
            if kind_of(file) == "python":
                seen_python += 1
                if seen_python > MOST_FILES:
                    continue
            else:
                seen += 1
            if seen > MOST_FILES:
                return
            if _speaks(file, marks):
                yield file


def kind_of(path: Path) -> str | None:
    """What a file is by its name: `shell`, `make`, `docker`, `yaml`, `systemd` or `python`."""
    name, suffix = path.name, path.suffix
    if suffix in _SCRIPTS:
        return "shell"
    if name in _MAKEFILES or suffix == ".mk":
        return "make"
    if name.startswith(("Dockerfile", "Containerfile")) or suffix == ".dockerfile":
        return "docker"
    if suffix in (".yaml", ".yml"):
        return "yaml"
    if suffix == ".py":
        return "python"
    return "systemd" if suffix == ".service" else None


def marks_of(launch: Launch) -> tuple[bytes, ...]:
    """What a file must hold to be asked for commands that start this server."""
    return launch.mark, *(f"{name}(".encode() for name in launch.calls)


def _speaks(path: Path, marks: Sequence[bytes]) -> bool:
    try:
        text = read_at_most(path, MOST_BYTES)
    except OSError:
        return False
    found = [mark for mark in marks if mark in text]
    calls = any(mark.endswith(b"(") for mark in found)
    return any(not mark.endswith(b"(") for mark in found) and (calls or path.suffix != ".py")
