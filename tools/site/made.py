"""The pages of the site that are made from code: rules, commands, functions, releases."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import click

import forgather_lint
from forgather_lint.engines.listing import Profile, profiles
from forgather_lint.engines.registry import project, projects
from forgather_lint.linting.rule import Rule
from forgather_lint.shell.cli import cli

SUITES = Path(__file__).parents[2] / "fixtures" / "rules"


def rule_index(rules: Sequence[Rule]) -> str:
    """Every rule with its summary, by family."""
    lines = ["# Rules", ""]
    family = ""
    for rule in rules:
        if family != (family := Path(rule.file).parent.name):
            lines += ["", f"## {family.replace('_', ' ')}", "", "| code | severity | |"]
            lines += ["| --- | --- | --- |"]
        link = f"[{rule.code}]({rule.code}.md)"
        lines.append(f"| {link} | {rule.severity} | {_cell(rule.summary)}<br>`{rule.name}` |")
    return "\n".join(lines) + "\n"


def rule_page(rule: Rule) -> str:
    """The page of a rule, with a case of its suite and its output."""
    summary, _, rest = rule.page.partition("\n")
    about = f"*{rule.severity}, `{rule.name}`*"
    rest = re.sub(r"^  - ", "    - ", rest, flags=re.MULTILINE)  # as the generator nests lists
    case = "\n".join(_case(rule))
    return f"# {rule.code}: {summary.rstrip('.')}\n\n{about}\n{rest}\n{case}"


def _case(rule: Rule) -> Iterator[str]:
    """The first case of the suite with a finding: its text, and the output for it."""
    suite = SUITES / Path(rule.file).parent.name / f"{Path(rule.file).stem}.md"
    shown = suite.with_suffix(".txt")
    if not shown.exists():
        return
    found = re.search(
        rf"^## (.+)\n\n((?:(?!^## ).*\n)*?.*\b{rule.code} (?:(?!^## ).*\n)*)",
        shown.read_text("utf-8") + "\n",
        re.MULTILINE,
    )
    if found is None:
        return
    stated = re.search(
        rf"^## {re.escape(found[1])}\n((?:(?!^## ).*\n)*)", suite.read_text("utf-8") + "\n", re.M
    )
    assert stated is not None, f"{suite} has no case {found[1]!r}"
    yield "\n## A case, and what is shown\n"
    yield f"From its tests: *{found[1]}*. A `diff` changes a small model that serves.\n"
    yield re.sub(r"^```(\w+) (\S+)(.*)$", r'``` {.\1 title="\2\3"}', stated[1], flags=re.M)
    yield f"```text\n{found[2].rstrip()}\n```\n"


def commands() -> str:
    """What each command does, and its options."""
    assert isinstance(cli, click.Group)
    context = click.Context(cli, info_name="forgather-lint")
    return "# Commands and options\n" + "".join(
        _command(f"forgather-lint {name}", cli.get_command(context, name))
        for name in cli.list_commands(context)
    )


def _command(name: str, command: click.Command | None) -> str:
    assert command is not None
    context = click.Context(command, info_name=name)
    text = inspect.cleandoc(command.help or "")
    lines = ["", f"## {name}", "", text, ""]
    if isinstance(command, click.Group):
        return "\n".join(lines) + "".join(
            _command(f"{name} {verb}", command.get_command(context, verb))
            for verb in command.list_commands(context)
        )
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    lines += [f"`{usage}`", "", "| option | |", "| --- | --- |"]
    for parameter in command.get_params(context):
        if told := parameter.get_help_record(context):
            lines.append(f"| `{' '.join(told[0].split())}` | {_cell(told[1])} |")
    return "\n".join(lines) + "\n"


def functions() -> str:
    """The functions for scripts, with their docstrings."""
    lines = ["# Functions", "", "`from forgather_lint import ...`"]
    for name in forgather_lint.__all__:
        function = getattr(forgather_lint, name)
        lines += ["", f"## {name}", "", f"```python\n{_signature(function)}\n```", ""]
        lines.append(inspect.getdoc(function) or "")
    return "\n".join(lines) + "\n"


def _signature(function: Callable[..., object]) -> str:
    """How a function is called, with a parameter a line."""
    signature = inspect.signature(function)
    starred = inspect.Parameter.KEYWORD_ONLY
    parameters = [str(each) for each in signature.parameters.values()]
    kinds = [each.kind for each in signature.parameters.values()]
    if starred in kinds:
        parameters.insert(kinds.index(starred), "*")
    listed = "".join(f"    {each},\n" for each in parameters)
    text = f"{function.__name__}(\n{listed}) -> {signature.return_annotation}"
    return text.replace("'", "")


def releases() -> Iterator[tuple[str, str, str]]:
    """For each engine and library its title, file and page: what changed with which release."""
    for name in projects():
        title = project(name).title
        lines = [
            f"# Releases of {title}",
            "",
            f"What changed in {title} for models that are split, as the data of this tool has it,",
            "and the place that it was read from. Releases that change nothing stand together.",
        ]
        lines += [line for profile in reversed(profiles(name)) for line in _profile(profile)]
        yield title, f"releases-{name}.md", "\n".join(lines) + "\n"


def _profile(profile: Profile) -> Iterator[str]:
    yield from ("", f"## {' to '.join(_ends(profile))}", "")
    for requires in profile.requires:
        who = f"{requires.releases[0]} and later ones" if len(profile.requires) > 1 else "it"
        yield f"- transformers, as {who} requires: `{requires.transformers}`"
    if not profile.changes:
        yield "- where this tool's knowledge begins"
    for change in profile.changes:
        yield f"- **{change.fact}**: {_value(change.before)} → {_value(change.after)}"
        yield f"    (`{change.source}`)"


def _ends(profile: Profile) -> Iterable[str]:
    return dict.fromkeys((str(profile.span.releases[0]), str(profile.span.releases[-1])))


def _value(text: str) -> str:
    return f"`{text}`" if text and text != "-" else "nothing"


def _cell(text: str) -> str:
    """A text for a cell of a table; in code a bar divides no cells, and a backslash would show."""
    return " ".join(text.split()).replace("|", "\\|")
