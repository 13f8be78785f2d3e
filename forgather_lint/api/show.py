"""`print_model_structure` of Forgather's guide."""

from __future__ import annotations

from forgather_lint.api.contained import contained
from forgather_lint.api.subject import ModelOrPath, whole_structure
from forgather_lint.core.printable import printable
from forgather_lint.shell.outline import outline, own_parameters


@contained
def print_model_structure(
    model_or_path: ModelOrPath, max_depth: int = 3, show_params: bool = True
) -> None:
    """Print the module tree, with layers that are alike on one line.

    Raises `ValueError` when the model cannot be read or its analysis had to be ended.
    """
    structure = whole_structure(model_or_path)
    for line in outline(structure, max_depth, expand=False):
        text = line.label if line.depth == 0 else f"{line.label}: {line.module.cls}"
        print(printable(f"{'  ' * line.depth}{text}"))
        for parameter in own_parameters(structure, line.module) if show_params else ():
            leaf = parameter.name.rpartition(".")[2]
            print(printable(f"{'  ' * (line.depth + 1)}{leaf} {list(parameter.shape or ())}"))
