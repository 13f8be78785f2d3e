"""What the user asked for, as every stage after the command line sees it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from fnmatch import fnmatch
from pathlib import Path

from forgather_lint.core.paths import absolute, below
from forgather_lint.core.record import record

ALL = "ALL"


class SettingsError(ValueError):
    """An option or a configuration that cannot be used; the message names it and says why."""


class ModelImpl(StrEnum):
    """The engine's `--model-impl`: whose code is to compute the model.

    The engine's own code is called by the name of the engine (`OWN`).
    """

    AUTO = "auto"
    OWN = "own"
    TRANSFORMERS = "transformers"


@record
class Device:
    """The memory of each device, and how the engine is told to use it; None: the engine's default.

    `size` is in bytes, of which the engine takes the share `utilization`. The KV cache may be given
    directly, by `cache_bytes` or as `blocks` of `block_size` tokens. `batched_tokens` are computed
    in one step. `context_ranks` of the tensor parallel ranks divide the tokens of a request.
    """

    size: int | None = None
    utilization: float | None = None
    max_model_len: int | None = None
    cache_dtype: str = "auto"
    batched_tokens: int | None = None
    cache_bytes: int | None = None
    blocks: int | None = None
    block_size: int | None = None
    context_ranks: int = 1

    @property
    def is_told(self) -> bool:
        """Whether anything says how much room there is for the KV cache, or who divides it."""
        room = self.size or self.cache_bytes or self.blocks
        return room is not None or self.context_ranks > 1


@record
class PerFileIgnore:
    """Codes (or beginnings of codes) that stay silent in the files that `pattern` matches.

    The pattern is tried on the file name and on the path relative to `root`; `*` crosses folders
    and `**/` may stand for none.
    """

    pattern: str
    codes: tuple[str, ...]
    root: str

    def covers(self, path: str, code: str) -> bool:
        """Whether `code` is to stay silent in the file `path`."""
        return _closeness(code, self.codes) >= 0 and matches(path, self.pattern, self.root)


@record
class Settings:
    """Options of one run. An empty `target` or size means: not given.

    `exclude` holds patterns of folders and files that a search does not enter; with `force_exclude`
    that holds for paths named on the command line too. `root` is the folder that patterns are
    relative to. `gpu_memory` is the size of a device in bytes, `device` what a serve command says
    about its use, `hf_overrides` the JSON object that it lays over the config, `adapters` the
    folders of adapters that it loads. `debug` lets an internal error end the run with its
    traceback. `jobs` is how many models are checked at once (None: one for each processor),
    `time_limit` the seconds of processor time and `memory_limit` the GiB that each of them may
    take.

    `fix` applies the fixes that are safe, `unsafe_fixes` the others too; `fix_only` reports nothing
    else, `show_fixes` lists what was mended by kind.

    Answers are kept for the next run in `cache_dir` (empty: beside the project), unless `no_cache`.

    `baseline` is the file of findings that are known, `source` the configuration file that was
    read; both are empty where there is none.
    """

    select: tuple[str, ...] = (ALL,)
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[PerFileIgnore, ...] = ()
    exclude: tuple[str, ...] = ()
    force_exclude: bool = False
    output_format: str = "full"
    target: tuple[str, ...] = ()
    tensor_parallel_size: tuple[int, ...] = ()
    pipeline_parallel_size: tuple[int, ...] = ()
    dtype: str | None = None
    max_model_len: int | None = None
    model_impl: ModelImpl = ModelImpl.AUTO
    gpu_memory: int | None = None
    gpu_memory_utilization: float | None = None
    device: Device | None = None
    hf_overrides: str = ""
    adapters: tuple[str, ...] = ()
    debug: bool = False
    jobs: int | None = None
    time_limit: float = 120.0
    memory_limit: float = 4.0
    root: str = ""
    fix: bool = False
    unsafe_fixes: bool = False
    fix_only: bool = False
    show_fixes: bool = False
    no_cache: bool = False
    cache_dir: str = ""
    baseline: str = ""
    source: str = ""

    @property
    def told_device(self) -> Device | None:
        """The device, None unless the command line or a serve command tells its memory."""
        said = self.device or Device()
        length = self.max_model_len or said.max_model_len
        device = replace(said, size=self.gpu_memory, max_model_len=length)
        if self.gpu_memory_utilization is not None and device.utilization is None:
            device = replace(device, utilization=self.gpu_memory_utilization)
        return device if device.is_told else None

    def selects(self, code: str) -> bool:
        """Whether the rule `code` is to run.

        The longer of two selectors wins, as in ruff: a family that is ignored may have a rule that
        `--extend-select` adds. On a tie the code is ignored.
        """
        chosen = _closeness(code, self.select + self.extend_select)
        return chosen > _closeness(code, self.ignore)

    def checks(self, path: str, code: str) -> bool:
        """Whether a finding of `code` in the file `path` is to be reported."""
        return self.selects(code) and not any(
            ignored.covers(path, code) for ignored in self.per_file_ignores
        )

    def excludes(self, path: str) -> bool:
        """Whether a search is to pass over the file or folder `path`, or a folder it lies in."""
        whole = Path(absolute(path))
        inside = (str(each) for each in (whole, *whole.parents) if below(str(each), self.root))
        return any(matches(each, pattern, self.root) for each in inside for pattern in self.exclude)

    def require_known(self, codes: Iterable[str], names: Iterable[str] = ()) -> None:
        """Raise `SettingsError` for a selector that covers none of `codes`.

        The message suggests the nearest of `names` (names of rules) or of `codes`.
        """
        known = tuple(codes)
        ignored = (code for entry in self.per_file_ignores for code in entry.codes)
        for selector in (*self.select, *self.extend_select, *self.ignore, *ignored):
            if not any(_closeness(code, (selector,)) >= 0 for code in known):
                raise SettingsError(f"unknown rule {selector!r}{nearest(selector, names or known)}")


def matches(path: str, pattern: str, root: str) -> bool:
    """Whether `pattern` matches the name of `path`, its path below `root`, or its whole path."""
    whole = Path(absolute(path))
    texts = filter(None, (whole.name, below(path, root), str(whole)))
    spellings = {pattern, pattern.replace("**/", "")}
    return any(fnmatch(text, spelling) for text in texts for spelling in spellings)


def nearest(word: str, known: Iterable[str]) -> str:
    """`, did you mean 'x'?` for the member of `known` that is most like `word`, or nothing."""
    from difflib import get_close_matches  # only a mistake pays for it

    close = get_close_matches(word, list(known), n=1)
    return f", did you mean {close[0]!r}?" if close else ""


def _closeness(code: str, selectors: Iterable[str]) -> int:
    """The length of the longest selector that covers `code`, -1 if none does."""
    return max((_length(code, selector) for selector in selectors), default=-1)


def _length(code: str, selector: str) -> int:
    if selector == ALL:
        return 0
    return len(selector) if code.startswith(selector) else -1
