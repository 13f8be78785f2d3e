"""Commands that serve a model, where people keep them: scripts, images, compose files, manifests.

Nothing is run and nothing is resolved over the network. The release in an image's tag, variables
set by `environment:` and requested devices are recorded with the command.
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
from forgather_lint.documents.commands.nested import SCRIPTS, name_of, tells
from forgather_lint.documents.commands.shell import Command
from forgather_lint.documents.discover import BUILT

MOST_BYTES = 1 << 20
MOST_FILES = 2_000
MOST_COMMANDS = 200
_NAMES = {
    **dict.fromkeys(("Makefile", "makefile", "GNUmakefile"), "make"),
    **dict.fromkeys(("justfile", "Justfile", ".justfile"), "just"),
    "Procfile": "procfile",
    "supervisord.conf": "supervisor",
}
_SUFFIXES = {
    ".mk": "make",
    ".just": "just",
    ".dockerfile": "docker",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".py": "python",
    ".service": "systemd",
    ".ini": "supervisor",
    ".conf": "supervisor",
}
"""Beside those of scripts. What is read as supervisord's has lines `command=`, or nothing in it."""
_KEPT_HIDDEN = frozenset({".github", ".gitlab", ".forgejo", ".gitea", ".circleci"})
_HELP = frozenset({"-h", "--help"})
_CONTAINERS = frozenset({"docker", "podman", "nerdctl"})
_STARTS = frozenset({"run", "create"})
"""Of their verbs, those that start an image: `pull`, `build` and others only name it."""


Marks = tuple[bytes, ...]
"""What a file with a command contains: the first, and one of Python one of the others too."""


@record
class Launch:
    """How an engine's server is started.

    `project` is the engine. After `program verb` the model is the first free word, and so it is
    after `python -m main verb`; `python -m` one of `modules` takes it as an option. `image` is a
    pattern for names of images that start the server, with the group `tag`. In Python, `calls` are
    the classes of `package` that do the same. Every file that may start the server in any of these
    ways contains `mark`.
    """

    project: str
    program: str
    verb: str
    modules: tuple[str, ...]
    image: re.Pattern[str]
    mark: bytes
    main: str = ""
    package: str = ""
    calls: tuple[str, ...] = ()


@record
class Surroundings:
    """What is known around a command: the release of its image, its devices, its mounted folders.

    `release` is as the tag writes it, `mounted` maps folders of the container to those of the host.
    """

    release: str | None = None
    devices: int | None = None
    devices_at: Place | None = None
    environment: Mapping[str, str | None] = field(default_factory=dict)
    mounted: Mapping[str, str] = field(default_factory=dict)

    def on_host(self, path: str) -> str:
        """The path outside the container of one inside it, if its folder is mounted."""
        for inside, host in self.mounted.items():
            folder = inside.rstrip("/")
            if inside and (path == inside or path.startswith(f"{folder}/")):
                return host.rstrip("/") + path[len(folder) :]
        return path


@record
class Keyword:
    """An argument of a call: its name, the place of that, and its value as a command writes it.

    `value` is None for the Python value None, which is the same as leaving the argument out.
    """

    name: str
    word: Word
    value: Word | None


@record
class ServingCall:
    """A call in Python that serves a model: the class, and the arguments.

    `complete`: nothing in it may hold further arguments, as `**options` would.
    """

    called: str
    word: Word
    keywords: tuple[Keyword, ...]
    complete: bool


@record
class ServingCommand:
    """A command that serves a model, without the words that start the server.

    `positional`: the first free word is the model. With a `call` in Python there are no words.
    `branches`: some of the words may stand in branches that exclude each other.
    """

    path: str
    launch: Launch
    arguments: Words
    environment: Mapping[str, str | None]
    positional: bool
    around: Surroundings = Surroundings()
    call: ServingCall | None = None
    branches: bool = False


