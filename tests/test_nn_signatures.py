"""The constructors of `torch.nn` take what the table says: held to the torch that is installed."""

from __future__ import annotations

import inspect

import pytest

from forgather_lint.libraries.nn.signatures import listed

nn = pytest.importorskip("torch.nn")


@pytest.mark.parametrize("name", listed())
def test_a_constructor_has_these_parameters(name: str) -> None:
    cls = getattr(nn, name, None) or getattr(nn.modules.linear, name)
    if cls.__init__ is nn.Module.__init__:
        assert listed()[name] == ""
        return
    given = list(inspect.signature(cls.__init__).parameters.values())[1:]
    bare = [each.replace(annotation=inspect.Parameter.empty) for each in given]
    assert f"({listed()[name]})" == str(inspect.Signature(bare))
