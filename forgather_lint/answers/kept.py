"""Answers of earlier runs; each holds as long as everything it rests on is unchanged.

An answer is identified by the tool that gave it (`tool.py`), by what was asked for (`SETTINGS`),
and by the path of the model. Stored with it are all questions that were put to the disk and their
states (`core/looks.py`), contents by digest. Nothing else is trusted: not the time of a file alone,
and no cache file that this user has not sealed. What depends on the machine (a limit, a crash, a
bug of ours) is never kept.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import Enum
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

from forgather_lint.answers.places import folder_for, seal
from forgather_lint.answers.sealed import SealedFiles
from forgather_lint.answers.tool import digest, tool_digest
from forgather_lint.core.files import Listings, laid, look_again
from forgather_lint.core.looks import CHANGED, Look, States
from forgather_lint.core.record import record
from forgather_lint.core.settings import Settings
from forgather_lint.linting.report import ModelReport, NothingToCheck

SETTINGS = (
    *("select", "extend_select", "ignore", "per_file_ignores", "target", "tensor_parallel_size"),
    *("pipeline_parallel_size", "dtype", "max_model_len", "model_impl", "root", "exclude"),
    *("gpu_memory", "gpu_memory_utilization", "device", "hf_overrides", "adapters"),
    *("time_limit", "memory_limit"),
)
"""The settings that are part of what an answer is identified by.

The limits are among them, because with smaller ones there might be no answer.
"""

WITHOUT = (
    *("force_exclude", "output_format", "debug", "jobs", "fix", "unsafe_fixes", "fix_only"),
    *("show_fixes", "no_cache", "cache_dir", "baseline", "source"),
)
"""The settings that change which models are checked or how answers are told, but no answer."""

_MODULES = tuple(
    f"forgather_lint.{name}"
    for name in (
        *("answers.kept", "core.diagnostics", "core.looks", "core.source", "core.version"),
        *("facts.release", "linting.report"),
    )
)
"""The modules whose classes an answer may contain: unpickling makes objects of no other module."""

Value = TypeVar("Value")


@record
class RunStart:
    """What a run knows before it checks a model, kept so that no engine has to be loaded for it.

    `notices` tell the user how targets were chosen; a file that contains `marks` may start a
    server.
    """

    notices: tuple[str, ...]
    marks: tuple[tuple[bytes, ...], ...]


@record
class KeptAnswer:
    """An answer, with the states that it rests on."""

    value: object
    states: States


class Answers:
    """The answers to runs with the same settings by the same tool."""

    def __init__(self, files: SealedFiles, asked: bytes) -> None:
        self._files = files
        self._asked = asked
        self._now: dict[Look, object] = {}
        self._listings: Listings = {}

    @classmethod
    def of(cls, settings: Settings) -> Answers | None:
        """The answers for `settings`; None where nothing is to be kept, or nothing can be."""
        if settings.no_cache or settings.debug or laid():
            return None
        own, folder = seal(), folder_for(settings)
        if own is None or folder is None:
            return None
        files = SealedFiles(folder, own)
        asked = (repr(getattr(settings, name)) for name in SETTINGS)
        return cls(files, digest(tool_digest(files), *asked))

    def get(self, kind: type[Value], *key: str) -> Value | None:
        """The answer kept under `key`.

        None where there is none or something that it rests on has changed.
        """
        content = self._files.read(self._key(key))
        if content is None:
            return None
        try:
            kept = _Loader(io.BytesIO(content)).load()
        except (
            pickle.UnpicklingError,
            AttributeError,
            EOFError,
            LookupError,
            TypeError,
            ValueError,
        ):
            return None
        if (
            isinstance(kept, KeptAnswer)
            and isinstance(kept.value, kind)
            and self._stands(kept.states)
        ):
            value: Value = _resting_on(kept.value, kept.states)
            return value
        return None

    def put(self, value: object, states: States, *key: str) -> None:
        """Keep `value` as the answer under `key`, to hold as long as `states` do.

        Does nothing where there are no states, or one of them is `CHANGED`.
        """
        if not states or CHANGED in states.values():
            return
        kept = KeptAnswer(_resting_on(value, {}), dict(states))
        content = io.BytesIO()
        _Dumper(content, protocol=5).dump(kept)
        self._files.write(self._key(key), content.getvalue())

    def close(self) -> None:
        """End of the run: what is too old or too much is deleted."""
        self._files.close()

    def _key(self, key: tuple[str, ...]) -> bytes:
        return digest(self._asked, *key)

    def _stands(self, states: Mapping[Look, object]) -> bool:
        """Whether all `states` are unchanged.

        A question that several answers rest on is asked once.
        """
        now = self._now
        for look, state in states.items():
            if look not in now:
                now[look] = look_again(look, state, self._listings)
            if now[look] != state:
                return False
        return True


def _resting_on(value: Any, states: States) -> Any:
    """`value`, with `states` as what its reports rest on; stored once, beside the answer."""
    if isinstance(value, tuple):
        return tuple(_resting_on(each, states) for each in value)
    if isinstance(value, ModelReport | NothingToCheck):
        return replace(value, looked_at=states)
    return value


class _Dumper(pickle.Pickler):
    """A pickler whose output names no function, so that `_Loader` can refuse them all.

    The enumerations of Python 3.11.2, Debian's, pickle a member as a call of `getattr`.
    """

    def reducer_override(self, value: object) -> Any:
        if isinstance(value, Enum):
            return type(value), (value.value,)
        return NotImplemented


class _Loader(pickle.Unpickler):
    """An unpickler that makes the records of an answer, and nothing else whatever the file says."""

    def find_class(self, module: str, name: str) -> Callable[..., object]:
        return _class(module, name)


@cache
def _class(module: str, name: str) -> type:
    found = getattr(import_module(module), name) if module in _MODULES else None
    if not isinstance(found, type):
        raise pickle.UnpicklingError(f"{module}.{name} is no part of an answer")
    return found
