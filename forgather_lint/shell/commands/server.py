"""`server`: the language server of an editor."""

from __future__ import annotations

import os
import sys

import click

from forgather_lint.shell.options import CannotRun


@click.command()
@click.option("--stdio", is_flag=True, help="Speak over standard streams, as it always does.")
def command(stdio: bool) -> None:
    """Serve an editor over standard input and output (Language Server Protocol).

    Wants pygls and lsprotocol: pip install 'forgather-lint[server]'.
    """
    del stdio  # what editors pass by custom
    # The process that analyses reads its libraries while this one does.
    from forgather_lint.shell.server.link import Link

    link = Link()
    try:
        from forgather_lint.shell.server.handlers import server
    except ModuleNotFoundError as error:
        link.end()
        if error.name is None or error.name.partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        told = f"{error.name} is not installed: pip install 'forgather-lint[server]'"
        raise CannotRun(told) from error
    to_client = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing but the protocol goes out there
    try:
        server(link).start_io(sys.stdin.buffer, to_client)
    finally:
        link.end()
