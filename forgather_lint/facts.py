"""The frozen records that rules may read. A rule that needs more gets a new record here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from forgather_lint.source import Place


@dataclass(frozen=True, slots=True)
class UnknownFact:
    """Something the analysis could not decide, with a short countable reason."""

    reason: str
    where: Place | None


@dataclass(frozen=True, slots=True)
class Module:
    """One module of the tree.

    `name` is dotted and relative to the root (`""` is the root itself), `lineage` holds the
    qualified names of its class and all bases in method resolution order, `where` is the
    expression that built it. `certain` is false when only some branch of the source builds it;
    `same_as` is the first name of a module that stands in the tree more than once. `sizes` holds
    the integer attributes that library modules have (`in_features`, `num_embeddings`, ...).
    """

    name: str
    cls: str
    lineage: tuple[str, ...]
    where: Place
    defined: Place | None
    certain: bool = True
    same_as: str | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    assigns: frozenset[str] = frozenset()

    def is_a(self, qualified: str) -> bool:
        """Whether the module is an instance of the class `qualified`, e.g. `torch.nn.Linear`."""
        return qualified in self.lineage

    @property
    def parent(self) -> str:
        return self.name.rpartition(".")[0]

    @property
    def leaf(self) -> str:
        return self.name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter or buffer; an undecided dimension is None."""

    name: str
    shape: tuple[int | None, ...] | None
    where: Place
    certain: bool = True
    same_as: str | None = None
    dtype: str | None = None


@dataclass(frozen=True, slots=True)
class ClassFact:
    """A class whose source was read."""

    name: str
    where: Place
    is_module: bool
    built: bool


@dataclass(frozen=True, slots=True)
class Structure:
    """The module tree of one root class under one configuration."""

    root: str
    modules: tuple[Module, ...]
    parameters: tuple[Parameter, ...]
    buffers: tuple[Parameter, ...]
    unknowns: tuple[UnknownFact, ...]
    open_at: tuple[str, ...] = ()
    """Names of modules that may have children which the analysis could not see."""

    def module(self, name: str) -> Module | None:
        return next((module for module in self.modules if module.name == name), None)

    def children(self, name: str) -> tuple[Module, ...]:
        return tuple(m for m in self.modules if m.name and m.parent == name)


class PlanOrigin(StrEnum):
    """Where a plan entry is written."""

    CONFIG_CLASS = "config class"
    CONFIG_JSON = "config.json"
    MODEL_CLASS = "model class"
    CHILD_CLASS = "class of a submodule"


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """One entry of a plan as written.

    `key` is the text in the source; `prefix` is what `post_init` puts before it (the dotted name of
    the child that declares it). A tensor-parallel entry has a `style`, a pipeline entry `inputs`
    and `outputs`; they are None when the value is malformed (`value_text` shows it). `possible`
    is true when some branch of the source could create a module (or parameter) of this name, even
    if this configuration does not, None when that cannot be decided. `undecided` is true when the
    analysis could not read the value: it is then not known to be malformed.
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
        return f"{self.prefix}.{self.key}" if self.prefix else self.key


@dataclass(frozen=True, slots=True)
class DuplicateKey:
    """The same key twice in one dict literal: Python keeps the last value."""

    key: str
    first: Place
    second: Place


@dataclass(frozen=True, slots=True)
class Plan:
    """All entries of one kind, in dict order.

    `declared` is the place of the attribute that holds them (None: there is none); `unknown` says
    why the entries could not be read.
    """

    entries: tuple[PlanEntry, ...] = ()
    duplicates: tuple[DuplicateKey, ...] = ()
    declared: Place | None = None
    unknown: UnknownFact | None = None


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class IgnoredPlan:
    """A plan-like attribute that nothing reads, such as `tp_plan` on a config class."""

    attribute: str
    owner: str
    where: Place
    read_instead: str


@dataclass(frozen=True, slots=True)
class Plans:
    """What the source says about splitting, as written."""

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


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of a `forward`, without `self`."""

    positional: tuple[str, ...]
    keyword_only: tuple[str, ...] = ()
    takes_args: bool = False
    takes_kwargs: bool = False
    required: tuple[str, ...] = ()

    def accepts(self, name: str) -> bool:
        return self.takes_kwargs or name in self.positional or name in self.keyword_only


@dataclass(frozen=True, slots=True)
class ModuleCall:
    """One call of a module during `forward`.

    `hidden_from` names the modules whose results flow into the first argument; `first_keyword` is
    the name of the first argument when nothing was passed by position; `positional` counts the
    positional arguments; `keywords` are the names written at the call.
    """

    module: str
    order: int
    where: Place
    positional: int
    keywords: tuple[str, ...]
    hidden_from: tuple[str, ...] = ()
    signature: Signature | None = None
    caller: str = ""
    indexed: bool = False


class UseKind(StrEnum):
    """How `forward` touches a module other than by calling it."""

    ATTRIBUTE = "attribute"
    METHOD = "method"


@dataclass(frozen=True, slots=True)
class ModuleUse:
    """An attribute read from, or a method other than `forward` called on, a module."""

    module: str
    kind: UseKind
    name: str
    where: Place
    caller: str = ""


@dataclass(frozen=True, slots=True)
class UndecidedBranch:
    """A condition in `forward` that depends on tensor values; `modules` are called below it."""

    where: Place
    modules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """What one abstract `forward` of the base model did, in order."""

    calls: tuple[ModuleCall, ...]
    uses: tuple[ModuleUse, ...]
    branches: tuple[UndecidedBranch, ...]
    unknowns: tuple[UnknownFact, ...]
    signature: Signature | None
    where: Place | None


@dataclass(frozen=True, slots=True)
class Model:
    """Everything rules read about one model.

    `whole` is the tree of `architectures[0]`, `base` the tree that the plans of the config apply
    to and that vLLM builds (AutoModel, or the child named by `base_model_prefix`).
    """

    path: str
    entry: str
    whole: Structure
    base: Structure
    base_name: str
    plans: Plans
    classes: tuple[ClassFact, ...]
    trace: Trace | None
    where: Place
    config: Mapping[str, object] = field(default_factory=dict)
    config_where: Place | None = None
    base_prefix: str = ""
    config_class_where: Place | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that could not be read or parsed."""

    message: str
    where: Place


class EndKind(StrEnum):
    """How building a model ended early."""

    NO_CLASS = "no class"
    RAISES = "raises"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class NotBuilt:
    """A model that could not be built from its source; `message` is the error or the reason."""

    kind: EndKind
    message: str
    where: Place
    nothing: bool = False
    """There is not even the name of a class: this is no model."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict at one size that is not `serves`, with the code of the rule that explains it.

    `where` is what broke the value, `since` where it became sharded; `reason` is the error a user
    would see (verdict `fails`) or what is computed instead (verdict `wrong`). `sizes` names the
    sizes at which the same happens, as `tp 2, 4`.
    """

    code: str
    verdict: str
    reason: str
    where: Place
    since: Place | None
    module: str
    target: str
    sizes: str


@dataclass(frozen=True, slots=True)
class SizesThatServe:
    """The tensor-parallel sizes of 1, 2, 4, 8 at which one target serves a model.

    `refused` gives the first reason for each size that does not.
    """

    target: str
    sizes: tuple[int, ...]
    refused: tuple[tuple[int, str, str], ...]
    where: Place
