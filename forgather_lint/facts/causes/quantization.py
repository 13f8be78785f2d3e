"""What keeps quantized weights from being served."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause


@record
class MethodUnknown(Cause):
    """The release does not have the quantization `method`, or no longer (`deprecated`)."""

    method: str
    deprecated: bool = False


@record
class SettingRefused(Cause):
    """The release does not accept `value` for `key` of the quantization config.

    An empty `value`: the key is absent.
    """

    key: str
    value: str
    method: str


@record
class DtypeRefused(Cause):
    """The quantization cannot compute in `dtype`."""

    dtype: str
    method: str


@record
class ListedNowhere(Cause):
    """Among the layers that `key` excludes from quantization, `name` is no layer of the model."""

    key: str
    name: str
    several: int

    @property
    def told(self) -> str:
        return "the entry is of no effect"


@record
class GroupsCut(Cause):
    """A rank's share of `layer` is `width` wide, which is no multiple of the quantization `group`.

    The share is one of the inputs; with `rows` it is one of the outputs.
    """

    layer: str
    width: int
    group: int
    rows: bool = False

    @property
    def told(self) -> str:
        return f"the scales of `{self.layer}` are for other weights than those that a rank has"


@record
class WeightsNotSplit(Cause):
    """Weights that `method` has quantized before are not shared out to several ranks."""

    method: str


@record
class SchemesDiffer(Cause):
    """The release fuses `parts` into one layer, and only some of them are quantized."""

    layer: str
    parts: tuple[str, ...]
    ignored: tuple[str, ...]
