"""The sources of one release of transformers. Nothing is ever imported.

Only the files of its models are read; what the rest of it means is written in `libraries`. The
release is the one that the target names: kept because the user asked for it (`source_store`), or
installed here in exactly that release. Another release is never read in its place.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from forgather_lint.core.files import is_file, is_folder, listed, note_tree, read_at_most
from forgather_lint.core.looks import unnoted
from forgather_lint.core.record import record
from forgather_lint.core.remembered import remembered
from forgather_lint.documents.limits import MOST_BYTES
from forgather_lint.model.source_store import PROJECT, stored

CONFIGS = "CONFIG_MAPPING_NAMES"
_MODELS = "transformers.models."
_KINDS = ("modeling", "configuration")
_OPAQUE = "auto"
"""The folder of the auto classes: tables of names, whose meaning is in `libraries`."""
_PUBLIC = re.compile(r"\w+(Config|Model|For[A-Z]\w+)")
"""Names of classes that transformers' models export, unlike those of its own machinery."""
_MACHINERY = re.compile(
    r"(Auto|PreTrained|Pretrained|TF|Flax)\w*|Generation(Config|Mixin)|\w*(Quant|Bits|GPTQ)\w*Config"
)
_TABLES = {
    "AutoModel": "MODEL_MAPPING_NAMES",
    "AutoModelForCausalLM": "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES",
    "AutoModelForSeq2SeqLM": "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES",
    "AutoModelForImageTextToText": "MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES",
    "AutoModelForTextEncoding": "MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES",
    "AutoModelForKeypointDetection": "MODEL_FOR_KEYPOINT_DETECTION_MAPPING_NAMES",
    "AutoBackbone": "MODEL_FOR_BACKBONE_MAPPING_NAMES",
}
_FILES = ("auto_mappings", "configuration_auto", "modeling_auto")
_PAIR = re.compile(r'\(\s*"([^"]+)",\s*"(\w+)"')


@record(slots=False)
class ReleaseSources:
    """The models of the release `release` of transformers; "": no release in particular."""

    release: str

    @cached_property
    def folder(self) -> Path | None:
        """The folder of the package; None where the release is not on this machine."""
        kept = stored(self.release) if self.release else None
        if kept is not None:
            return kept.package
        here, folder = installed_transformers()
        return folder if here == self.release else None

    @property
    def way_out(self) -> str:
        """The command that would bring the release to this machine."""
        return f"forgather-lint target add {PROJECT}=={self.release}"

    def why_absent(self, name: str) -> str:
        """The reason, for the user, why `name` cannot be read."""
        here, _ = installed_transformers()
        beside = f" ({here} is installed)" if here else ""
        wanted = f"{PROJECT} {self.release}".strip()
        return f"`{name}` is a class of {wanted}, whose source is not here{beside}: {self.way_out}"

    def module_file(self, name: str) -> Path | None:
        """The file of the module `name` of the package; None for one whose source is not read.

        `transformers.models.llama.modeling_llama` is read; the package `transformers.models.llama`,
        which only imports lazily, and the auto classes are not.
        """
        if not is_of_models(name) or self.folder is None:
            return None
        file = self.folder.joinpath("models", *_parts(name)).with_suffix(".py")
        return file if is_file(file) else None

    def home_of_class(self, name: str) -> str | None:
        """The module of transformers' models that defines the class `name`.

        None where none does.
        """
        # Where the sources are is looked up last: it costs every check that asks.
        if _MACHINERY.fullmatch(name) or self.folder is None:
            return None
        return _home_of_class(self.folder, name)

    def lacks(self, module: str, name: str) -> bool:
        """Whether `name` of `module` may be a model's class, but the release is absent."""
        if not has_models(module):
            return False
        if module.startswith(_MODELS):
            of_a_model = _OPAQUE not in module.split(".")
        else:
            of_a_model = bool(_PUBLIC.fullmatch(name)) and not _MACHINERY.fullmatch(name)
        return of_a_model and self.folder is None

    def config_class_name(self, model_type: str) -> str | None:
        """The name of the config class of `model_type`; None for an unknown type."""
        return _table(self.folder, CONFIGS).get(model_type)

    def loads_config_class(self, auto_class: str, name: str) -> bool | None:
        """Whether `auto_class` has a class for configs of a class called `name`, by that name.

        None where the sources are not here.
        """
        table = _TABLES.get(auto_class)
        if self.folder is None or table is None:
            return None
        types = [kind for kind, cls in _table(self.folder, CONFIGS).items() if cls == name]
        return bool(types) and types[-1] in _table(self.folder, table)

    def model_class_name(self, auto_class: str, model_type: str) -> str | None:
        """The name of the class that `auto_class` loads for `model_type`.

        None where it loads none.
        """
        table = _TABLES.get(auto_class)
        return _table(self.folder, table).get(model_type) if table else None


