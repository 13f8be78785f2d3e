"""`serve`: whether one command would serve its model."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from forgather_lint import checking
from forgather_lint.core.settings import SettingsError
from forgather_lint.documents.commands.found import ServingCommand, serving
from forgather_lint.documents.commands.located import located
from forgather_lint.documents.commands.shell import commands
from forgather_lint.engines.registry import launches
from forgather_lint.linting.report import Run
from forgather_lint.shell import configuration, options
from forgather_lint.shell.contained import workers_for
from forgather_lint.shell.reporters import formats, reporter
from forgather_lint.shell.reporters.parts.style import Color, Style, wants_color
from forgather_lint.shell.say import say

COMMAND = "<command>"
"""Where findings on the words of the command stand: it is in no file."""


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--target", multiple=True, metavar="RELEASE", help="vllm==0.32; may be repeated.")
@click.option("--output-format", type=click.Choice(formats()), help="How findings are written.")
@click.option("--color", type=click.Choice([color.value for color in Color]), default="auto")
@options.limits
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED)
def command(
    target: tuple[str, ...],
    output_format: str | None,
    color: str,
    debug: bool,
    time_limit: str | None,
    memory_limit: str | None,
    words: tuple[str, ...],
) -> None:
    """Judge the command WORDS, such as `-- vllm serve MODEL --tensor-parallel-size 4`.

    Its options are held to what the release knows, its model (when the folder is here) is checked
    at exactly the sizes, data type and length that it asks for. Nothing is run.

    Exit code: 0 when it serves, 1 when not or undecided, 2 when it could not be judged.
    """
    with options.misuse_told():
        asked = {
            "target": target,
            "output_format": output_format,
            "debug": debug,
            "time_limit": time_limit,
            "memory_limit": memory_limit,
        }
        settings = configuration.resolve(None, asked)
        options.chosen(settings.target)
        text = shlex.join(words)
        command = _read(text)
        with workers_for(settings) as workers:
            reports = checking.check_command(
                command, Path.cwd(), settings, None if settings.debug else workers
            )
            run = Run(tuple(reports))
    for report in run.errors:
        say(f"error: {report.path}: {report.error}", err=True)
    say(f"$ {text}")
    style = Style(wants_color(Color(color), sys.stdout), str(Path.cwd()), False)
    sys.stdout.writelines(f"{line}\n" for line in reporter(settings.output_format)(run, style))
    sys.exit(run.exit_code)


def _read(text: str) -> ServingCommand:
    given = list(commands(located(COMMAND, text)))
    found = [serving(COMMAND, each, launch) for each in given for launch in launches()]
    command = next((each for each in found if each is not None), None)
    if command is None:
        raise SettingsError(f"no command that serves a model: {text}")
    return command
