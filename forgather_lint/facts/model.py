"""One model as a whole, or the reason why it could not be built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from enum import StrEnum

from forgather_lint.core.diagnostics import Fix
from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.facts.cause import Cause
from forgather_lint.facts.causes.running import (
    ConstructorRaises,
    ModelClassMissing,
    ModelUndecided,
    ModelUnreadable,
)
from forgather_lint.facts.plans import Plans
from forgather_lint.facts.structure import ClassFact, Structure
from forgather_lint.facts.trace import Trace


def _nothing_to_write(_attribute: str) -> Fix | None:
    return None


@record
class Model:
    """Everything rules read about one model.

    `whole` is the tree of `architectures[0]`, `base` the tree that the plans of the config apply
    to and that an engine builds (AutoModel, or the child named by `base_model_prefix`).
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
    missing_plan: Callable[[str], Fix | None] = field(
        default=_nothing_to_write, repr=False, compare=False
    )
    """Called with the name of a plan: the fix that writes it, derived from the data flow.

    None where the plan is not proved to serve.
    """


@record
class PackageMissing:
    """The model imports `package` at `where`, and it is not installed where the tool runs."""

    package: str
    where: Place


@record
class Unreadable:
    """A file that could not be read or parsed.

    `beyond_bounds`: it is larger or deeper than this tool reads, while a loader may well read it.
    """

    message: str
    where: Place
    beyond_bounds: bool = False


class EndKind(StrEnum):
    """In which way the building of a model ended early."""

    NO_CLASS = "no class"
    UNREADABLE = "unreadable"
    RAISES = "raises"
    UNDECIDED = "undecided"


@record
class NotBuilt:
    """A model that could not be built from its source; `message` is the error or the reason."""

    kind: EndKind
    message: str
    where: Place
    nothing: bool = False
    """Not even the name of a class was found: this is no model."""
    target: str = ""
    """The release under which this happens; empty: under the newest one that is known."""
    of_defaults: bool = False
    """There is no config.json, so that the class is a guess and its values are the defaults."""
    names_no_file: bool = False
    """It ends at the import of a file that the model has not."""

    @property
    def is_proof(self) -> bool:
        """Whether the model surely cannot be built, whatever a config.json might say."""
        if self.kind is not EndKind.RAISES:
            return self.kind is not EndKind.UNDECIDED
        return not self.of_defaults or self.names_no_file

    @property
    def cause(self) -> Cause:
        """What keeps the model from being served."""
        return _CAUSES[self.kind]


_CAUSES = {
    EndKind.RAISES: ConstructorRaises(),
    EndKind.NO_CLASS: ModelClassMissing(),
    EndKind.UNREADABLE: ModelUnreadable(),
    EndKind.UNDECIDED: ModelUndecided(),
}