@remembered()
def installed_transformers() -> tuple[str, Path | None]:
    """The release of transformers installed here, and its folder; "" and None if there is none."""
    for place in sys.path:
        for found in listed(Path(place), f"{PROJECT}-*.dist-info"):
            folder = found.with_name(PROJECT)
            if is_folder(folder):
                return found.name.removesuffix(".dist-info").partition("-")[2], folder
    return "", None


def installed_sources() -> ReleaseSources:
    """The sources of the installed release, for a model that is not checked for any target."""
    return ReleaseSources(installed_transformers()[0])


def has_models(module: str) -> bool:
    """Whether classes of models can be imported from the module `module` of transformers."""
    return module == PROJECT or module.startswith(_MODELS)


def is_of_models(module: str) -> bool:
    """Whether `module` is a file of one of transformers' models."""
    parts = _parts(module)
    return module.startswith(_MODELS) and len(parts) == 2 and parts[0] != _OPAQUE


def _parts(module: str) -> list[str]:
    return module.removeprefix(_MODELS).split(".")


@remembered()
def _home_of_class(folder: Path, name: str) -> str | None:
    """The module that defines the class `name`.

    The name of a class nearly always begins with that of its folder (`Qwen3MoeModel` in
    `qwen3_moe`); for the few others all files are searched.
    """
    if not name[:1].isupper() or not name.isidentifier():
        return None
    defines = re.compile(rb"^class " + name.encode() + rb"\b", re.MULTILINE)
    likely = name.lower().replace("_", "")
    folders = [each for each in _model_folders(folder) if each.name != _OPAQUE]
    namesakes = [each for each in folders if likely.startswith(each.name.replace("_", ""))]
    namesakes.sort(key=lambda each: len(each.name), reverse=True)
    found = _defining(defines, namesakes)
    if found is None and _PUBLIC.fullmatch(name):
        note_tree(folder / "models")
        with unnoted():
            found = _defining(defines, folders)
    return found


def _defining(defines: re.Pattern[bytes], folders: list[Path]) -> str | None:
    """The module of the first file in `folders` with a line that matches `defines`."""
    for file in _files(folders):
        if defines.search(read_at_most(file, MOST_BYTES)):
            return f"{_MODELS}{file.parent.name}.{file.stem}"
    return None


@remembered()
def _model_folders(package: Path) -> tuple[Path, ...]:
    models = package / "models"
    return tuple(path for path in listed(models, "*") if is_folder(path))


def _files(folders: list[Path]) -> Iterator[Path]:
    for folder in folders:
        for kind in _KINDS:
            yield from listed(folder, f"{kind}_*.py")


@remembered()
def _table(folder: Path | None, name: str) -> Mapping[str, str]:
    """The pairs of the literal `NAME = OrderedDict([...])`, from whichever file has it."""
    begins = re.compile(rf"^{name}\b[^=\n]*= OrderedDict(?:\[.*\])?\(\s*\[?\s*$", re.MULTILINE)
    files = [folder / "models" / "auto" / f"{stem}.py" for stem in _FILES] if folder else []
    for file in files:
        text = read_at_most(file, MOST_BYTES).decode("utf-8") if is_file(file) else ""
        begin = begins.search(text)
        if begin is not None:
            body = text[begin.end() : text.index("\n)", begin.end())]
            return dict(_PAIR.findall(body))
    return {}
