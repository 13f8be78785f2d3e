"""Makes `Settings` from configuration files and command-line options."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from forgather_lint.core.files import is_file, is_folder, read_at_most
from forgather_lint.core.paths import absolute, below
from forgather_lint.core.printable import shortened
from forgather_lint.core.settings import ModelImpl, PerFileIgnore, Settings, SettingsError, nearest

_TABLE = "forgather-lint"
_MOST_BYTES = 1 << 20
_MEMORY = re.compile(
    r"(?P<number>\d{1,15}(?:\.\d{1,6})?)\s*(?P<unit>[KMGT]i?B|B|[KMGT])?", re.IGNORECASE
)
_MOST_DIGITS, _LONGEST_REASON = 30, 300
_CODE = re.compile("all|fgl[0-9]*", re.I)
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
_LONG_KEY = re.compile(rf"(?<![\w-]){_PART}(?>(?:{_PART}){{100}})")
_NAMES = ("forgather-lint.toml", ".forgather-lint.toml", "pyproject.toml")

DTYPES = ("auto", "half", "float16", "bfloat16", "float", "float32")
"""The values of vLLM's `--dtype` (vllm/config/model.py::ModelDType)."""

CAN_BE_DENIED = ("fix", "unsafe_fixes", "fix_only", "show_fixes")
"""Settings for which the command line has a `--no-` option."""

Values = Mapping[str, object]
Groups = dict[Settings, list[Path]]


def grouped(paths: Iterable[Path], config: Path | None, isolated: bool, options: Values) -> Groups:
    """`paths` grouped by their settings: those of the closest configuration file.

    `config` is read instead of that, `isolated` reads none. Raises `SettingsError`.
    """
    closest, settled = cache(find), cache(lambda file: resolve(file, options))
    groups: Groups = {}
    for path in paths:
        whole = Path(absolute(str(path)))
        folder = whole if is_folder(whole) else whole.parent
        file = None if isolated else config or closest(folder)
        groups.setdefault(settled(file), []).append(path)
    return groups


def find(folder: Path) -> Path | None:
    """The closest configuration file in `folder` or above it; None if there is none.

    A pyproject.toml counts if it has a table `[tool.forgather-lint]`. Raises `SettingsError`.
    """
    for name in _NAMES:
        file = folder / name
        if is_file(file) and _table(file) is not None:
            return file
    return find(folder.parent) if folder.parent != folder else None


def resolve(file: Path | None, options: Values) -> Settings:
    """The settings in `file`, overridden by `options` (by their names in `Settings`).

    An option that is None or empty was not given; neither was one that is False, unless it has a
    `--no-` form. A `select` on the command line replaces all of the file's selection of rules, as
    in ruff. Raises `SettingsError`.
    """
    given = {
        key: value
        for key, value in options.items()
        if value not in (None, (), False) or (value is False and key in CAN_BE_DENIED)
    }
    written = dict(read(file)) if file else {}
    if "select" in given:
        for key in ("select", "extend_select", "ignore"):
            written.pop(key, None)
    from_file = _parsed(written, file.parent if file else Path.cwd(), f"{file}: ")
    from_options = _parsed(given, Path.cwd(), "--")
    if file and "cache_dir" in from_file:
        _require_inside(from_file["cache_dir"], file)
    root = str(file.parent if file else Path.cwd())
    source = {"root": root, "source": str(file or "")}
    return replace(Settings(), **{**source, **from_file, **from_options})


def _require_inside(folder: str, file: Path) -> None:
    """Refuse a folder outside: a cloned repository must not choose where on the disk is written."""
    if below(os.path.realpath(folder), os.path.realpath(file.parent)) is None:
        raise SettingsError(f"{file}: cache-dir: expected a folder below that of this file")


