"""The tables of transformers' auto classes, read as text from the installed package."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from forgather_lint.model.installed import package_folder

CONFIGS = "CONFIG_MAPPING_NAMES"
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


def config_class_name(model_type: str) -> str | None:
    """The name of the config class of `model_type`."""
    return _table(CONFIGS).get(model_type)


def model_class_name(auto_class: str, model_type: str) -> str | None:
    """The name of the class that `auto_class` loads for `model_type`."""
    table = _TABLES.get(auto_class)
    return _table(table).get(model_type) if table else None


@cache
def _table(name: str) -> Mapping[str, str]:
    """The pairs of the literal `NAME = OrderedDict([...])`, in whichever file it stands."""
    folder = package_folder("transformers")
    begins = re.compile(rf"^{name}\b[^=\n]*= OrderedDict\(\s*\[?\s*$", re.MULTILINE)
    files = [folder / "models" / "auto" / f"{stem}.py" for stem in _FILES] if folder else []
    for file in files:
        text = file.read_text("utf-8") if file.is_file() else ""
        begin = begins.search(text)
        if begin is not None:
            body = text[begin.end() : text.index("\n)", begin.end())]
            return dict(_PAIR.findall(body))
    return {}