def serving(
    path: str, command: Command, launch: Launch, around: Surroundings | None = None
) -> ServingCommand | None:
    """`command` as one that starts the server of `launch`; None if it does not."""
    if tells(command):
        return None
    words, around = command.words, around or Surroundings()
    environment = {**around.environment, **command.environment, **_of_env(words)}
    for index, word in enumerate(words):
        rest, text = words[index + 1 :], name_of(word)
        if text == launch.program and rest and rest[0].text == launch.verb:
            return _started(ServingCommand(path, launch, rest[1:], environment, True, around))
        if text == "-m" and rest and rest[0].text in launch.modules:
            return _started(ServingCommand(path, launch, rest[1:], environment, False, around))
        if text == "-m" and [each.text for each in rest[:2]] == [launch.main, launch.verb]:
            return _started(ServingCommand(path, launch, rest[2:], environment, True, around))
        image = launch.image.search(word.text or "")
        if image is not None and _starts_as_it_is(words[:index]):
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
    """The command of a container from the server's image with these arguments.

    None if it serves nothing.
    """
    whole = serving(path, Command(tuple(arguments), environment), launch, around)
    if whole is not None:
        return whole
    return _started(ServingCommand(path, launch, tuple(arguments), environment, True, around))


def _started(command: ServingCommand) -> ServingCommand | None:
    """The command; None where argparse prints what it takes and ends, as for `--help=page`."""
    said = ((word.text or word.beginning).partition("=")[0] for word in command.arguments)
    return None if any(each in _HELP for each in said) else command


def release_of(image: re.Match[str]) -> str | None:
    """The release that the tag of an image names; None for `latest`, `nightly` and no tag."""
    found = re.match(r"\d+\.\d+(?:\.\d+)?", image["tag"] or "")
    return found[0] if found else None


def _starts_as_it_is(before: Words) -> bool:
    """Whether the words before an image's name start it, and with the program that it is for."""
    names = [name_of(word) for word in before]
    program = next((at for at, name in enumerate(names) if name in _CONTAINERS), len(names))
    if not any(word.text in _STARTS for word in before[program + 1 :]):
        return False
    return not any((word.text or "").startswith("--entrypoint") for word in before)


def _of_docker(words: Words, image: re.Match[str], around: Surroundings) -> Surroundings:
    """`around`, with what the options of `docker run` before the name of the image say."""
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


def _of_env(words: Words) -> dict[str, str | None]:
    """The variables that `env A=1 command` sets."""
    found: dict[str, str | None] = {}
    if words and name_of(words[0]) == "env":
        for word in words[1:]:
            name, assigns, value = (word.text or word.beginning).partition("=")
            if not assigns:
                break
            found[name] = value if word.text is not None else None
    return found


def command_files(
    path: Path, marks: Sequence[Marks], excluded: Callable[[str], bool]
) -> Iterator[Path]:
    """The files at or below `path` that have one of `marks`, and so may hold such commands."""
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
    """A file's format by its name, as the readers know it; None where it holds no commands."""
    name, suffix = path.name, path.suffix
    if suffix in SCRIPTS:
        return "shell"
    if name in _NAMES:
        return _NAMES[name]
    if name.startswith(("Dockerfile", "Containerfile")):
        return "docker"
    return _SUFFIXES.get(suffix)


def marks_of(launch: Launch) -> Marks:
    """What a file must contain to hold a command or call of `launch`."""
    words = (f"{launch.program} {launch.verb}", f'"{launch.verb}"', f"'{launch.verb}'")
    named = (*(f"{name}(" for name in launch.calls), *words, launch.main, *launch.modules)
    return launch.mark, *(each.encode() for each in named if each)


def _speaks(path: Path, marks: Sequence[Marks]) -> bool:
    try:
        text = read_at_most(path, MOST_BYTES)
    except OSError:
        return False
    is_python = path.suffix == ".py"
    return any(
        whole in text and (not is_python or any(each in text for each in parts))
        for whole, *parts in marks
    )
