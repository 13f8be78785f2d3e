"""Binds the arguments of a call to the parameters of a function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.facts.causes.placement import ArgumentNotTaken
from forgather_lint.python.interpreter.frame import Frame, Raised
from forgather_lint.python.values.objects import (
    AttributeDict,
    BoundMethod,
    ClassValue,
    FunctionValue,
)
from forgather_lint.python.values.value import (
    UNDECIDED_ITEM,
    Arguments,
    Builtin,
    DictValue,
    External,
    Key,
    Known,
    TupleValue,
    Unknown,
    Value,
    keyed,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


def arguments_of(machine: Machine, node: cst.Call, function: Value, frame: Frame) -> Arguments:
    """Evaluate the arguments written at a call of `function`; starred ones are unpacked.

    Raises `Raised("TypeError")` for a keyword that is given twice.
    """
    arguments = Arguments()
    for argument in node.args:
        value = machine.evaluate(argument.value, frame)
        if argument.star == "*":
            items, rest = machine.items_of(value)
            arguments.positional.extend(items)
            arguments.rest = arguments.rest or rest
        elif argument.star == "**":
            given = _unpack_keywords(machine, value, arguments, frame.place(argument))
            _add_keywords(function, arguments, given, frame.place(argument))
        elif argument.keyword is not None:
            given = {argument.keyword.value: value}
            _add_keywords(function, arguments, given, frame.place(argument))
        else:
            arguments.positional.append(value)
    return arguments


def _unpack_keywords(
    machine: Machine, value: Value, arguments: Arguments, where: Place
) -> dict[str, Value]:
    """The keywords that `**value` surely gives; further ones are noted in `arguments.rest`."""
    if isinstance(value, AttributeDict):
        value = DictValue(keyed(value.instance.attributes))
    if not isinstance(value, DictValue):
        arguments.rest = value if isinstance(value, Unknown) else Unknown("unknown-keywords")
        return {}
    if value.rest is not None and value.rest.reason == UNDECIDED_ITEM:
        machine.leave_unproved(Unknown("keywords-by-condition", where))
    arguments.rest = arguments.rest or value.rest
    if any(isinstance(key, Known) and not isinstance(key.value, str) for key in value.key_values()):
        raise Raised("TypeError", "keywords must be strings", where)
    return {key: item for key, item in value.items.items() if isinstance(key, str)}


def _add_keywords(
    function: Value, arguments: Arguments, given: dict[str, Value], where: Place
) -> None:
    for name, value in given.items():
        if name in arguments.keywords:
            text = f"{_called(function)} got multiple values for keyword argument '{name}'"
            raise Raised("TypeError", text, where)
        arguments.keywords[name] = value


def _called(function: Value) -> str:
    """What Python calls `function`; the name of its module, which stands in front, is left out."""
    if isinstance(function, BoundMethod):
        function = function.function
    if isinstance(function, FunctionValue):
        return _title(function)
    name = function.name if isinstance(function, ClassValue | External | Builtin) else "the call"
    return f"{name.rpartition('.')[2]}()"


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
    unnamed = [p.name.value for p in parameters.posonly_params]
    positional = [*unnamed, *(p.name.value for p in parameters.params)]
    keyword_only = [p.name.value for p in parameters.kwonly_params]
    names = _bound_by_position(function, arguments, positional, where)
    by_name = positional[len(unnamed) :] + keyword_only
    if parameters.star_kwarg is None:
        _check_named(function, arguments, unnamed, where)
    left_over = _bind_keywords(function, arguments, by_name, names, where)
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


def _check_named(
    function: FunctionValue, arguments: Arguments, unnamed: list[str], where: Place
) -> None:
    """Raise what Python raises for parameters before the `/` that are passed by name."""
    named = ", ".join(name for name in unnamed if name in arguments.keywords)
    if named:
        text = "got some positional-only arguments passed as keyword arguments"
        raise Raised("TypeError", f"{_title(function)} {text}: '{named}'", where)


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
    return _taken(least, len(positional), len(given))


def _taken(least: int, most: int, given: int) -> str:
    range_ = f"from {least} to {most}" if least < most else str(most)
    takes = f"takes {range_} positional argument{'' if range_ == '1' else 's'} but"
    return f"{takes} {given} {'was' if given == 1 else 'were'} given"


@record
class Signature:
    """The parameters behind the first one of a function that Python itself makes for a class."""

    title: str
    positional: tuple[str, ...]
    keyword_only: tuple[str, ...]
    defaults: frozenset[str]

    def check(self, arguments: Arguments, where: Place) -> None:
        """Raise what Python does for arguments that it does not take."""
        by_position = self.positional[: len(arguments.positional)]
        for name in arguments.keywords:
            if name not in (*self.positional, *self.keyword_only):
                text = f"{self.title} got an unexpected keyword argument '{name}'"
                raise Raised("TypeError", text, where)
            if name in by_position:
                text = f"{self.title} got multiple values for argument '{name}'"
                raise Raised("TypeError", text, where)
        if len(arguments.positional) > len(self.positional):
            least = len([name for name in self.positional if name not in self.defaults])
            taken = _taken(1 + least, 1 + len(self.positional), 1 + len(arguments.positional))
            raise Raised("TypeError", f"{self.title} {taken}", where)
        if arguments.rest is not None:
            return
        given = {*by_position, *arguments.keywords, *self.defaults}
        for names, kind in (self.positional, "positional"), (self.keyword_only, "keyword-only"):
            missing = [name for name in names if name not in given]
            if missing:
                raise missing_arguments(self.title, missing, where, kind)


def _check_given(
    function: FunctionValue, missing: list[str], where: Place, kind: str = "positional"
) -> None:
    """Raise what Python raises for parameters that are not given and have no default."""
    names = [name for name in missing if name not in function.defaults]
    if names:
        raise missing_arguments(_title(function), names, where, kind)


def missing_arguments(
    title: str, missing: Sequence[str], where: Place, kind: str = "positional"
) -> Raised:
    """What Python says of a call that lacks these arguments."""
    names = [f"'{name}'" for name in missing]
    first, several = ", ".join(names[:-1]), "" if len(names) == 1 else "s"
    listed = f"{first}{',' if len(names) > 2 else ''} and {names[-1]}" if several else names[0]
    text = f"missing {len(names)} required {kind} argument{several}: {listed}"
    return Raised("TypeError", f"{title} {text}", where)


def _default(function: FunctionValue, name: str, where: Place) -> Value:
    return function.defaults.get(name) or Unknown("unknown-arguments", where, name)


def _title(function: FunctionValue) -> str:
    named = f"{function.owner.name}.{function.name}()" if function.owner else f"{function.name}()"
    return f"{function.inside}.<locals>.{named}" if function.inside else named
