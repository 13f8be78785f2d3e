"""What stands around the tool: packages, without importing them, and the machine."""

from __future__ import annotations

import importlib.util

from forgather_lint.core.looks import Asked, Look, note, remembered


@remembered()
def is_installed(package: str) -> bool:
    """Whether the top-level `package` could be imported."""
    found = is_there(package)
    note(Look(Asked.PACKAGE, package), found)
    return found


@remembered()
def release_of(package: str) -> str | None:
    """The release of `package`, as its metadata says; None where there is none."""
    found = release_now(package)
    note(Look(Asked.RELEASE, package), found)
    return found


def host() -> tuple[str, ...]:
    """The system, the name and the kernel of this machine, and its kind of processor."""
    found = host_now()
    note(Look(Asked.HOST, ""), found)
    return found


def host_now() -> tuple[str, ...]:
    """`host`, asked anew."""
    import platform  # only templates may ask

    told = platform.uname()  # its fields by name: a slice, too, would ask for the processor
    return told.system, told.node, told.release, told.version, told.machine


def is_there(package: str) -> bool:
    """`is_installed`, asked anew."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def release_now(package: str) -> str | None:
    """`release_of`, asked anew."""
    from importlib import metadata  # 20 ms that only templates which ask for it need

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
