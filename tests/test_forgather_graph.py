"""Tags, anchors and arguments become the node graph, and that the generator's Python."""

from __future__ import annotations

import pytest

from forgather_lint.forgather.encoder import Code, encode
from forgather_lint.forgather.graph import (
    CallKind,
    CallNode,
    DictNode,
    GraphError,
    ListNode,
    ScalarNode,
    Stretch,
    VarNode,
    plain,
)
from forgather_lint.forgather.read_graph import read_graph
from forgather_lint.forgather.traced import TemplateLine, Traced, place


def graph_of(text: str) -> DictNode:
    graph = read_graph(text)
    assert isinstance(graph, DictNode)
    return graph


def call_of(text: str) -> CallNode:
    """The call under the key `x`."""
    node = graph_of(f"x: {text}").items["x"]
    assert isinstance(node, CallNode)
    return node


def code_of(text: str, policy: str = "named") -> Code:
    """The code of what stands under the key `x`."""
    return encode(graph_of(text).items["x"], policy, traced)


def traced(text: str, at: Stretch) -> Traced:
    return place(text, TemplateLine("t", at.start))


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        ("!factory:m:f", CallKind.FACTORY),
        ("!singleton:m:f", CallKind.SINGLETON),
        ("!call:m:f", CallKind.SINGLETON),
        ("!partial:m:f", CallKind.PARTIAL),
        ("!lambda:m:f", CallKind.PARTIAL),
        ("!meta:m:f", CallKind.META),
    ],
)
def test_the_tag_says_when_a_node_calls(tag: str, kind: CallKind) -> None:
    node = call_of(f"{tag}@name [ 1 ]")
    assert (node.kind, node.constructor, node.identity) == (kind, "m:f", "name")


@pytest.mark.parametrize(
    ("text", "args", "kwargs"),
    [
        ("[ 1, two ]", [1, "two"], {}),
        ("{ a: 1, b: 2 }", [], {"a": 1, "b": 2}),
        ("{ arg10: z, a: 1, arg2: y }", ["y", "z"], {"a": 1}),
        ("{ args: [ 1, 2 ] }", [1, 2], {}),
        ("{ kwargs: { a: 1 } }", [], {"a": 1}),
        ("{ args: [ 1 ], kwargs: { a: 1 } }", [1], {"a": 1}),
        ("{ args: [ 1 ], other: 2 }", [], {"args": [1], "other": 2}),
        ("", [], {}),
        ("ab", ["a", "b"], {}),
        ("{ submodule_searchpath: [ p ], latent_args: { q: 1 }, a: 1 }", [], {"a": 1}),
    ],
)
def test_arguments_by_position_and_by_name(
    text: str, args: list[object], kwargs: dict[str, object]
) -> None:
    node = call_of(f"!call:m:f {text}")
    assert [plain(arg) for arg in node.args] == args
    assert {key: plain(value) for key, value in node.kwargs.items()} == kwargs


@pytest.mark.parametrize(
    ("text", "constructor", "identity"),
    [
        ("!dict:@meta { a: 1 }", "named_dict", "meta"),
        ("!dict { a: 1 }", "named_dict", None),
        ("!dict@factory { a: 1 }", "named_dict", None),
        ("!list:@l [ 1 ]", "named_list", "l"),
        ("!tuple [ 1 ]", "named_tuple", None),
        ("!dlist { a: 1, b: ~ }", "named_list", None),
    ],
)
def test_containers_are_calls_with_names(text: str, constructor: str, identity: str | None) -> None:
    node = call_of(text)
    assert (node.constructor, node.identity) == (constructor, identity)


def test_a_dlist_drops_nulls() -> None:
    (items,) = call_of("!dlist { a: 1, b: ~, c: 3 }").args
    assert plain(items) == [1, 3]


def test_variables_have_a_name_and_perhaps_a_default() -> None:
    graph = graph_of("a: !var size\nb: !var { name: size, default: 3 }")
    a, b = graph.items["a"], graph.items["b"]
    assert isinstance(a, VarNode)
    assert isinstance(b, VarNode)
    assert (a.name, a.default) == ("size", None)
    assert isinstance(b.default, ScalarNode)
    assert b.default.value == 3


def test_an_alias_is_the_node_itself() -> None:
    graph = graph_of("a: &x !call:m:f\nb: *x")
    assert graph.items["a"] is graph.items["b"]


def test_scalars_are_those_of_yaml() -> None:
    text = "[ 1, 0x10, 1.5, 1.0e-05, 1e5, yes, null, ~, '1', 2024-01, !!str 5 ]"
    items = graph_of(f"x: {text}").items["x"]
    expected = [1, 16, 1.5, 1.0e-05, "1e5", True, None, None, "1", "2024-01", "5"]
    assert plain(items) == expected


def test_merged_mappings_give_way_to_own_keys_and_earlier_ones() -> None:
    text = "a: &a { x: 1, y: 1 }\nb: &b { y: 2, z: 2 }\nc: { <<: [ *a, *b ], z: 3 }"
    assert plain(graph_of(text).items["c"]) == {"y": 1, "z": 3, "x": 1}


def test_the_last_of_repeated_keys_counts_and_the_first_is_remembered() -> None:
    text = "x: { a: 1, b: 2, a: 3 }"
    node = graph_of(text).items["x"]
    assert isinstance(node, DictNode)
    assert plain(node) == {"a": 3, "b": 2}
    (repeated,) = node.repeated
    assert text[repeated.first.start :][:4] == "a: 1"
    assert text[repeated.second.start :][:4] == "a: 3"


