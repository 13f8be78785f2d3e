"""`rule`: the pages of the rules."""

from __future__ import annotations

import json
import sys

import click

from forgather_lint.core.settings import nearest
from forgather_lint.linting.registry import builtin_rules, names, selector
from forgather_lint.linting.rule import Rule
from forgather_lint.shell.contained import in_one_line


@click.command()
@click.argument("code", required=False)
@click.option("--all", "every", is_flag=True, help="All rules.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text")
@in_one_line
def command(code: str | None, every: bool, output_format: str) -> None:
    """Explain a rule: what it finds, why that is bad, what you see at run time.

    CODE may also be the name of the rule. Without it the rules are listed.
    """
    if code is not None and every:
        raise click.UsageError("either one CODE or --all")
    if code is None and not every:
        _list(output_format)
        return
    rules = builtin_rules() if code is None else (_named(code),)
    if output_format == "json":
        objects = [_as_object(rule) for rule in rules]
        click.echo(json.dumps(objects if every else objects[0], indent=2))
        return
    pages = "\n\n".join(f"# {rule.name} ({rule.code})\n\n{rule.page}" for rule in rules)
    _show(pages)


def _list(output_format: str) -> None:
    rules = builtin_rules()
    if output_format == "json":
        keys = ("code", "name", "summary", "severity")
        listed = [{key: _as_object(rule)[key] for key in keys} for rule in rules]
        click.echo(json.dumps(listed, indent=2))
        return
    names = max(len(rule.name) for rule in rules)
    for rule in rules:
        click.echo(f"{rule.code}  {rule.severity:<7}  {rule.name:<{names}}  {rule.summary}")


def _named(code: str) -> Rule:
    """The rule with this code or name. Raises a usage error that names the nearest."""
    rules = builtin_rules()
    for rule in rules:
        if selector(code) == rule.code:
            return rule
    raise click.UsageError(f"no rule is called {code!r}{nearest(code, names())}")


def _as_object(rule: Rule) -> dict[str, str]:
    return {
        "code": rule.code,
        "name": rule.name,
        "summary": rule.summary,
        "severity": rule.severity,
        "explanation": rule.page,
    }


def _show(markdown: str) -> None:
    """Print Markdown: as it is to a pipe, formatted on a terminal."""
    if not sys.stdout.isatty():
        click.echo(markdown)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console(width=min(100, Console().width)).print(Markdown(markdown))
