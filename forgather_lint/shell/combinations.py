"""Which options of `check` go together."""

from __future__ import annotations

import click

from forgather_lint.core.record import record


@record
class Combination:
    """What is to be done besides checking; not everything can be combined."""

    fixes: bool
    diff: bool
    watch: bool
    stdin: bool
    writes_baseline: bool
    adds_ignores: bool
    narrowed: bool
    narrows_twice: bool

    def refuse_unclear(self, base_ref: str | None) -> None:
        """Raise a usage error for options that cannot be combined."""
        writes = self.fixes or self.adds_ignores
        if self.stdin and writes and not self.diff:
            raise click.UsageError(
                "a text of standard input is not written; --diff shows its fixes"
            )
        if self.watch and (writes or self.diff):
            raise click.UsageError(
                "--watch changes nothing: leave out --fix, --fix-only, --add-ignore and --diff"
            )
        if self.watch and self.stdin:
            raise click.UsageError("--watch looks at files, --stdin-filename names none")
        if self.adds_ignores and self.fixes:
            raise click.UsageError("either --fix or --add-ignore, one after the other")
        if self.writes_baseline and (writes or self.watch or self.diff or self.narrowed):
            raise click.UsageError("--write-baseline writes all that is found as the files stand")
        if self.narrows_twice:
            raise click.UsageError("--changed-only minds what was deleted: --with-deleted is more")
        if self.narrowed and (writes or self.watch):
            raise click.UsageError(
                "--changed-only and --with-deleted only report: name the models that are to change"
            )
        if base_ref is not None and not self.narrowed:
            raise click.UsageError("--base-ref says what --changed-only compares with")
