"""Which files of a folder are the model's weights, and what they contain."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from forgather_lint.core.files import exists, leaves, listed
from forgather_lint.core.git_lfs import is_pointer
from forgather_lint.core.port import port_of
from forgather_lint.core.record import record
from forgather_lint.deployment.checkpoint.headers import (
    BrokenHeader,
    Header,
    StoredTensor,
    Unread,
    header_of,
)
from forgather_lint.deployment.checkpoint.index import NAME, Index, index_at

SAFETENSORS, PICKLED = ".safetensors", (".bin", ".pt")
"""The endings that vLLM looks for, in its order (default_loader.py, `_prepare_weights`)."""

NOT_WEIGHTS = (
    "training_args.bin",
    "optimizer.bin",
    "optimizer.pt",
    "scheduler.pt",
    "scaler.pt",
)
"""What a trainer leaves beside the weights (`filter_files_not_needed_for_inference`)."""

CONSOLIDATED = "consolidated"
"""How the names of files in Mistral's own format begin."""


@record
class WeightFile:
    """One safetensors file of the folder."""

    name: str
    path: str
    found: Header | BrokenHeader | Unread

    @property
    def tensors(self) -> Mapping[str, StoredTensor]:
        """The tensors in it; empty where its header could not be read."""
        return self.found.tensors if isinstance(self.found, Header) else {}


@record
class Tensor:
    """One tensor of the checkpoint, with the file that it lies in."""

    name: str
    stored: StoredTensor
    file: WeightFile


@record(eq=False)
class Checkpoint:
    """The weights in a folder: `files` are those that the engine opens, in its order.

    `missing` are files that the index names but are absent, `left_out` those that are present but
    not in the index. `pickled` are the pickled files, which are loaded where there are no others.
    """

    folder: str
    files: tuple[WeightFile, ...] = ()
    index: Index | None = None
    missing: tuple[str, ...] = ()
    left_out: tuple[WeightFile, ...] = ()
    pickled: tuple[str, ...] = ()

    @property
    def tensors(self) -> Iterator[Tensor]:
        """Every tensor, in the order in which the engine loads them: by file, then by name."""
        for file in self.files:
            for name in sorted(file.tensors):
                yield Tensor(name, file.tensors[name], file)

    @property
    def pointers(self) -> Iterator[str]:
        """The pickled files that are pointers of Git LFS."""
        return (name for name in self.pickled if is_pointer(Path(self.folder) / name))

    @property
    def whole(self) -> bool:
        """Whether the headers of all files that the engine opens could be read."""
        return not self.pickled and all(isinstance(file.found, Header) for file in self.files)

    def holding(self, tensor: str) -> Iterator[WeightFile]:
        """The files that contain a tensor of this name."""
        return (file for file in self.files if tensor in file.tensors)


def checkpoint_at(folder: Path) -> Checkpoint | None:
    """The weights in `folder`; None where there are none and no index says that there should be.

    To be called before `deep_recursion`: a hostile header may be nested deep.
    """
    names = _names(folder)
    safe = [name for name in names if name.endswith(SAFETENSORS)]
    index = index_at(folder / NAME) if NAME in names else None
    if not safe:
        pickled = tuple(_pickled(names))
        return Checkpoint(str(folder), index=index, pickled=pickled) if pickled or index else None
    usable = index is not None and not (index.error or index.unread)
    named = set(index.files.values()) if index is not None and usable else set(safe)
    taken = [name for name in safe if name in named]
    return Checkpoint(
        str(folder),
        files=tuple(_weight_file(folder, name) for name in sorted(taken, key=_natural)),
        index=index,
        missing=tuple(sorted(named - set(safe))),
        left_out=tuple(_weight_file(folder, name) for name in safe if name not in named),
    )


def has_weights(folder: Path) -> bool:
    """Whether any file in `folder` has the name of a weights file."""
    return any(_may_be_weights(name) for name in _names(folder))


def _may_be_weights(name: str) -> bool:
    return name == NAME or name.endswith(SAFETENSORS) or any(_pickled((name,)))


def _pickled(names: Sequence[str]) -> Iterator[str]:
    return (name for name in names if name.endswith(PICKLED) and name not in NOT_WEIGHTS)


def _names(folder: Path) -> list[str]:
    """The names of files in `folder` that can be weights."""
    patterns = (NAME, *(f"*{end}" for end in (SAFETENSORS, *PICKLED)))
    return sorted(path.name for pattern in patterns for path in listed(folder, pattern))


def _weight_file(folder: Path, name: str) -> WeightFile:
    path = folder / name
    return WeightFile(name, str(path), _found(path))


def _found(path: Path) -> Header | BrokenHeader | Unread:
    if not exists(path):
        # vLLM lists names without a look at what a link leads to.
        error = f"FileNotFoundError: [Errno 2] No such file or directory: '{path}'"
        return BrokenHeader(error, "a link that leads nowhere")
    if leaves(path):
        return Unread("a link that leads out of the folder")
    return header_of(path)


@port_of("vllm/model_executor/model_loader/weight_utils.py", "_natural_sort_key")
def _natural(name: str) -> list[tuple[bool, int, str]]:
    """A sort key that orders numbers in a name by their value."""
    parts = re.split(r"(\d+)", name, flags=re.ASCII)
    return [
        (number % 2 == 0, int(part) if number % 2 else 0, part) for number, part in enumerate(parts)
    ]
