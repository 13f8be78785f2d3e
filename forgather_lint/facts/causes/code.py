"""What the engine, or the transformers beside it, does not find or take in the code of a model."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause, SurelyOfEngine


@record
class FileNotCopied(Cause):
    """The loader leaves `file` (or the folder `file/`) behind, which `importer` imports."""

    file: str
    importer: str


@record
class NeighbourImportedByName(Cause):
    """A file beside the model's is imported as if it were installed."""

    name: str


@record
class ImportRemoved(Cause):
    """transformers has no `name`; `instead` is what it has in its place, where there is one."""

    name: str
    instead: str


@record
class AttentionNotReplaceable(Cause):
    """The class `name`, one of transformers' with `library`, does not allow another attention."""

    name: str
    library: bool = False


@record
class TiedWeightsAreAList(Cause):
    """The tied weights of the class `name` are a list, of which the release wants a dict.

    `table` is the weight that looks tokens up, empty where that is not known.
    """

    name: str
    table: str = ""


@record
class TieWeightsTakesNoArguments(Cause):
    """The class `name` has a `tie_weights` of its own that takes no arguments."""

    name: str


@record
class PostInitNeverCalled(Cause):
    """The constructor of the class `name` does not call `post_init`: no plan is merged."""

    name: str


@record
class ConstructorMissesRelease(Cause):
    """The constructor raises for what another release of transformers does otherwise."""


@record
class RopeScalingRenamed(ConstructorMissesRelease):
    """`rope_scaling` is not passed on: it has another name."""


@record
class RopeScalingNeverNone(ConstructorMissesRelease):
    """`rope_scaling` is another name of `rope_parameters`, which is never None."""


@record
class ConfigFieldRemoved(ConstructorMissesRelease):
    """A field is read that nothing sets."""


@record
class RopeTypeRemoved(ConstructorMissesRelease):
    """`ROPE_INIT_FUNCTIONS` has no such type."""


@record
class TensorReadWhileBuilt(ConstructorMissesRelease):
    """The value of a tensor is read, which has none while the engine builds the model."""


@record
class MemberOfOtherRelease(ConstructorMissesRelease):
    """A method is used that a library class has in other releases."""


@record
class ModelTypeTaken(ConstructorMissesRelease):
    """A type is registered that transformers has."""


@record
class LayerTypeRefused(ConstructorMissesRelease):
    """transformers does not take the `layer_types` of the config."""


@record
class PlanHoldsOthers(ConstructorMissesRelease):
    """The plan `name` holds other entries than the constructor expects."""

    name: str


@record
class ArgumentNotAccepted(Cause):
    """The forward of the base model does not take the argument `name`, or does not name it."""

    name: str
    named: bool = False
    """Whether it takes the argument, though not by a name of its own."""


@record
class MaskEmbedsRenamed(Cause):
    """The function `name`, which makes masks, does not take `input_embeds` any more."""

    name: str


@record
class BareTensorReturned(SurelyOfEngine):
    """The forward of the class `name` returns a tensor, where its first item is taken."""

    name: str = ""

    @property
    def told(self) -> str:
        return f"{self.name}: replaced"
