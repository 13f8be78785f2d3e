"""What keeps quantised weights from being served."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause


@record
class MethodUnknown(Cause):
    """The release has no quantisation of that name, or no longer takes it: `deprecated`."""

    method: str
    deprecated: bool = False


@record
class SettingRefused(Cause):
    """The release does not take the `value` of `key` in the config of the quantization.

    An empty `value`: the key is not there.
    """

    key: str
    value: str
    method: str


@record
class DtypeRefused(Cause):
    """The quantization does not compute in `dtype`."""

    dtype: str
    method: str


@record
class ListedNowhere(Cause):
    """Of the layers that `key` names as those to leave alone, `name` is no layer of the model."""

    key: str
    name: str
    several: int

    @property
    def told(self) -> str:
        return "the entry is of no effect"


@record
class GroupsCut(Cause):
    """The `width` of a rank's share of `layer` is no whole number of groups of weights.

    It is the input that is shared out, with `rows` the output.
    """

    layer: str
    width: int
    group: int
    rows: bool = False

    @property
    def told(self) -> str:
        return f"the scales of `{self.layer}` are for other weights than those that a rank has"


@record
class SchemesDiffer(Cause):
    """Of the `parts` of one layer that the release fuses, only some are to be quantized."""

    layer: str
    parts: tuple[str, ...]
    ignored: tuple[str, ...]
