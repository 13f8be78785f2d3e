"""Binds the arguments of a call to the parameters of a function."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.core.source import Place
from forgather_lint.facts.causes.placement import ArgumentNotTaken
from forgather_lint.python.interpreter.frame import Frame, Raised
from forgather_lint.python.values.objects import AttributeDict, FunctionValue
from forgather_lint.python.values.value import (
    Arguments,
    DictValue,
    Key,
    TupleValue,
    Unknown,
    Value,
    keyed,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


def arguments_of(machine: Machine, node: cst.Call, frame: Frame) -> Arguments:
    """Evaluate the arguments written at a call; starred ones are unpacked."""
    arguments = Arguments()
    for argument in node.args:
        value = machine.evaluate(argument.value, frame)
        if argument.star == "*":
            items, rest = machine.items_of(value)
            arguments.positional.extend(items)
            arguments.rest = arguments.rest or rest
        elif argument.star == "**":
            _unpack_keywords(value, arguments)
        elif argument.keyword is not None:
            arguments.keywords[argument.keyword.value] = value
        else:
            arguments.positional.append(value)
    return arguments


def _unpack_keywords(value: Value, arguments: Arguments) -> None:
    if isinstance(value, AttributeDict):
        value = DictValue(keyed(value.instance.attributes))
    if not isinstance(value, DictValue):
        arguments.rest = value if isinstance(value, Unknown) else Unknown("unknown-keywords")
        return
    for key, item in value.items.items():
        if isinstance(key, str):
            arguments.keywords[key] = item
    arguments.rest = arguments.rest or value.rest


def defaults_of(
    machine: Machine, node: cst.FunctionDef | cst.Lambda, frame: Frame
) -> dict[str, Value]:
    """Evaluate the default values, in the frame in which the function is defined."""
    return {
        parameter.name.value: machine.evaluate(parameter.default, frame)
        for parameter in all_parameters(node.params)
        if parameter.default is not None
    }


def all_parameters(parameters: cst.Parameters) -> Iterator[cst.Param]:
    """Every parameter that can be passed by name or position, in order."""
    yield from parameters.posonly_params
    yield from parameters.params
    yield from parameters.kwonly_params


def bound_parameters(
    function: FunctionValue, arguments: Arguments, where: Place
) -> dict[str, Value]:
    """The parameters by name, with the values that `arguments` give them.

    Raises `Raised("TypeError")` with Python's text.
    """
    parameters = function.node.params
    positional = [p.name.value for p in (*parameters.posonly_params, *parameters.params)]
    keyword_only = [p.name.value for p in parameters.kwonly_params]
    names = _bound_by_position(function, arguments, positional, where)
    left_over = _bind_keywords(function, arguments, positional + keyword_only, names, where)
    missing = [name for name in positional + keyword_only if name not in names]
    if arguments.rest is None:
        _check_given(function, [each for each in missing if each in positional], where)
        named_only = [each for each in missing if each in keyword_only]
        _check_given(function, named_only, where, "keyword-only")
    for name in missing:
        names[name] = _default(function, name, where)
    if parameters.star_kwarg is not None:
        names[parameters.star_kwarg.name.value] = DictValue(left_over, rest=arguments.rest)
    return names


def _bound_by_position(
    function: FunctionValue, arguments: Arguments, positional: list[str], where: Place
) -> dict[str, Value]:
    given = arguments.positional
    names = dict(zip(positional, given, strict=False))
    star = function.node.params.star_arg
    if isinstance(star, cst.Param):
        names[star.name.value] = TupleValue(tuple(given[len(positional) :]))
    elif len(given) > len(positional):
        text = f"{_title(function)} {_takes(function, given, positional)}"
        raise Raised("TypeError", text, where)
    return names


def _bind_keywords(
    function: FunctionValue,
    arguments: Arguments,
    parameters: list[str],
    names: dict[str, Value],
    where: Place,
) -> dict[Key, Value]:
    """Add keyword arguments to `names`; returns those for which there is no parameter."""
    left_over: dict[Key, Value] = {}
    for name, value in arguments.keywords.items():
        if name not in parameters:
            left_over[name] = value
        elif name in names:
            text = f"{_title(function)} got multiple values for argument '{name}'"
            raise Raised("TypeError", text, where)
        else:
            names[name] = value
    if left_over and function.node.params.star_kwarg is None:
        title, name = _title(function), str(next(iter(left_over)))
        text, cause = (
            f"{title} got an unexpected keyword argument '{name}'",
            ArgumentNotTaken(title.partition("(")[0], name),
        )
        raise Raised("TypeError", text, where, cause=cause)
    return left_over


def _takes(function: FunctionValue, given: list[Value], positional: list[str]) -> str:
    """Python's message for too many positional arguments."""
    least = len([name for name in positional if name not in function.defaults])
    most = len(positional)
    range_ = f"from {least} to {most}" if least < most else str(most)
    takes = f"takes {range_} positional argument{'' if range_ == '1' else 's'} but"
    return f"{takes} {len(given)} {'was' if len(given) == 1 else 'were'} given"


def _check_given(
    function: FunctionValue, missing: list[str], where: Place, kind: str = "positional"
) -> None:
    """Raise what Python raises for parameters that are not given and have no default."""
    names = [f"'{name}'" for name in missing if name not in function.defaults]
    if not names:
        return
    first, several = ", ".join(names[:-1]), "" if len(names) == 1 else "s"
    listed = f"{first}{',' if len(names) > 2 else ''} and {names[-1]}" if several else names[0]
    text = f"missing {len(names)} required {kind} argument{several}: {listed}"
    raise Raised("TypeError", f"{_title(function)} {text}", where)


def _default(function: FunctionValue, name: str, where: Place) -> Value:
    return function.defaults.get(name) or Unknown("unknown-arguments", where, name)


def _title(function: FunctionValue) -> str:
    named = f"{function.owner.name}.{function.name}()" if function.owner else f"{function.name}()"
    return f"{function.inside}.<locals>.{named}" if function.inside else named
