"""The names that Forgather gives to templates: functions, facts about the host, filters.

They follow `PPEnvironment` in src/forgather/preprocess.py and `preprocessor_globals` in
src/forgather/meta_config.py, except that time is constant: a report must not depend on it.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import yaml
from jinja2 import Undefined

from forgather_lint.core.files import home, variable
from forgather_lint.core.installed import host, release_of
from forgather_lint.core.remembered import remembered

_NOW = datetime(2000, 1, 1)


def template_globals(project: Path, workspace: Path) -> dict[str, object]:
    """The global names of a template of the project in the folder `project`."""
    return {
        **_times(),
        **_paths(project),
        **_user_folders(),
        "repr": repr,
        "project_dir": str(project),
        "workspace_root": str(workspace),
        "hostname": _host().node,
        "uname": _host(),
        "versions": _versions(),
    }


class _Host(NamedTuple):
    """`platform.uname()` as plain data: the real one starts a process for `processor`."""

    system: str
    node: str
    release: str
    version: str
    machine: str
    processor: str = ""


def _host() -> _Host:
    return _Host(*host())


def to_yaml(value: object, default: object = Undefined) -> object:
    """Forgather's `toyaml` filter: `value`, or `default` if undefined, as YAML on one line."""
    if isinstance(value, Undefined):
        if default is Undefined:
            return value
        value = default
    if isinstance(value, int):
        return str(value)
    if value is None:
        return "null"
    text = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, width=float("inf")
    ).strip()
    return text.removesuffix("\n...") if text.endswith("\n...") else text.removesuffix("...")


def _times() -> Mapping[str, object]:
    def written(layout: str) -> Callable[[], str]:
        return lambda: _NOW.strftime(layout)

    iso, file_name = written("%Y-%m-%dT%H:%M:%S"), written("%Y-%m-%dT%H-%M-%S")
    return {
        "isotime": iso,
        "utcisotime": iso,
        "filetime": file_name,
        "utcfiletime": file_name,
        "now": lambda: _NOW,
        "utcnow": lambda: _NOW,
    }


def _paths(project: Path) -> Mapping[str, object]:
    def absolute(path: str) -> str:
        return os.path.normpath(project / path)

    def relative(path: str, start: str = ".") -> str:
        return os.path.relpath(absolute(path), absolute(start))

    return {
        "joinpath": _strict(os.path.join),
        "normpath": _strict(os.path.normpath),
        "abspath": absolute,
        "relpath": relative,
        "dirname": os.path.dirname,
        "basename": os.path.basename,
        "splitext": os.path.splitext,
        "modname_from_path": lambda path: Path(path).stem,
        "getcwd": lambda: str(project),
    }


def _strict(function: Callable[..., str]) -> Callable[..., object]:
    """`function`, but returning an undefined argument, where `os.path` would fail on its type."""

    def call(*parts: object) -> object:
        unknown = next((part for part in parts if isinstance(part, Undefined)), None)
        return function(*parts) if unknown is None else unknown

    return call


def _user_folders() -> Mapping[str, object]:
    """What the package platformdirs returns on Linux."""
    folder_of_user = str(home())

    def folder(name: str, fallback: str) -> Callable[..., str]:
        base = Path(variable(name) or Path(folder_of_user, fallback))
        return lambda name="", *_, **__: str(base / name)

    config = folder("XDG_CONFIG_HOME", ".config")
    return {
        "user_home_dir": lambda: folder_of_user,
        "forgather_config_dir": lambda: config("forgather"),
        "user_config_dir": config,
        "user_data_dir": folder("XDG_DATA_HOME", ".local/share"),
        "user_cache_dir": folder("XDG_CACHE_HOME", ".cache"),
        "site_data_dir": folder("XDG_DATA_DIRS", "/usr/local/share"),
        "site_config_dir": folder("XDG_CONFIG_DIRS", "/etc/xdg"),
    }


@remembered()
def _versions() -> Mapping[str, str]:
    found = {"python": platform.python_version()}
    for package in ("torch", "transformers", "accelerate"):
        found[package] = release_of(package) or "unknown"
    return found
