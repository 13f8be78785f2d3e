"""A new operation of torch: its meaning in the file of its family, and a case for torch too."""

from __future__ import annotations

import ast
import re

import click

from forgather_lint.python.interpreter.library import op_named
from tools.new.writing import ENGINE, ROOT, Refused, checked_name, in_order, rewrite, shown, then

FAMILIES = ENGINE / "libraries" / "torch"
CASES = ROOT / "tests" / "op_cases.py"

NEEDED = {
    "forgather_lint.libraries.operands": ("tensor", "tensor_op"),
    "forgather_lint.libraries.torch.elementwise": ("elementwise",),
    "forgather_lint.python.interpreter.library": ("Site",),
    "forgather_lint.python.values.value": ("Value",),
}

MEANING = '''

@tensor_op({names})
def {function}(site: Site, input: Value) -> Value:
    """Element by element, of the dtype that it is given."""
    return elementwise(site, [(tensor(site, input), "argument")])
'''


@click.command("operation")
@click.argument("name")
@click.option(
    "--family",
    required=True,
    type=click.Choice(sorted(file.stem for file in FAMILIES.glob("[a-z]*.py"))),
    help="The file of libraries/torch that it belongs to.",
)
@click.option("--method/--no-method", help="Tensors have it, too: `x.name()`.")
def command(name: str, family: str, method: bool) -> None:
    """The operation NAME: `torch.special.erfcx`."""
    checked_name(name, r"torch(\.[A-Za-z_]\w*)+", "torch.special.erfcx")
    import forgather_lint.libraries.standard as library

    library.StandardLibrary()  # whose making enters every operation in the table
    last = name.rpartition(".")[2]
    names = [name, f"Tensor.{last}"] if method else [name]
    known = [each for each in names if op_named(each)]
    if known:
        raise Refused(f"{', '.join(known)}: has a meaning")
    file = FAMILIES / f"{family}.py"
    text = file.read_text("utf-8")
    function = last.lower() if f"def {last.lower()}(" not in text else f"{last.lower()}_of"
    quoted = ", ".join(f'"{each}"' for each in names)
    rewrite(file, with_imports(text) + MEANING.format(names=quoted, function=function))
    texts = [f"{name}(x)", *([f"x.{last}()"] * method)]
    cases = "".join(f'    case("{each}", x=X),\n' for each in texts)
    rewrite(
        CASES, re.sub(r"(?m)^(POINTWISE = \[\n(?: .*\n)*)", rf"\g<1>{cases}", CASES.read_text())
    )
    in_order(file, CASES)
    then(
        [
            f"write in {shown(file)} what it computes: shape, dtype, what of a placement it keeps",
            f"add cases to {shown(CASES)}: every argument it takes, and what it refuses",
            f"python -m pytest tests/test_ops_shapes.py tests/test_ops_placements.py -k {last}",
        ]
    )


def with_imports(text: str) -> str:
    """The text of a file with the imports that the skeleton needs."""
    present = {
        alias.name
        for node in ast.parse(text).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    missing = [
        f"from {module} import {name}\n"
        for module, names in NEEDED.items()
        for name in names
        if name not in present
    ]
    future = "from __future__ import annotations\n"
    return text.replace(future, future + "".join(missing), 1).rstrip("\n") + "\n"
