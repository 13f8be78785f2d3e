"""`torch.nn.utils.skip_init`: a module whose parameters are allocated but not initialised."""

from __future__ import annotations

from forgather_lint.libraries.nn.module import is_module
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.library import OpFailure, Site, op
from forgather_lint.python.values.objects import ClassValue
from forgather_lint.python.values.value import Arguments, External, Value, known

_NO_DEVICE = "__init__() got an unexpected keyword argument 'device'"


@op("torch.nn.utils.skip_init")
def skip_init(site: Site, module_cls: Value, *arguments: Value, **options: Value) -> Value:
    """`module_cls(...)`, on the device that is named or else on the CPU.

    Source: torch/nn/utils/init.py, `skip_init`.
    """
    if not isinstance(module_cls, ClassValue | External):
        return site.unknown("unmodelled-call")
    given = {"device": known("cpu"), **options}
    try:
        made = site.evaluator.call(module_cls, Arguments(list(arguments), given), site.where)
    except Raised as error:
        if error.kind == "TypeError" and error.text == f"{_name(module_cls)}.{_NO_DEVICE}":
            raise OpFailure("RuntimeError", _UNFIT) from None
        raise
    return made if is_module(site, made) else site.unknown("unmodelled-call")


_UNFIT = "Module must support a 'device' arg to skip initialization"


def _name(cls: ClassValue | External) -> str:
    return cls.name.rpartition(".")[2]
