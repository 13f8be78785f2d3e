"""A key of the code generator is read by no line of the code template.

## What it does
Compares the keys below `model_code_generator` with the variables that the code template
(`hf_causal.py` unless a model brings its own) reads. A plan at the top level of the configuration,
where an unindented include puts it, is handed to nobody.

Read from Forgather as of 2026-02 (f92f8b8). The guide's examples still say `tp_plan` and `pp_plan`.

## Why is this bad?
The template is handed the value and leaves it out of the generated file. For `tp_plan` and
`pp_plan`, where the template reads `base_model_tp_plan` and `base_model_pp_plan`, the whole plan
vanishes: the model is generated without one.

The fix is safe where a plan of the guide stands under the key that the guide gives it: it does
nothing today. For another key the fix is unsafe because likeness is a guess.

## Example
```yaml
[model_code_generator]
    == super()
    tp_plan:
        "causal_lm.layer_stack.layers.*.attention.query_linear": "colwise"
```

## Use instead
```yaml
[model_code_generator]
    == super()
    base_model_tp_plan:
        "causal_lm.layer_stack.layers.*.attention.query_linear": "colwise"
```

## What you see at run time
Forgather says nothing. vLLM up to 0.24: `ValueError: ... does not support tensor parallel.` (or
`... pipeline parallel.`). From 0.25.0: "... does not define a tensor parallel plan."
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Edit, Finding, Fix, Severity
from forgather_lint.facts.templates import PLANS_OF_THE_GUIDE, Configuration
from forgather_lint.facts.templates import GeneratorArgument as Argument
from forgather_lint.facts.templates import GeneratorArguments as Arguments
from forgather_lint.linting.rule import rule
from forgather_lint.linting.support.edits import SAFE, UNSAFE
from forgather_lint.linting.support.templates import came_by


@rule("FGL601", "generator-key-never-read", Severity.ERROR)
def check(configuration: Configuration) -> Iterator[Finding]:
    generator = configuration.generator
    if generator:
        unread = (each for each in generator.arguments if each.key not in generator.reads)
        yield from (_finding(argument, generator) for argument in unread)
        yield from map(_stray, generator.strays)


def _stray(stray: Argument) -> Finding:
    return Finding(
        where=stray.where,
        message=f"`{stray.key}` stands outside `model_code_generator`; nothing reads it",
        related=came_by(stray.chain),
        consequence="the model is generated without it",
        help="indent it below `model_code_generator`; an included text keeps its own indentation",
    )


def _finding(argument: Argument, generator: Arguments) -> Finding:
    key = argument.key
    meant = _meant(key, generator)
    plan = key in PLANS_OF_THE_GUIDE
    return Finding(
        where=argument.where,
        message=f"`{key}` is never read by the code template `{generator.template}`",
        label=f"`{meant}` is read instead" if meant else "left out of the generated file",
        related=came_by(argument.chain),
        consequence=(
            "the model is generated without this plan; vLLM: `ValueError: ... does not support "
            f"{'tensor' if key == 'tp_plan' else 'pipeline'} parallel`"
            if plan
            else "the generated model behaves as if this key were not there"
        ),
        help=_help(key, meant, generator),
        fix=_rename(argument, meant, sure=plan) if meant else None,
        severity=None if plan else Severity.WARNING,
    )


def _meant(key: str, generator: Arguments) -> str | None:
    """The key that `key` was probably meant for, of those that the template reads and nobody gives.

    None: no such key is alike.
    """
    free = generator.reads - {argument.key for argument in generator.arguments}
    if PLANS_OF_THE_GUIDE.get(key) in free:
        return PLANS_OF_THE_GUIDE[key]
    from difflib import get_close_matches  # only a slip pays for it

    return next(iter(get_close_matches(key, sorted(free), n=1, cutoff=0.75)), None)


def _help(key: str, meant: str | None, generator: Arguments) -> str:
    if meant:
        return f"rename the key to `{meant}`"
    read = PLANS_OF_THE_GUIDE.get(key)
    if read is None:
        return "remove the key"
    if read in generator.reads:
        return f"rename the key to `{read}`, and leave out the other plan of that name"
    return f"rename the key to `{read}`, and take a code template that reads it"


def _rename(argument: Argument, meant: str, *, sure: bool) -> Fix:
    edits = (Edit(argument.where, meant),)
    return Fix(f"Rename `{argument.key}` to `{meant}`", edits, SAFE if sure else UNSAFE)