def read(file: Path) -> Values:
    """The options in `file`, by their names in `Settings`. Raises `SettingsError`."""
    table = _table(file)
    if not isinstance(table, dict):
        raise SettingsError(f"{file}: [tool.{_TABLE}] is not a table")
    for key in table:
        if key.replace("-", "_") not in _PARSERS or "_" in key:
            raise SettingsError(f"{file}: unknown key {key!r}{nearest(key, keys())}")
    return {key.replace("-", "_"): value for key, value in table.items()}


def keys() -> tuple[str, ...]:
    """The keys that are allowed in a configuration file."""
    return tuple(name.replace("_", "-") for name in _PARSERS)


def as_lines(settings: Settings) -> Iterator[str]:
    """`settings` as lines of a configuration file."""
    for name in _PARSERS:
        value = getattr(settings, name)
        if value is None or value == "":
            continue
        yield f"{name.replace('_', '-')} = {_written(value)}"


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple) and any(isinstance(each, PerFileIgnore) for each in value):
        pairs = (f"{json.dumps(each.pattern)} = {json.dumps(each.codes)}" for each in value)
        return f"{{ {', '.join(pairs)} }}"
    return json.dumps(value)


def _table(file: Path) -> object:
    """The options for this tool in `file`; None for a pyproject.toml without any."""
    import tomllib  # a run without configuration does not pay for it

    try:
        data = read_at_most(file, _MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ValueError(f"larger than {_MOST_BYTES >> 20} MiB")
        text = data.decode("utf-8")
        shared = file.name == "pyproject.toml"
        if shared and _TABLE not in text:
            return None  # not ours, so not ours to complain about either
        if _LONG_KEY.search(text):
            raise ValueError("a key of more than 100 parts")  # tomllib would take hours
        whole = tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    except RecursionError as error:
        raise SettingsError(f"{file}: nested too deep") from error
    except ValueError as error:
        raise SettingsError(f"{file}: {shortened(str(error), _LONGEST_REASON)}") from error
    tools = whole.get("tool")
    if not shared:
        return whole
    return tools.get(_TABLE) if isinstance(tools, dict) else None


def option(name: str, value: object) -> Any:
    """The value of the command-line option `name`. Raises `SettingsError`."""
    return _parsed({name: value}, Path(), "--")[name]


def _parsed(values: Values, root: Path, source: str) -> dict[str, Any]:
    parsed = {}
    for name, value in values.items():
        try:
            parsed[name] = _PARSERS[name](value, root)
        except ValueError as error:
            key = name.replace("_", "-")
            raise SettingsError(f"{source}{key}: expected {error}, got {_shown(value)}") from error
    return parsed


def _shown(value: object) -> str:
    """`value` for a message; Python refuses to write integers of thousands of digits."""
    try:
        return shortened(repr(value))
    except ValueError:
        return "a number of thousands of digits"


def _strings(value: object, _root: Path) -> tuple[str, ...]:
    strings = [value] if isinstance(value, str) else value
    if not isinstance(strings, list | tuple) or not all(isinstance(one, str) for one in strings):
        raise ValueError("a list of strings")
    return tuple(strings)


def _words(value: object, root: Path) -> tuple[str, ...]:
    """The words in `"A,B"`, `["A", "B"]` or `("A,B", "C")`."""
    words = (word.strip() for text in _strings(value, root) for word in text.split(","))
    return tuple(word for word in words if word)


def _selectors(value: object, root: Path) -> tuple[str, ...]:
    """Selectors of rules: codes or their beginnings in any case, names of rules, ALL."""
    words = _words(value, root)
    if all(_CODE.fullmatch(word) for word in words):
        return tuple(word.upper() for word in words)
    from forgather_lint.linting.registry import selector  # loads the rules, for their names

    return tuple(map(selector, words))


def _sizes(value: object, root: Path) -> tuple[int, ...]:
    """The numbers in `2`, `[1, 2]` or `"1,2"`."""
    if isinstance(value, str):
        value = list(_words(value, root))
    numbers = value if isinstance(value, list) else [value]
    return tuple(_positive(number, root) for number in numbers)


def _positive(value: object, _root: Path) -> int:
    if isinstance(value, str) and value.isdecimal() and len(value) <= _MOST_DIGITS:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 10**_MOST_DIGITS:
        raise ValueError("a positive integer")
    return value


def _memory(value: object, _root: Path) -> int:
    """The bytes in `24GiB`, `80GB`, or a number of GiB."""
    found = _MEMORY.fullmatch(str(value).strip())
    if found is None or isinstance(value, bool):
        raise ValueError("an amount of memory such as 24GiB")
    unit = (found["unit"] or "GiB").lower()
    base = 1024 if "i" in unit or unit == "b" else 1000
    size = int(float(found["number"]) * base ** ("bkmgt".index(unit[0])))
    if not 0 < size < 1 << 60:
        raise ValueError("an amount of memory such as 24GiB")
    return size


def _share(value: object, root: Path) -> float:
    share = _amount(value, root)
    if share > 1:
        raise ValueError("a part of 1")
    return share


def _jobs(value: object, root: Path) -> int | None:
    if value == "auto":
        return None
    try:
        return _positive(value, root)
    except ValueError as error:
        raise ValueError("a positive integer or 'auto'") from error


def _amount(value: object, _root: Path) -> float:
    try:
        number = float(value) if isinstance(value, int | float | str) else 0.0
    except (ValueError, OverflowError):
        number = 0.0
    if isinstance(value, bool) or not 0 < number < 1e9:
        raise ValueError("a positive number")
    return number


def _text(value: object, _root: Path) -> str:
    if not isinstance(value, str):
        raise ValueError("a string")
    return value


def _file(value: object, root: Path) -> str:
    if not isinstance(value, str | Path):
        raise ValueError("the name of a file")
    return str(root / value)


def _dtype(value: object, _root: Path) -> str:
    if not isinstance(value, str) or value not in DTYPES:
        raise ValueError(f"one of {', '.join(DTYPES)}")
    return value


def _impl(value: object, _root: Path) -> ModelImpl:
    from forgather_lint.engines.registry import LIBRARY, servers  # what few runs are told

    own = dict.fromkeys(servers(), ModelImpl.OWN)
    names = {"auto": ModelImpl.AUTO, **own, LIBRARY: ModelImpl.TRANSFORMERS}
    if not isinstance(value, str) or value not in names:
        raise ValueError(f"one of {', '.join(names)}")
    return names[value]


def _folder(value: object, root: Path) -> str:
    """A folder, relative to the file that names it."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("a folder")
    return absolute(str(root / value))


def _flag(value: object, _root: Path) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _ignores(value: object, root: Path) -> tuple[PerFileIgnore, ...]:
    """Ignores from a table of pattern to codes, or from words `pattern:CODE`."""
    table = value if isinstance(value, dict) else _pairs(_words(value, root))
    return tuple(
        PerFileIgnore(pattern, _selectors(codes, root), str(root))
        for pattern, codes in table.items()
    )


def _pairs(words: tuple[str, ...]) -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for word in words:
        pattern, colon, code = word.rpartition(":")
        if not (pattern and colon and code):
            raise ValueError("PATTERN:CODE")
        table.setdefault(pattern, []).append(code)
    return table


_PARSERS: dict[str, Callable[[object, Path], object]] = {
    "select": _selectors,
    "extend_select": _selectors,
    "ignore": _selectors,
    "per_file_ignores": _ignores,
    "exclude": _words,
    "force_exclude": _flag,
    "output_format": _text,
    "target": _strings,
    "tensor_parallel_size": _sizes,
    "pipeline_parallel_size": _sizes,
    "dtype": _dtype,
    "max_model_len": _positive,
    "model_impl": _impl,
    "gpu_memory": _memory,
    "gpu_memory_utilization": _share,
    "debug": _flag,
    "jobs": _jobs,
    "time_limit": _amount,
    "memory_limit": _amount,
    "fix": _flag,
    "unsafe_fixes": _flag,
    "fix_only": _flag,
    "show_fixes": _flag,
    "no_cache": _flag,
    "cache_dir": _folder,
    "baseline": _file,
}
