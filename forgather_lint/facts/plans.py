"""What the source says about splitting a model, as written."""

from __future__ import annotations

from enum import StrEnum

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.facts.structure import UnknownFact


class PlanOrigin(StrEnum):
    """Where a plan entry is written."""

    CONFIG_CLASS = "config class"
    CONFIG_JSON = "config.json"
    MODEL_CLASS = "model class"
    CHILD_CLASS = "class of a submodule"


@record
class PlanEntry:
    """One entry of a plan as written.

    `key` is the text in the source; `prefix` is what `post_init` puts before it (the dotted name of
    the child that declares it). A tensor-parallel entry has a `style`, a pipeline entry `inputs`
    and `outputs`; they are None when the value is malformed (`value_text` shows it). `possible` is
    true when some branch of the source could create a module (or parameter) of this name, even if
    this configuration does not, None when that cannot be decided. `undecided`: the analysis could
    not read the value, so that it need not be malformed.
    """

    key: str
    key_where: Place
    value_where: Place
    value_text: str
    origin: PlanOrigin
    owner: str
    style: str | None = None
    inputs: tuple[str, ...] | None = None
    outputs: tuple[str, ...] | None = None
    prefix: str = ""
    possible: bool | None = False
    undecided: bool = False

    @property
    def full_key(self) -> str:
        """The key in the merged plan: with the prefix that `post_init` adds."""
        return f"{self.prefix}.{self.key}" if self.prefix else self.key


@record
class DuplicateKey:
    """The same key twice in one dict literal: Python keeps the last value."""

    key: str
    first: Place
    second: Place


@record
class Plan:
    """All entries of one kind, in dict order.

    `declared` is the place of the attribute that holds them, None where there is none; `unknown`
    says why the entries could not be read, empty where they were.
    """

    entries: tuple[PlanEntry, ...] = ()
    duplicates: tuple[DuplicateKey, ...] = ()
    declared: Place | None = None
    unknown: UnknownFact | None = None


@record
class NameEntry:
    """An entry of `_no_split_modules` (a class name) or `_tied_weights_keys` (a parameter name).

    For tied weights `source` is the parameter it is tied to, when the declaration is a dict, and
    `possible` is true when some branch of the source could create both, None when undecided.
    """

    name: str
    where: Place
    source: str | None = None
    owner: str = ""
    possible: bool | None = False


@record
class IgnoredPlan:
    """A plan-like attribute that nothing reads, such as `tp_plan` on a config class."""

    attribute: str
    owner: str
    where: Place
    read_instead: str


@record
class Plans:
    """What the source says about splitting, as written.

    `inside_tp` and `inside_pp` are entries of models inside the base model (such as a text model
    with a config of its own), with the keys under which transformers merges them.
    """

    tp: Plan = Plan()
    pp: Plan = Plan()
    class_tp: Plan = Plan()
    class_pp: Plan = Plan()
    no_split: tuple[NameEntry, ...] | None = None
    no_split_where: Place | None = None
    tied: tuple[NameEntry, ...] | None = None
    tied_where: Place | None = None
    tied_is_dict: bool = False
    ignored: tuple[IgnoredPlan, ...] = ()
    inside_tp: tuple[PlanEntry, ...] = ()
    inside_pp: tuple[PlanEntry, ...] = ()
