"""What is wrong with the weights beside a model."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause


@record
class WeightsPickled(Cause):
    """The only weights are `count` pickled files, of which `file` is the first."""

    file: str
    count: int


@record
class FilesMissing(Cause):
    """`missing` of the `count` files that the index names are absent.

    `file` is the first of them; it is empty where all are absent.
    """

    file: str = ""
    missing: int = 0
    count: int = 0


@record
class FileBroken(Cause):
    """`file` cannot be opened as safetensors.

    `why` says what it is instead, if that can be seen.
    """

    file: str
    why: str


@record
class FileNotDownloaded(Cause):
    """`file`, which the engine reads, is a pointer of Git LFS."""

    file: str


@record
class IndexUnusable(Cause):
    """The index of the weights (`model.safetensors.index.json`) is malformed."""


@record
class TensorStranger(Cause):
    """The model has no parameter for the tensor `name`, one of `count` such tensors.

    `where` says in which layers they are, `looks` what their names look like; both may be empty.
    """

    name: str
    count: int
    where: str
    looks: str


@record
class ParameterMissing(Cause):
    """There is no tensor for the parameter `name`, one of `count`; `where` says in which layers."""

    name: str
    count: int
    where: str

    @property
    def told(self) -> str:
        return f"`{self.name}` is not in the checkpoint, and keeps what the memory held"


@record
class TensorSize(Cause):
    """The tensor `name` of `file` has the shape `stored`, its parameter the shape `built`."""

    name: str
    stored: tuple[int, ...]
    built: tuple[int | None, ...]
    file: str

    @property
    def told(self) -> str:
        return f"`{self.name}` is cut from {list(self.stored)} to {list(self.built)}"


@record
class BiasDropped(Cause):
    """The bias `name`, one of `count`, is stored for a layer that is built without one."""

    name: str
    count: int


@record
class FileNotLoaded(Cause):
    """`file`, one of `count`, lies beside an index that does not name it."""

    file: str
    count: int


@record
class TensorTwice(Cause):
    """The tensor `name`, one of `count`, is in the file `first` and in `last`."""

    name: str
    count: int
    first: str
    last: str


@record
class WholeNumbers(Cause):
    """The tensor `name`, one of `count`, holds integers (`dtype`), the parameter floats."""

    name: str
    count: int
    dtype: str

    @property
    def told(self) -> str:
        return f"`{self.name}` is copied as whole numbers"
