"""How an engine reads the arguments of a call in Python (`data/call_arguments.toml`)."""

from __future__ import annotations

from forgather_lint.core.version import Version
from forgather_lint.documents.commands.calls import MODEL
from forgather_lint.documents.commands.found import Keyword, ServingCall
from forgather_lint.engines.fact import tables
from forgather_lint.engines.names import admits
from forgather_lint.engines.releases import known
from forgather_lint.engines.vllm.serve_options import options_of
from forgather_lint.facts.command import Given, RefusedFor, RefusedWord, ServeCommand

TOPIC = "call_arguments"
_SWITCH = {"True": True, "False": False}


def read_call(call: ServingCall, release: Version) -> ServeCommand:
    """The call, as the command with the options of the same names."""
    options = options_of(release)
    given: dict[str, Given] = {}
    refused = []
    model = None
    for keyword in call.keywords:
        option = options.get(option_of(keyword.name))
        if keyword.name == MODEL:
            model = keyword.value
        elif option is None and not takes(call.called, keyword.name, release):
            refused.append(
                RefusedWord(RefusedFor.ARGUMENT, keyword.word, keyword.name, call.called)
            )
        elif option is not None and keyword.value is not None:
            given[option.name] = _given(option.name, keyword, bare=option.is_bare)
        elif option is None and keyword.value is not None:
            name = option_of(keyword.name)  # the class takes it, the command line does not have it
            given[name] = _given(name, keyword, bare=False)
    return ServeCommand(
        given=given,
        model=model,
        refused=tuple(refused),
        complete=call.complete,
        environment={},
        words=(call.word,),
        file=call.word.span.path,
    )


def _given(name: str, keyword: Keyword, *, bare: bool) -> Given:
    if not bare:
        return Given(name, keyword.word, keyword.value, True)
    said = keyword.value.text if keyword.value is not None else None
    return Given(name, keyword.word, None, _SWITCH.get(said or ""))


def option_of(name: str) -> str:
    """The option that has the name of an argument."""
    return f"--{name.replace('_', '-')}"


def takes(called: str, name: str, release: Version) -> bool:
    """Whether the class `called` of `release` accepts an argument of that name."""
    ranges = tables(TOPIC).get(called, {}).get(name)
    return ranges is not None and admits(str(ranges), release)


def releases_taking(called: str, name: str) -> tuple[Version, ...]:
    """The profiled releases whose class accepts the argument, oldest first."""
    return tuple(release for release in known("vllm") if takes(called, name, release))
