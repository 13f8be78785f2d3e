"""The variables of a shell script, as far as the script itself says what they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.core.source import Span
from forgather_lint.core.words import Word, Words

ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(\+?)=")


@record(frozen=False)
class Variables:
    """The variables known so far: their words, None for a variable whose value is unknown.

    `any_set`: text that is not known was run, which may have set any other.
    """

    values: dict[str, Words | None] = field(default_factory=dict)
    exported: dict[str, str | None] = field(default_factory=dict)
    any_set: bool = False

    @classmethod
    def given(cls, values: Mapping[str, str | None], span: Span) -> Variables:
        """Variables set outside the text, as by `environment:`, whose place is `span`."""
        words: dict[str, Words | None] = {
            name: None if value is None else (Word(value, span),) for name, value in values.items()
        }
        return cls(words, dict(values))

    def copy(self) -> Variables:
        """The same variables, to be changed by themselves."""
        return Variables(dict(self.values), dict(self.exported), self.any_set)

    def inherited(self) -> Variables:
        """What another shell that is started here knows of them: those exported."""
        known = {name: self.values.get(name) for name in self.exported}
        return Variables(known, dict(self.exported), self.any_set)

    def become(self, others: Variables) -> None:
        """Take the values of `others` for one's own."""
        self.values, self.exported = dict(others.values), dict(others.exported)

    def changed_since(self, others: Variables) -> set[str]:
        """The names that were assigned since these were a copy of `others`."""
        now, before = self.values, others.values
        names = {name for name, words in now.items() if words is not before.get(name, ())}
        exported = {
            name
            for name, value in self.exported.items()
            if name not in others.exported or value != others.exported[name]
        }
        return names | exported

    def forget(self, names: Iterable[str]) -> None:
        """Let what `names` stand for be unknown."""
        for name in names:
            self.values[name] = None
            if name in self.exported:
                self.exported[name] = None

    def forget_all(self) -> None:
        """Let every variable be unknown, also those that are not known yet."""
        self.forget([*self.values, *self.exported])
        self.any_set = True


def one_text(words: Words | None) -> str | None:
    """The text of a variable that is one word."""
    return words[0].text if words and len(words) == 1 else None
