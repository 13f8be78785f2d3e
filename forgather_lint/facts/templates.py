"""The frozen records that rules on Forgather's templates may read."""

from __future__ import annotations

from enum import StrEnum

from forgather_lint.core.record import record
from forgather_lint.core.source import Place


@record
class LoadingStep:
    """One step of how a template came into a configuration: the place that loads it.

    `text` says it in words, as in "includes `config.4M.model`".
    """

    where: Place
    text: str


Chain = tuple[LoadingStep, ...]

PLANS_OF_THE_GUIDE = {"tp_plan": "base_model_tp_plan", "pp_plan": "base_model_pp_plan"}
"""Keys of plans in Forgather's guide, each with the key that its code template reads."""


class FaultKind(StrEnum):
    """What ends the rendering of a configuration."""

    REFUSED = "refused"
    NOT_FOUND = "not found"
    SYNTAX = "syntax"
    GRAPH = "graph"
    UNDEFINED = "undefined"
    ERROR = "error"


@record
class Fault:
    """An error, of Forgather or of the linter's sandbox, that ends the rendering; in its words."""

    kind: FaultKind
    message: str
    where: Place
    chain: Chain = ()


@record
class MissingTemplate:
    """A template that `kind` names and that is not found in the folders `searched`.

    `kind` is extends, include or import; "configuration" when a model is taken from the project
    `project`; "render" when the rendering itself asks for it. `there` are the configurations that
    `project` does have.
    """

    name: str
    kind: str
    where: Place
    chain: Chain = ()
    searched: tuple[str, ...] = ()
    project: str = ""
    there: tuple[str, ...] = ()


@record
class DeadBlock:
    """A block of a template with a parent that nothing renders.

    `existing` are the blocks that the parents do define; `included_from` names an included template
    that defines the block (includes cannot be overridden); `dropped` is true when a parent defines
    the block but what held it was overridden.
    """

    name: str
    template: str
    parent: str
    where: Place
    existing: tuple[str, ...]
    included_from: str | None = None
    dropped: bool = False
    chain: Chain = ()


@record
class Fallback:
    """A key whose value is a variable with a default: `key: {{ variable | toyaml(default) }}`.

    `known` is true when something (an argument of the command line, another project) can set the
    variable; `words` are all words that the templates of the configuration use in such variables.
    """

    key: str
    variable: str
    where: Place
    known: bool
    words: frozenset[str]
    chain: Chain = ()


@record
class GeneratorArgument:
    """A key that the code generator is given for the code template."""

    key: str
    where: Place
    chain: Chain = ()


@record
class GeneratorArguments:
    """What the code generator is given, and the names that its code template reads.

    `strays` are plans that are at the top level of the configuration instead, where nothing reads
    them.
    """

    arguments: tuple[GeneratorArgument, ...]
    reads: frozenset[str]
    template: str
    strays: tuple[GeneratorArgument, ...] = ()


@record
class Argument:
    """An argument given by name in a call of the node graph."""

    name: str
    where: Place


@record
class ConstructorSignature:
    """What may be passed by position and by name; `any_...`: it accepts anything else too."""

    positional: tuple[str, ...]
    keywords: frozenset[str]
    any_positional: bool = False
    any_keyword: bool = False


@record
class ConstructorCall:
    """A call in the model's node graph, with what its constructor resolves to.

    `file` is None when the module is not found in `searched`; `takes` is None when the source does
    not decide what the constructor accepts. `near` are names that the file does define.
    """

    constructor: str
    where: Place
    searched: tuple[str, ...]
    file: str | None
    found: bool
    near: tuple[str, ...] = ()
    defined: Place | None = None
    takes: ConstructorSignature | None = None
    positional: int = 0
    arguments: tuple[Argument, ...] = ()
    chain: Chain = ()


@record
class UnsuppliedVariable:
    """A `!var` that gets a value neither from the model's configuration nor from a default."""

    name: str
    where: Place
    near: tuple[str, ...]
    chain: Chain = ()


@record
class RepeatedTemplateKey:
    """A key that one template writes twice into one mapping."""

    key: str
    first: Place
    second: Place
    chain: Chain = ()


@record
class OutlivedEntry:
    """A plan entry of a parent template for a module that a block of this configuration replaced.

    `block`, at `where`, builds `new` in place of the parent's `old`; the last name of the entry's
    `key`, `leaf`, is found in no source file of the model any more.
    """

    key: str
    leaf: str
    block: str
    old: str
    new: str
    where: Place
    entry: Place
    chain: Chain = ()


@record
class StaleFile:
    """A generated file that differs from what the templates now generate.

    `row` is the first row that differs; `missing`: the file is not there at all.
    """

    file: str
    row: int
    expected: str
    found: str
    missing: bool = False


@record
class Configuration:
    """Everything rules read about one configuration of a Forgather project."""

    project: str
    name: str
    where: Place
    faults: tuple[Fault, ...] = ()
    missing: tuple[MissingTemplate, ...] = ()
    dead_blocks: tuple[DeadBlock, ...] = ()
    fallbacks: tuple[Fallback, ...] = ()
    generator: GeneratorArguments | None = None
    references: tuple[ConstructorCall, ...] = ()
    unsupplied: tuple[UnsuppliedVariable, ...] = ()
    repeated: tuple[RepeatedTemplateKey, ...] = ()
    outlived: tuple[OutlivedEntry, ...] = ()
    stale: tuple[StaleFile, ...] = ()
