"""What the tool runs beside: installed packages, found without importing them, and the machine."""

from __future__ import annotations

import importlib.util

from forgather_lint.core.looks import Asked, Look, note
from forgather_lint.core.remembered import remembered


@remembered()
def is_installed(package: str) -> bool:
    """Whether the top-level `package` could be imported."""
    found = is_there(package)
    note(Look(Asked.PACKAGE, package), found)
    return found


@remembered()
def release_of(package: str) -> str | None:
    """The release of `package` from its metadata; None where it is not installed."""
    found = release_now(package)
    note(Look(Asked.RELEASE, package), found)
    return found


def host() -> tuple[str, ...]:
    """The system, name, release and version of the kernel, and kind of processor.

    Noted as asked.
    """
    found = host_now()
    note(Look(Asked.HOST, ""), found)
    return found


def host_now() -> tuple[str, ...]:
    """Like `host`, but looked up again, and not noted."""
    import platform  # only templates may ask

    told = platform.uname()  # its fields by name: a slice, too, would ask for the processor
    return told.system, told.node, told.release, told.version, told.machine


def is_there(package: str) -> bool:
    """Like `is_installed`, but looked up again, and not noted."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def release_now(package: str) -> str | None:
    """Like `release_of`, but looked up again, and not noted."""
    from importlib import metadata  # 20 ms that only templates which ask for it need

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
