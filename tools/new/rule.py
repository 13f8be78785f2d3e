"""A new rule: its file, suite and snapshot; if it explains a cause, that and a check."""

from __future__ import annotations

import subprocess
import sys

import click

from forgather_lint.linting.registry import builtin_rules
from tools.new.writing import (
    ENGINE,
    ROOT,
    Refused,
    camel,
    checked_name,
    in_order,
    rewrite,
    shown,
    then,
    write,
)

OF_MODEL = {
    "tensor_parallel": range(101, 200),
    "placement": range(201, 300),
    "pipeline_parallel": range(301, 400),
    "modules": range(401, 500),
}
"""The families whose rules may read the tree and the plans alone, with their codes."""

OF_CAUSE = {
    "serving": range(501, 600),
    "checkpoint": range(620, 635),
    "tokenizer": range(635, 640),
    "adapters": range(640, 650),
}
"""The families whose rules explain what keeps a target from serving, with their codes."""

PAGE = '''"""{sentence}.

## What it does
Reports a module that is called `{stem}`.

## Why is this bad?
Say what goes wrong, and for whom.

## Example
```py
self.{stem} = nn.Identity()
```

## Use instead
```py
self.identity = nn.Identity()
```

## What you see at run time
Say what a user sees.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Finding, Severity
'''

MODEL_RULE = """from forgather_lint.facts import Model
from forgather_lint.linting.rule import rule


@rule("{code}", "{name}", Severity.WARNING)
def check(model: Model) -> Iterator[Finding]:
    for module in model.base.modules:
        if module.leaf == "{stem}":
            yield Finding(
                module.where,
                f"`{{module.name}}` is called like this rule",
                label="built here",
                module=module.name,
            )
"""

CAUSE_RULE = """from forgather_lint.facts.causes.{about} import {cause}
from forgather_lint.facts.serving import ServingProblem
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.serving import finding


@rule("{code}", "{name}", Severity.ERROR, explains={cause})
def check(problem: ServingProblem, cause: {cause}) -> Iterator[Finding]:
    yield finding(
        problem, f"`{{cause.module}}` is called like this rule", label="built here"
    )
"""

CAUSE = '''

@record
class {cause}(Cause):
    """The module `module` is called `{stem}`."""

    module: str
'''

CHECK = '''"""{sentence}: what is looked at, and what the engine says of it."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.engines.vllm.checks.checked_model import CheckedModel
from forgather_lint.engines.vllm.checks.phases import Phase, check
from forgather_lint.facts.causes.{about} import {cause}
from forgather_lint.facts.serving import ServingProblem


@check(Phase.BUILD)
def {stem}(seen: CheckedModel) -> Iterator[ServingProblem]:
    """A module that is called so; where a release says something, `seen.problem` takes its fact."""
    tree = seen.judge.subject.tree if seen.judge else None
    for name, module in tree.instances.items() if tree else ():
        if name.rpartition(".")[2] == "{stem}":
            yield ServingProblem(
                cause={cause}(name),
                verdict="fails",
                where=module.where,
                target=str(seen.target),
                error="",
                releases=None,
                module=name,
            )
'''

SUITE = """# {name}

Codes: {code}
Model: {model}
{target}
## a module of another name

## a module of that name

```diff modeling_tiny.py
@@ TinyModel.__init__
-        self.post_init()
+        self.{stem} = nn.Identity()  # {severity}: [{code}] "is called like this rule"
+        self.post_init()
```
"""


@click.command("rule")
@click.argument("family", type=click.Choice([*OF_MODEL, *OF_CAUSE]))
@click.argument("name")
@click.option(
    "--about",
    default="modules",
    show_default=True,
    type=click.Choice(sorted(file.stem for file in ENGINE.glob("facts/causes/[a-z]*.py"))),
    help="The file of facts/causes that the cause belongs to.",
)
def command(family: str, name: str, about: str) -> None:
    """A rule of FAMILY; NAME states the defect: `head-is-cut`."""
    checked_name(name, "[a-z][a-z0-9]*(-[a-z0-9]+)*", "head-is-cut")
    if name in {each.name for each in builtin_rules()}:
        raise Refused(f"'{name}' is the name of another rule")
    explains = family in OF_CAUSE
    words = {
        "family": family,
        "name": name,
        "stem": name.replace("-", "_"),
        "sentence": name.replace("-", " ").capitalize(),
        "cause": camel(name),
        "about": about,
        "code": free_code(family),
        "model": "served" if explains else "hugging-face",
        "target": "Target: vllm==0.32 transformers==5.19\n" if explains else "",
        "severity": "error" if explains else "warning",
    }
    rule = ROOT / "rules" / family / f"{words['stem']}.py"
    suite = ROOT / "fixtures" / "rules" / family / f"{words['stem']}.md"
    check = ENGINE / "engines" / "vllm" / "checks" / f"{words['stem']}.py"
    causes = ENGINE / "facts" / "causes" / f"{about}.py"
    code = [rule]
    files = {
        rule: PAGE.format(**words) + (CAUSE_RULE if explains else MODEL_RULE).format(**words),
        suite: SUITE.format(**words),
    }
    if explains:
        known = causes.read_text("utf-8")
        if f"class {words['cause']}(" in known:
            raise Refused(f"{shown(causes)} has a cause {words['cause']}")
        write(files | {check: CHECK.format(**words)})
        rewrite(causes, known.rstrip("\n") + "\n" + CAUSE.format(**words))
        code += [check, causes]
    else:
        write(files)
    in_order(*code)
    subprocess.run([sys.executable, "-m", "tests.snapshots", suite], cwd=ROOT, check=True)
    then(
        [
            f"write the cases of {shown(suite)}: a model that is wrong, one that is not",
            f"make {shown(rule)} find the one and not the other, and write its page",
            *([f"say in {shown(check)} when it is so, with a fact of the release"] * explains),
            f"python -m tests.snapshots {shown(suite)}, and read what it wrote",
            "python -m pytest tests/test_rules.py tests/test_fixtures.py tests/test_causes.py",
        ]
    )


def free_code(family: str) -> str:
    """The next free code of a family: behind its last one, else the first that is not used."""
    numbers = {**OF_MODEL, **OF_CAUSE}[family]
    taken = {int(each.code[3:]) for each in builtin_rules()} & set(numbers)
    later = range(max(taken, default=numbers[0] - 1) + 1, numbers[-1] + 1)
    free = [number for number in (*later, *numbers) if number not in taken]
    if not free:
        raise Refused(f"all codes of {family} are taken")
    return f"FGL{free[0]}"
