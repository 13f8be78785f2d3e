"""The command line: each module of the folder `commands` is a verb, `check` the default."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import click

from forgather_lint.core.about import NAME, version
from forgather_lint.core.files import near_path
from forgather_lint.core.printable import printable
from forgather_lint.core.settings import nearest
from forgather_lint.shell import commands

DEFAULT = "check"


@contextmanager
def _printable_errors() -> Iterator[None]:
    """Make click's usage errors printable: they quote paths and options of any content."""
    try:
        yield
    except click.ClickException as error:
        told = error.format_message()
        if "\n" not in told and printable(told) == told:
            raise
        context = error.ctx if isinstance(error, click.UsageError) else None
        raise click.UsageError(printable(told), context) from error


class Verbs(click.Group):
    """Imports only the verb that is asked for."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return [module.name for module in pkgutil.iter_modules(commands.__path__)]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(context):
            return None
        return cast("click.Command", importlib.import_module(f"{commands.__name__}.{name}").command)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs with their whole summary, which click would cut to the line."""
        rows = []
        for name in self.list_commands(context):
            command = self.get_command(context, name)
            if command is not None and not command.hidden:
                rows.append((name, command.get_short_help_str(limit=1000)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(context, self._with_verb(context, args))

    def make_context(self, *given: Any, **named: Any) -> click.Context:
        with _printable_errors():
            return super().make_context(*given, **named)

    def invoke(self, context: click.Context) -> object:
        with _printable_errors():
            return super().invoke(context)

    def _with_verb(self, context: click.Context, args: list[str]) -> list[str]:
        """`args` with `check` before them when they name no verb."""
        verbs = self.list_commands(context)
        own = {name for option in self.get_params(context) for name in option.opts}
        if args and (args[0] in verbs or args[0] in own):
            return args
        if args and not args[0].startswith("-") and not Path(args[0]).exists():
            hint = nearest(args[0], verbs) or near_path(Path(args[0]))
            raise click.UsageError(f"no command and no path is called {args[0]!r}{hint}", context)
        return [DEFAULT, *args]


def _print_version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"{NAME} {version()}")
        context.exit()


@click.command(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Without a command the paths are checked: 'forgather-lint DIR'.",
)
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version.",
)
def cli() -> None:
    """Tell from source alone whether vLLM will serve a model that is split over several GPUs."""
