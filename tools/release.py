"""The checklist of a release: every step is taken, and reports whether it holds.

    python -m tools.release            # all but the tag
    python -m tools.release --tag      # the tag too, when all else holds

The version is that of pyproject.toml. Nothing is uploaded and nothing is pushed; what is left to do
is said at the end. Needs `build` and `twine` (`pip install -e '.[dev]'`).
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools import command_line

ROOT = Path(__file__).parent.parent
SERVES, FAILS = "fixtures/models/hf_llama", "fixtures/models/broken_llama"
_VERSION = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")
_ADDRESS = re.compile(r"https?://(?:github|gitlab)\.com/[\w.-]+/forgather-lint\b")


class Fails(Exception):
    """A step that does not hold; the message says why, or is the output of a program."""


@dataclass
class Release:
    """A release in the making; `built` is the folder for its files."""

    root: Path
    built: Path
    python: str = sys.executable
    notes: list[str] = field(default_factory=list)

    @property
    def version(self) -> str:
        """What pyproject.toml says."""
        project = tomllib.loads((self.root / "pyproject.toml").read_text("utf-8"))["project"]
        return str(project["version"])

    @property
    def tag(self) -> str:
        """The name of its tag."""
        return f"v{self.version}"

    def run(self, *command: str | Path, expect: int = 0, cwd: Path | None = None) -> str:
        """The output of a program. Raises `Fails` when its exit code is not the expected one."""
        words = list(map(str, command))
        done = subprocess.run(words, cwd=cwd or self.root, capture_output=True, text=True)
        if done.returncode != expect:
            said = (done.stdout + done.stderr).strip()[-2000:]
            raise Fails(f"`{' '.join(words)}` ended with {done.returncode}\n{said}")
        return done.stdout


def version_is_new(release: Release) -> str:
    """The version is one, and no tag has its name."""
    if not _VERSION.fullmatch(release.version):
        raise Fails(f"{release.version!r} is no version")
    if release.run("git", "tag", "--list", release.tag).strip():
        raise Fails(f"there is a tag {release.tag}: raise the version in pyproject.toml")
    return release.version


def changes_are_told(release: Release) -> str:
    """CHANGELOG.md begins with the version, a date, and something to say."""
    text = (release.root / "CHANGELOG.md").read_text("utf-8")
    found = re.search(r"^## (\S+) \(([^)\n]+)\)\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    if found is None or found[1] != release.version:
        raise Fails(f"CHANGELOG.md does not begin with a section `## {release.version} (DATE)`")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", found[2]):
        raise Fails(f"CHANGELOG.md gives no date for {release.version}, but {found[2]!r}")
    if not re.search(r"^- ", found[3], re.M):
        raise Fails(f"CHANGELOG.md says nothing of {release.version}")
    return f"{found[3].count(chr(10) + '- ') + found[3].startswith('- ')} changes, {found[2]}"


def tree_is_clean(release: Release) -> str:
    """What is built is what is committed."""
    changed = release.run("git", "status", "--porcelain").strip()
    if changed:
        raise Fails(f"not committed:\n{changed}")
    return release.run("git", "rev-parse", "--short", "HEAD").strip()


def addresses_exist(release: Release) -> str:
    """No page names a home of the project that pyproject.toml does not."""
    project = tomllib.loads((release.root / "pyproject.toml").read_text("utf-8"))["project"]
    known = set(project.get("urls", {}).values())
    pages = [release.root / "README.md", *sorted((release.root / "docs").rglob("*.md"))]
    for page in pages:
        for found in _ADDRESS.findall(page.read_text("utf-8")):
            if not any(url.startswith(found) for url in known):
                raise Fails(f"{page.relative_to(release.root)} names {found}: no address of ours")
    if not known:
        release.notes.append("[project.urls] is empty: findings carry no links to their pages")
    return ", ".join(sorted(known)) or "none is named"


def builds(release: Release) -> str:
    """The source distribution and, from that, the wheel are built."""
    release.run(release.python, "-m", "build", "--outdir", release.built)
    names = sorted(path.name for path in release.built.iterdir())
    expected = [
        f"forgather_lint-{release.version}{end}" for end in ("-py3-none-any.whl", ".tar.gz")
    ]
    if names != expected:
        raise Fails(f"built {names}, not {expected}")
    return ", ".join(names)


def metadata_is_sound(release: Release) -> str:
    """`twine check --strict`: the description can be shown where it is uploaded to."""
    files = sorted(release.built.iterdir())
    release.run(release.python, "-m", "twine", "check", "--strict", *files)
    return "twine has no objection"


def installs_and_works(release: Release) -> str:
    """The wheel works in an environment that has nothing else."""
    environment = release.built.parent / "environment"
    release.run(release.python, "-m", "venv", environment)
    python = environment / "bin" / "python"
    (wheel,) = release.built.glob("*.whl")
    quiet = ("--quiet", "--disable-pip-version-check")
    release.run(python, "-m", "pip", "install", *quiet, wheel)
    tool, elsewhere = environment / "bin" / "forgather-lint", release.built.parent
    told = release.run(tool, "--version", cwd=elsewhere).strip()
    if told != f"forgather-lint {release.version}":
        raise Fails(f"the installed program calls itself {told!r}")
    release.run(tool, "check", "--isolated", release.root / SERVES, cwd=elsewhere)
    release.run(tool, "check", "--isolated", release.root / FAILS, cwd=elsewhere, expect=1)
    code = (
        "import forgather_lint, pathlib; print(forgather_lint.__version__); "
        "assert (pathlib.Path(forgather_lint.__file__).parent / 'py.typed').exists()"
    )
    if release.run(python, "-c", code, cwd=elsewhere).strip() != release.version:
        raise Fails("`forgather_lint.__version__` is not the version")
    return f"{told}: one fixture serves, one fails, types are declared"


Step = Callable[[Release], str]
STEPS: tuple[Step, ...] = (
    version_is_new,
    changes_are_told,
    tree_is_clean,
    addresses_exist,
    builds,
    metadata_is_sound,
    installs_and_works,
)


def taken(release: Release, steps: Sequence[Step] = STEPS) -> bool:
    """Take every step, also behind one that fails, and say what came of it."""
    holds = True
    for step in steps:
        title = (step.__doc__ or "").partition("\n")[0].rstrip(".")
        try:
            told = step(release)
        except (Fails, OSError, ValueError) as reason:
            holds = False
            print(f"[ ] {title}: {reason}")
        else:
            print(f"[x] {title}: {told}")
    for note in release.notes:
        print(f"note: {note}")
    return holds


def main(arguments: Sequence[str]) -> int:
    """Exit code 0 when all holds."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--tag", action="store_true", help="make the tag when all holds")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        release = Release(ROOT, Path(folder) / "built")
        release.built.mkdir()
        if not taken(release):
            return 1
        if given.tag:
            release.run("git", "tag", "--annotate", release.tag, "--message", release.tag)
            print(f"[x] tagged {release.tag}: `git push origin {release.tag}`, then upload")
        else:
            print(f"[ ] not tagged: `python -m tools.release --tag` makes {release.tag}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
