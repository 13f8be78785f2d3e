"""`serve`: whether one command would serve its model."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from forgather_lint.core.settings import SettingsError
from forgather_lint.documents.commands.found import ServingCommand, serving
from forgather_lint.documents.commands.located import located
from forgather_lint.documents.commands.shell import commands
from forgather_lint.documents.commands.texts import commands_of
from forgather_lint.engines.registry import launches
from forgather_lint.linting.report import Run
from forgather_lint.session import checking
from forgather_lint.shell import configuration, options
from forgather_lint.shell.contained import workers_for
from forgather_lint.shell.reporters import FOR_PEOPLE, formats, reporter
from forgather_lint.shell.reporters.parts.style import Color, Style, wants_color
from forgather_lint.shell.say import say

COMMAND = "<command>"
"""The file name in findings on the words of the command, which is in no file."""


@click.command(context_settings={"allow_interspersed_args": False})
@click.option(
    "--target", multiple=True, metavar="RELEASE", help="What serves: 'vllm>=0.30'. May be repeated."
)
@click.option("--output-format", type=click.Choice(formats()), help="How findings are written.")
@click.option("--color", type=click.Choice([color.value for color in Color]), default="auto")
@options.memory
@options.limits
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED)
def command(
    target: tuple[str, ...],
    output_format: str | None,
    color: str,
    gpu_memory: str | None,
    gpu_memory_utilization: str | None,
    debug: bool,
    time_limit: str | None,
    memory_limit: str | None,
    words: tuple[str, ...],
) -> None:
    """Judge the command WORDS, such as `-- vllm serve MODEL --tensor-parallel-size 4`.

    Of `-- python script.py` the calls of `LLM(...)`, `EngineArgs(...)` and `AsyncEngineArgs(...)`
    in the script are judged.

    Its options are held to what the release knows, its model (when the folder is here) is checked
    at exactly the sizes, data type and length that it asks for. A model that is not here, such as a
    name of the hub, leaves it undecided. Nothing is run, the hub is not asked.

    Exit code: 0 when it serves, 1 when not or undecided, 2 when it could not be judged.
    """
    with options.misuse_told():
        asked = {
            "target": target,
            "output_format": output_format,
            "gpu_memory": gpu_memory,
            "gpu_memory_utilization": gpu_memory_utilization,
            "debug": debug,
            "time_limit": time_limit,
            "memory_limit": memory_limit,
        }
        settings = configuration.resolve(None, asked)
        options.targets_given(settings.target)
        text = shlex.join(words)
        found = _read(text, words)
        with workers_for(settings) as workers:
            each = None if settings.debug else workers
            reports = [
                report
                for command in found
                for report in checking.check_command(command, Path.cwd(), settings, each)
            ]
            run = Run(tuple(reports))
    for report in run.errors:
        say(f"error: {report.path}: {report.error}", err=True)
    say(f"$ {text}", err=settings.output_format not in FOR_PEOPLE)
    style = Style(wants_color(Color(color), sys.stdout), str(Path.cwd()), False)
    sys.stdout.writelines(f"{line}\n" for line in reporter(settings.output_format)(run, style))
    sys.exit(run.exit_code)


def _read(text: str, words: Sequence[str]) -> list[ServingCommand]:
    given = list(commands(located(COMMAND, text)))
    found = [serving(COMMAND, each, launch) for each in given for launch in launches()]
    command = next((each for each in found if each is not None), None)
    if command is not None:
        return [command]
    script = next((Path(word) for word in words if word.endswith(".py")), None)
    if script is None or not Path(words[0]).name.startswith("python"):
        raise SettingsError(f"no command that serves a model: {text}")
    if not script.is_file():
        raise SettingsError(f"no such file: {script}")
    calls = [each for launch in launches() for each in commands_of(script, launch)]
    if not calls:
        raise SettingsError(f"no call in {script} that starts an engine")
    return calls