def test_nodes_know_where_they_stand() -> None:
    text = "é: 1\nlist:\n    - one\n    - !call:m:f\n        key: value\n"
    graph = graph_of(text)
    items = graph.items["list"]
    assert isinstance(items, ListNode)
    one, call = items.items
    assert text[slice(*one.at)] == "one"
    assert isinstance(call, CallNode)
    assert text[slice(*call.keys["key"])] == "key"
    assert text[slice(*call.kwargs["key"].at)] == "value"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x: *gone", "found undefined alias 'gone'"),
        ("x: !unknown 1", "could not determine a constructor for the tag '!unknown'"),
        ("x: !!python/object:os.system {}", "could not determine a constructor"),
        ("x: { [1]: 2 }", "found unhashable key"),
        ("x: !call", "names nothing to call"),
        ("x: !var [ a ]", "!var takes a name"),
        ("x: !dict [ 1 ]", "!dict does not take"),
        ("x: !list { a: 1 }", "!list does not take"),
        ("x: { <<: 1 }", "expected a mapping or list of mappings for merging"),
        ("a: !call:m:f@n\nb: !call:m:g@n", "Multiple definitions found for node n"),
        ("a: 1\n---\nb: 1", "expected a single document"),
    ],
)
def test_what_forgather_refuses_is_an_error_at_its_place(text: str, message: str) -> None:
    with pytest.raises(GraphError, match=message.replace("(", "\\(")) as raised:
        read_graph(text)
    assert 0 < raised.value.at.start <= len(text)


MODEL = """\
.define: &norm !partial:torch.nn:LayerNorm@norm
    normalized_shape: !var "size"
.define: &stack !factory:.stack:Stack@stack
    norm_factory: *norm
    layers: 2
x: !dict
    first: *stack
    second: !partial:.model:Model
        stack: *stack
        activation: !partial:torch.nn.ReLU
        names: !tuple [ a, b ]
        beta: !call:.model:beta [ !var "size", 0 ]
        limit: !call:getattr [ *norm, "limit" ]
        text: "two\\nlines"
        nothing: { }
"""

# What PyEncoder (Forgather f92f8b8) makes of it.
DEFINITIONS = """\
norm = partial(LayerNorm,\x20
    normalized_shape=size,
)

stack = partial(Stack,\x20
    norm_factory=norm,
    layers=2,
)"""
MAIN_BODY = """\
{
    'first': stack(),
    'second': partial(Model,\x20
        stack=stack(),
        activation=torch.nn.ReLU,
        names=(
            'a',
            'b',
        ),
        beta=beta(
            size,
            0,
        ),
        limit=norm.limit,
        text=(
        'two\\n'
        'lines'
    ),
        nothing={},
    ),
}"""


def test_a_graph_becomes_the_code_that_the_generator_writes() -> None:
    code = code_of(MODEL)
    assert (code.definitions, code.main_body) == (DEFINITIONS, MAIN_BODY)
    assert code.imports == (
        (".model", "Model"),
        (".model", "beta"),
        (".stack", "Stack"),
        ("torch.nn", "LayerNorm"),
    )
    assert [(each.name, each.has_default) for each in code.variables] == [("size", False)]


def test_code_keeps_the_places_it_was_made_from() -> None:
    code = code_of(MODEL)
    assert isinstance(code.main_body, Traced)
    origin = code.main_body.origin_at(code.main_body.index("norm.limit") + 5)
    assert origin is not None
    assert MODEL[origin.line :].startswith('"limit"')


@pytest.mark.parametrize(
    ("policy", "definitions"),
    [
        ("required", "alpha_ = b()"),
        ("named", "alpha_ = b()\n\nc = d()"),
        ("all", "beta_ = b()\n\nc = d()\n\nalpha_ = [\n    beta_,\n    beta_,\n    c,\n]"),
    ],
)
def test_the_policy_says_which_nodes_get_names(policy: str, definitions: str) -> None:
    text = "x: !list [ &b !call:m:b , *b, !call:m:d@c ]"
    assert code_of(text, policy).definitions == definitions


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("!call:call [ !call:m:f , 1 ]", "f()(\n    1,\n)"),
        ("!call:call [ !call:m:f, 1 ]", "f,(\n        '1',\n    )()"),
        ("!call:getitem [ !call:m:f , key ]", "f()['key']"),
        ("!call:operator:getitem [ !var v, 0 ]", "v[0]"),
        ("!call:values [ !var v ]", "v.values()"),
        ("!call:keys [ !var v ]", "v.keys()"),
        ("!list []", "[]"),
        ("!tuple []", "tuple()"),
        ("!call:path/to/file.py:Cls.make [ 1 ]", "Cls.make()(\n    1,\n)"),
        ("~", "None"),
    ],
)
def test_operators_and_literals_are_written_as_such(text: str, body: str) -> None:
    assert code_of(f"x: {text}").main_body == body


@pytest.mark.parametrize(
    "text", ["!call:items [ 1, 2 ]", "!call:a:b:c", "!call:getattr [ 1 ]", "!meta:m:f"]
)
def test_what_the_generator_cannot_write_is_an_error(text: str) -> None:
    with pytest.raises(GraphError):
        code_of(f"x: {text}")
