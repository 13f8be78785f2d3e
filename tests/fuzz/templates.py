"""Jinja texts in Forgather's dialect, from a grammar."""

from __future__ import annotations

from random import Random

_FILTERS = (
    *("abs", "attr('x')", "batch(2)", "capitalize", "center(9)", "default('a')", "dictsort"),
    *("escape", "filesizeformat", "first", "float", "forceescape", "format('a')", "groupby('a')"),
    *("indent(4)", "int", "items", "join(',')", "last", "length", "list", "lower", "map('upper')"),
    *("max", "min", "pprint", "random", "reject", "rejectattr('a')", "replace('a', 'bb')"),
    *("reverse", "round(2)", "safe", "select", "selectattr('a')", "slice(3)", "sort", "string"),
    *("striptags", "sum", "title", "tojson", "trim", "truncate(5)", "unique", "upper", "urlencode"),
    *("urlize", "wordcount", "wordwrap(2)", "xmlattr", "toyaml", "indent(10**6)", "center(10**9)"),
)
_VALUES = (
    *("1", "2.5", "'a'", "x", "y", "ns.x", "[1, 2]", "{'a': 1}", "none", "true", "()", "10**9"),
    *(
        "'a b ' * 50000",
        "'ab' * 90000",
        "range(9)",
        "range(9999)",
        "project_dir",
        "uname",
        "versions",
    ),
    *("now()", "user_home_dir()", "joinpath(project_dir, 'a')", "loop.index", "self", "caller()"),
    *("namespace(x=1)", "dict(a=1)", "cycler(1, 2)", "joiner(',')", "lipsum()", "super()"),
)
_METHODS = (
    *(
        "upper()",
        "format(1)",
        "join(['a'])",
        "append(1)",
        "items()",
        "replace('a', 'b')",
        "__class__",
    ),
    *("get('a')", "split()", "center(100000)", "zfill(10**9)", "x", "pop()", "update({'a': 1})"),
    *("strftime('%Y')", "strftime('%9999Y')", "startswith('a')", "encode()", "mro()"),
)
_SIGNS = ("+", "-", "*", "/", "//", "%", "**", "~", "==", "<", "in", "and", "or", "is", "is not")
_TESTS = ("defined", "none", "string", "mapping", "iterable", "divisibleby(0)", "sameas(1)", "odd")
_DEEPEST = 3


def template(random: Random) -> str:
    """Some rows of a configuration."""
    return "\n".join(_row(random, 0) for _ in range(random.randint(1, 8))) + "\n"


def _value(random: Random, depth: int) -> str:
    if depth >= _DEEPEST or random.random() < 0.3:
        return random.choice(_VALUES)
    form = random.randrange(6)
    inner = _value(random, depth + 1)
    if form == 0:
        return f"({inner} {random.choice(_SIGNS)} {_value(random, depth + 1)})"
    if form in (1, 2):
        return f"({inner}) | {random.choice(_FILTERS)}"
    if form == 3:
        return f"({inner}).{random.choice(_METHODS)}"
    if form == 4:
        return f"({inner})[{_value(random, depth + 1)}]"
    return f"(({inner}) is {random.choice(_TESTS)})"


def _row(random: Random, depth: int) -> str:
    value = _value(random, 0)
    inner = _row(random, depth + 1) if depth < _DEEPEST else "a: 1"
    forms = (
        f"a{random.randrange(9)}: {{{{ {value} }}}}",
        f"== {value}",
        f"-- set {random.choice('xy')} = {value}",
        f"{{% for i in {value} %}}\n{inner}\n{{% endfor %}}",
        f"{{% if {value} %}}\n{inner}\n{{% else %}}\nb: 1\n{{% endif %}}",
        f"-- block {random.choice('abc')}\n{inner}\n-- endblock",
        f"{{% set ns = namespace(x={value}) %}}{{% for i in range(99) %}}"
        f"{{% set ns.x = ns.x {random.choice(_SIGNS)} ns.x %}}{{% endfor %}}",
        f"{{% macro m(x) %}}\n{inner}\n{{% endmacro %}}{{{{ m({value}) }}}}",
        f"{{% set x %}}{inner}{{% endset %}}",
        f"-- include {value}",
        f"-- extends '{random.choice(('config.yaml', 'other.yaml', '../x', '/etc/passwd'))}'",
        f"[block_{random.choice('ab')}]\n    {inner}",
        f"## {value}",
        f"#---- {random.choice(('a', 'b/c.yaml', 'x y'))} ----",
        f"b: !singleton:{random.choice(('a:b', 'torch:nn', ':', 'a'))} {{ x: {value[:9]!r} }}",
        f"{{% filter {random.choice(_FILTERS)} %}}\n{inner}\n{{% endfilter %}}",
        f"{{% call m({value}) %}}\n{inner}\n{{% endcall %}}",
        f"{{{{ {value} "[: random.randint(3, 40)],
    )
    return random.choice(forms)
