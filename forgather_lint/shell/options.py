"""Command-line options that several commands share, in groups.

Options that are also allowed in a configuration file are passed on as text: `configuration` parses
and checks both alike. They have the same names as in `Settings`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from forgather_lint.core.settings import SettingsError
from forgather_lint.shell.configuration import DTYPES
from forgather_lint.shell.say import say

if TYPE_CHECKING:
    from forgather_lint.engines.api import Target

Command = Callable[..., Any]


def paths(command: Command) -> Command:
    """The argument PATHS."""
    return click.argument("paths", nargs=-1, type=click.Path(path_type=Path))(command)


def one_model(command: Command) -> Command:
    """The argument PATH of one model, and the option for a configuration of a Forgather project."""
    return _all(
        click.argument("path", type=click.Path(path_type=Path)),
        template("The configuration of the Forgather project at PATH (default: its own)."),
    )(command)


def template(text: str) -> Callable[[Command], Command]:
    """The option for a configuration of a project; `text` is its help."""
    return click.option("-t", "--config-template", "template", metavar="CONFIG", help=text)


def configuration(command: Command) -> Command:
    """Options for the configuration file."""
    return _all(
        click.option(
            "--config",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Read this configuration file and no other.",
        ),
        click.option("--isolated", is_flag=True, help="Read no configuration file."),
    )(command)


def selection(command: Command) -> Command:
    """Options for which rules run, and on which files."""
    return _all(
        _words("--select", "CODES", "Run only these rules: codes, their beginnings, or ALL."),
        _words("--extend-select", "CODES", "Run these rules as well."),
        _words("--ignore", "CODES", "Do not run these rules."),
        _words("--per-file-ignores", "PATTERN:CODE", "Ignore a rule in some files."),
        _words("--exclude", "PATTERNS", "Do not search these files and folders."),
        click.option(
            "--force-exclude",
            is_flag=True,
            help="Pass over named paths that are excluded or belong to no model.",
        ),
    )(command)


def fixes(command: Command) -> Command:
    """Options for fixes; names and meanings are ruff's."""
    return _all(
        _either("--fix", "Mend what can be mended safely."),
        _either("--unsafe-fixes", "Mend also where a fix may not be what you meant."),
        _either("--show-fixes", "Name each kind of finding that was mended."),
        click.option(
            "--diff",
            is_flag=True,
            help="Write nothing; show what --fix-only would change. Exit 1 if anything.",
        ),
        _either("--fix-only", "Mend, and report nothing of what is left. Implies --fix."),
        click.option(
            "--exit-non-zero-on-fix",
            is_flag=True,
            help="Exit 1 when a file was changed, though nothing is left.",
        ),
    )(command)


def known_findings(command: Command) -> Command:
    """Options for findings not to be reported again: by a baseline, or by comments."""
    return _all(
        click.option(
            "--baseline",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Leave out the findings in FILE, wherever their lines have moved.",
        ),
        click.option(
            "--write-baseline",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Write all findings to FILE, and report none.",
        ),
        click.option(
            "--add-ignore",
            is_flag=True,
            help="Silence all findings by comments where they stand; --diff shows them.",
        ),
    )(command)


def changes(command: Command) -> Command:
    """Options for which models are skipped, according to git."""
    return _all(
        click.option(
            "--changed-only", is_flag=True, help="Check only what rests on a file that changed."
        ),
        click.option(
            "--base-ref",
            metavar="REF",
            help="Changed since HEAD and REF parted (default: since HEAD).",
        ),
        click.option(
            "--with-deleted",
            is_flag=True,
            help="Besides PATHS check the models that a file was deleted from, as git says.",
        ),
    )(command)


def targets(command: Command) -> Command:
    """Options for what serves the model, and how it is split."""
    return _all(
        _words("--target", "RELEASE", "What serves: 'vllm>=0.30'. May be repeated."),
        click.option(
            "-tp", "--tensor-parallel-size", metavar="SIZES", help="Ranks: '2', or '1,2,4'."
        ),
        click.option(
            "-pp", "--pipeline-parallel-size", metavar="SIZES", help="Stages: '2', or '1,2'."
        ),
        click.option("--dtype", type=click.Choice(DTYPES), help="As the engine's --dtype."),
        click.option("--max-model-len", metavar="TOKENS", help="As the engine's --max-model-len."),
        model_impl,
        memory,
    )(command)


def memory(command: Command) -> Command:
    """Options for the memory of each device, and how the engine uses it."""
    return _all(
        click.option(
            "--gpu-memory", metavar="SIZE", help="Memory of each device, such as 24GiB: what fits?"
        ),
        click.option(
            "--gpu-memory-utilization",
            metavar="PART",
            help="As the engine's --gpu-memory-utilization (default: what the release takes).",
        ),
    )(command)


def model_impl(command: Command) -> Command:
    """The option for whose code is to compute the model."""
    return click.option(
        "--model-impl",
        metavar="IMPL",
        help="As the engine's --model-impl: auto (default), its own name or transformers.",
    )(command)


def cache(command: Command) -> Command:
    """Options for whether and where answers are kept for the next run."""
    return _all(
        click.option(
            "--no-cache",
            is_flag=True,
            envvar="FORGATHER_LINT_NO_CACHE",
            help="Neither read nor keep answers of other runs.",
        ),
        click.option(
            "--cache-dir",
            metavar="DIR",
            envvar="FORGATHER_LINT_CACHE_DIR",
            help="Where answers are kept (default: .forgather_lint_cache beside the project).",
        ),
    )(command)


def limits(command: Command) -> Command:
    """Options for what the analysis of one model may take, and `--debug`."""
    return _all(
        click.option(
            "--time-limit",
            metavar="SECONDS",
            help="Processor time that one model may take (default: 120).",
        ),
        click.option(
            "--memory-limit", metavar="GIB", help="Memory that one model may take (default: 4)."
        ),
        debug,
    )(command)


def debug(command: Command) -> Command:
    """The option to show internal errors with their traceback."""
    return click.option(
        "--debug", is_flag=True, help="End with the traceback of an internal error."
    )(command)


class CannotRun(click.ClickException):
    """Ends the program with a line on standard error and exit code 2."""

    exit_code = 2


@contextmanager
def misuse_told() -> Iterator[None]:
    """End the program with exit code 2 if the block meets an unusable option or output."""
    try:
        yield
    except SettingsError as error:
        raise CannotRun(str(error)) from error
    except OSError as error:
        if error.filename is None:
            raise  # the output's own: click and `main` know what to do
        raise CannotRun(f"{error.filename}: {error.strerror}") from error


def targets_given(specifications: Sequence[str], quiet: bool = False) -> tuple[Target, ...]:
    """The targets of `--target`; notes on the choice go to standard error, unless `quiet`.

    Raises `SettingsError` with the reason of a refusal.
    """
    from forgather_lint.engines.chosen_targets import chosen_targets  # what a warm run knows

    selection = chosen_targets(specifications)
    for notice in () if quiet else selection.notices:
        say(f"note: {notice}", err=True)
    return selection.targets


def _words(name: str, metavar: str, text: str) -> Callable[[Command], Command]:
    return click.option(name, multiple=True, metavar=metavar, help=text)


def _either(name: str, text: str) -> Callable[[Command], Command]:
    """A switch, with its `--no-` form, that may also be in a configuration file."""
    return click.option(f"{name}/--no-{name.removeprefix('--')}", default=None, help=text)


def _all(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """`options` as one decorator; `--help` lists them in the order given."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
