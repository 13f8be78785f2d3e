"""What the engine, or the transformers beside it, does not find or accept in a model's code."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause, SurelyOfEngine


@record
class FileNotCopied(Cause):
    """`importer` imports `file` (or the folder `file/`), which the loader does not copy."""

    file: str
    importer: str


@record
class NeighbourImportedByName(Cause):
    """A file beside the model's is imported absolutely, as if it were an installed package."""

    name: str


@record
class ImportRemoved(Cause):
    """The library, in the release that the target has, has no `name`, be it a module or in one.

    `instead` is its replacement, where there is one, `near` a name that is there and is written
    alike, `releases` are those that have it, if any.
    """

    name: str
    instead: str
    near: str = ""
    releases: str = ""

    @property
    def library(self) -> str:
        """The library that it would be in, as one speaks of it."""
        package = self.name.partition(".")[0]
        return package if package in ("transformers", "torch") else "the standard library"


@record
class AttentionNotReplaceable(Cause):
    """The class `name`, which transformers has in `library`, does not support another attention."""

    name: str
    library: bool = False


@record
class ModelIsPlainModule(Cause):
    """The class `name`, which `auto_map` names as a model, is no `PreTrainedModel`."""

    name: str


@record
class TiedWeightsAreAList(Cause):
    """`_tied_weights_keys` of the class `name` is a list, where the release wants a dict.

    `table` is the parameter of the input embedding, empty where that is not known.
    """

    name: str
    table: str = ""


@record
class TieWeightsTakesNoArguments(Cause):
    """The class `name` overrides `tie_weights` without the arguments that the release passes."""

    name: str


@record
class PostInitNeverCalled(Cause):
    """The constructor of the class `name` does not call `post_init`, so that no plan is merged."""

    name: str


@record
class ConstructorMissesRelease(Cause):
    """The constructor raises because it was written for another release of transformers."""


@record
class RopeScalingRenamed(ConstructorMissesRelease):
    """`rope_scaling` does not arrive: the release passes it under another name."""


@record
class RopeScalingNeverNone(ConstructorMissesRelease):
    """`rope_scaling` is an alias of `rope_parameters`, which is never None in this release."""


@record
class ConfigFieldRemoved(ConstructorMissesRelease):
    """The constructor reads a config field that this release does not set."""


@record
class RopeTypeRemoved(ConstructorMissesRelease):
    """`ROPE_INIT_FUNCTIONS` of this release does not have the rope type."""


@record
class TensorReadWhileBuilt(ConstructorMissesRelease):
    """The constructor reads the value of a tensor that has none while the model is built."""


@record
class MemberOfOtherRelease(ConstructorMissesRelease):
    """The constructor uses a method that a library class has in other releases only."""


@record
class ModelTypeTaken(ConstructorMissesRelease):
    """The code registers a model type that transformers already has."""


@record
class LayerTypeRefused(ConstructorMissesRelease):
    """transformers does not accept the `layer_types` of the config."""


@record
class PlanHoldsOthers(ConstructorMissesRelease):
    """The plan `name` has other entries than the constructor expects."""

    name: str


@record
class ArgumentNotAccepted(Cause):
    """The forward of the base model does not accept the argument `name`, or accepts it unnamed."""

    name: str
    named: bool = False
    """Whether the forward accepts the argument, but only in its `**kwargs`."""


@record
class MaskEmbedsRenamed(Cause):
    """The mask function `name` no longer takes the argument `input_embeds`."""

    name: str


@record
class BareTensorReturned(SurelyOfEngine):
    """The forward of the class `name` returns a tensor, and the engine takes its first item."""

    name: str = ""

    @property
    def told(self) -> str:
        return f"{self.name} returns a tensor, of which the first item is taken"
