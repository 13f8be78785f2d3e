"""`target`: the releases of transformers whose sources are kept to be read."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import click

from forgather_lint.engines.select import TargetError, one_release
from forgather_lint.model import source_store, source_wheel
from forgather_lint.model.release_sources import installed_transformers
from forgather_lint.shell.options import CannotRun, misuse_told


@click.group(name="target")
def command() -> None:
    """Keep the sources of a release, for models that inherit from classes of transformers."""


@command.command()
@click.argument("release")
def add(release: str) -> None:
    """Keep the sources of RELEASE, such as transformers==5.19.

    Its wheel is downloaded with pip, and read, never imported. RELEASE may also be a wheel on
    disk.
    """
    with misuse_told(), tempfile.TemporaryDirectory(prefix="forgather-lint-") as folder:
        wheel = Path(release)
        if wheel.suffix != ".whl":
            wanted = _transformers(release)
            if source_store.stored(wanted) is not None:
                click.echo(f"transformers {wanted} is here already")
                return
            wheel = _download(wanted, Path(folder))
        try:
            kept = source_wheel.keep(wheel)
        except source_wheel.WheelRefused as error:
            raise CannotRun(str(error)) from error
    click.echo(f"transformers {kept.release}: {kept.wheel}, sha256 {kept.sha256}")
    click.echo(f"kept in {kept.folder}")


@command.command(name="list")
def list_all() -> None:
    """List the releases whose sources are here."""
    for kept in source_store.all_stored():
        click.echo(f"transformers {kept.release}  sha256 {kept.sha256}  {kept.folder}")
    release, folder = installed_transformers()
    if release:
        click.echo(f"transformers {release}  installed here, for its own targets  {folder}")


@command.command()
@click.argument("release")
def remove(release: str) -> None:
    """Forget the sources of RELEASE (transformers==5.19)."""
    wanted = _transformers(release)
    kept = source_store.stored(wanted)
    if kept is None:
        raise CannotRun(f"transformers {wanted} is not kept in {source_store.store_folder()}")
    with misuse_told():
        source_wheel.remove(kept)
    click.echo(f"transformers {wanted} is gone")


def _transformers(text: str) -> str:
    try:
        project, release = one_release(text)
    except TargetError as error:
        raise CannotRun(str(error)) from error
    if project != source_store.PROJECT:
        raise CannotRun(f"only sources of {source_store.PROJECT} are read, not of {project}")
    return str(release)


def _download(release: str, into: Path) -> Path:
    """The wheel of `release`, fetched by the pip of this Python."""
    wanted = f"{source_store.PROJECT}=={release}"
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--quiet"]
    arguments = [sys.executable, "-m", "pip", "download", *options, "--dest", str(into), wanted]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    wheels = sorted(into.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        last = (done.stderr.strip().splitlines() or ["no wheel came"])[-1]
        raise CannotRun(f"pip cannot download {wanted}: {last}")
    return wheels[0]
