"""Python expressions and short programs from a grammar, with values at which things break."""

from __future__ import annotations

from random import Random

_INTEGERS = (
    *("0", "1", "2", "3", "7", "-1", "-2", "64", "256", "1000", "2**31", "2**63", "-2**63"),
    *("10**8", "-10**8", "10**11", "10**30", "10**400", "10**5000", "True", "False"),
)
_FLOATS = ("0.0", "1.5", "-0.0", "1e308", "1e-320", "float('nan')", "float('inf')", "2.5", "1j")
_TEXTS = (
    *("''", "'a'", "'ab c'", "'%s'", "'%d'", "'{}'", "'{0[0]}'", "'a\\n'", "'\\x00'", "'é'"),
    *("'%1000000000d'", "'{:>1000000000}'", "'1'", "'-1'", "'nan'", "'\\ud800'", "'%(a)s'"),
)
_BYTES = ("b''", "b'a'", "b'%d'", "b'\\xff'", "bytearray(b'ab')", "b'%1000000000d'")
_NAMES = ("x", "y", "f", "z", "n", "t", "d", "l", "s")
_TYPES = (
    *("int", "float", "str", "bytes", "list", "tuple", "dict", "set", "frozenset", "bool"),
    *("object", "type", "complex", "range", "slice", "enumerate", "zip", "map", "filter"),
    *("reversed", "bytearray", "memoryview", "super", "property", "staticmethod"),
)
_FUNCTIONS = (
    *("len", "sum", "min", "max", "abs", "round", "sorted", "any", "all", "divmod", "pow"),
    *("hash", "id", "repr", "ascii", "chr", "ord", "hex", "oct", "bin", "iter", "next", "callable"),
    *("isinstance", "issubclass", "getattr", "setattr", "hasattr", "delattr", "vars", "dir"),
    *("format", "print", "input", "open", "eval", "exec", "compile", "globals", "locals"),
    *("math.sqrt", "math.log", "math.floor", "math.ceil", "math.gcd", "math.prod", "math.pow"),
    *("math.isclose", "math.factorial", "math.comb", "math.inf", "itertools.chain"),
    *("itertools.product", "itertools.repeat", "itertools.count", "itertools.accumulate"),
    *("functools.reduce", "functools.partial", "operator.mul", "operator.itemgetter"),
    *("collections.OrderedDict", "collections.defaultdict", "collections.Counter"),
    *("collections.deque", "collections.namedtuple", "copy.deepcopy", "copy.copy"),
    *("re.match", "re.sub", "re.compile", "json.loads", "json.dumps", "os.path.join"),
    *("datetime.datetime.strptime", "time.time", "random.random", "os.getenv"),
    *("torch.arange", "torch.zeros", "torch.ones", "torch.tensor", "torch.cat", "torch.stack"),
    *("torch.linspace", "torch.full", "torch.empty", "torch.randn", "torch.outer", "torch.eye"),
    *("torch.einsum", "torch.matmul", "torch.where", "torch.split", "torch.chunk", "torch.Size"),
    *("torch.finfo", "torch.device", "torch.tril", "torch.cumsum", "torch.finfo(torch.half).min"),
    *("nn.Linear", "nn.ModuleList", "nn.Sequential", "nn.Embedding", "nn.LayerNorm", "nn.Module"),
    *("nn.Parameter", "nn.Conv1d", "nn.ModuleDict", "nn.Dropout", "F.softmax", "F.linear", "F.pad"),
)
_METHODS = (
    *("append", "extend", "insert", "pop", "remove", "clear", "index", "count", "sort", "reverse"),
    *("copy", "keys", "values", "items", "get", "update", "setdefault", "popitem", "add", "union"),
    *("discard", "intersection", "difference", "issubset", "split", "rsplit", "join", "replace"),
    *("strip", "lstrip", "rstrip", "startswith", "endswith", "find", "rfind", "upper", "lower"),
    *("title", "format", "format_map", "zfill", "center", "ljust", "rjust", "expandtabs"),
    *("partition", "splitlines", "encode", "decode", "translate", "maketrans", "isdigit", "hex"),
    *("bit_length", "to_bytes", "from_bytes", "as_integer_ratio", "is_integer", "conjugate"),
    *("view", "reshape", "transpose", "permute", "size", "shape", "unsqueeze", "squeeze", "expand"),
    *("chunk", "split", "sum", "mean", "to", "type_as", "masked_fill", "contiguous", "flatten"),
    *("__len__", "__class__", "__dict__", "__init__", "__getitem__", "__eq__", "__hash__"),
    *("__mro__", "__name__", "weight", "parameters", "named_modules", "register_buffer"),
)
_BINARY = (
    *("+", "-", "*", "/", "//", "%", "**", "@", "&", "|", "^", "<<", ">>"),
    *("==", "!=", "<", "<=", ">", ">=", "is", "is not", "in", "not in", "and", "or"),
)
_UNARY = ("-", "+", "~", "not ")
_FORMATS = ("", "!r", "!a", ":>{0}", ":d", ":.3f", ":x", ":1000000000", ":{0}{0}", "=")
_DEEPEST = 4


def expression(random: Random, depth: int = 0) -> str:
    """One expression; the deeper it already is, the more likely a plain value."""
    if depth >= _DEEPEST or random.random() < 0.2 + 0.1 * depth:
        return _atom(random)
    return random.choice(_FORMS)(random, depth + 1)


def program(random: Random) -> str:
    """Some statements that assign, loop, and call what they have defined."""
    lines = [f"{random.choice(_NAMES)} = {expression(random)}"]
    for _ in range(random.randint(0, 5)):
        lines += random.choice(_STATEMENTS)(random)
    return "\n".join(lines) + "\n"


def _atom(random: Random) -> str:
    kind = random.random()
    if kind < 0.35:
        return random.choice(_NAMES)
    return random.choice(random.choice((_INTEGERS, _INTEGERS, _FLOATS, _TEXTS, _BYTES, _TYPES)))


def _several(random: Random, depth: int, most: int = 4) -> list[str]:
    return [expression(random, depth) for _ in range(random.randint(0, most))]


def _arguments(random: Random, depth: int) -> str:
    found = _several(random, depth, 3)
    if random.random() < 0.15:
        found.append(f"*{expression(random, depth)}")
    if random.random() < 0.2:
        name = random.choice(("key", "default", "dim", "reverse", "start", "maxsplit", "bias"))
        found.append(f"{name}={expression(random, depth)}")
    if random.random() < 0.05:
        found.append(f"**{expression(random, depth)}")
    return ", ".join(found)


def _binary(random: Random, depth: int) -> str:
    sign = random.choice(_BINARY)
    return f"({expression(random, depth)} {sign} {expression(random, depth)})"


def _unary(random: Random, depth: int) -> str:
    return f"({random.choice(_UNARY)}{expression(random, depth)})"


def _call(random: Random, depth: int) -> str:
    return f"{random.choice(_FUNCTIONS + _TYPES)}({_arguments(random, depth)})"


def _method(random: Random, depth: int) -> str:
    called = f"({_arguments(random, depth)})" if random.random() < 0.8 else ""
    return f"({expression(random, depth)}).{random.choice(_METHODS)}{called}"


def _display(random: Random, depth: int) -> str:
    items = _several(random, depth)
    form = random.randrange(5)
    if form == 0:
        return f"[{', '.join(items)}]"
    if form == 1:
        return f"({', '.join(items)},)" if items else "()"
    if form == 2:
        return f"{{{', '.join(items)}}}" if items else "set()"
    if form == 3:
        return f"[*{expression(random, depth)}, {', '.join(items)}]"
    return f"{{{', '.join(f'{key}: {expression(random, depth)}' for key in items)}}}"


def _repeated(random: Random, depth: int) -> str:
    count = random.choice(("0", "2", "100", "5000", "10**9", "-1"))
    return f"([{expression(random, depth)}] * {count})"


def _subscript(random: Random, depth: int) -> str:
    value = expression(random, depth)
    if random.random() < 0.5:
        return f"({value})[{expression(random, depth)}]"
    parts = [expression(random, depth) if random.random() < 0.6 else "" for _ in range(3)]
    return f"({value})[{':'.join(parts)}]"


def _comprehension(random: Random, depth: int) -> str:
    name, of = random.choice(_NAMES), expression(random, depth)
    body, test = expression(random, depth), expression(random, depth)
    last = f" if {test}" if random.random() < 0.4 else ""
    form = random.choice(
        ("[{0}{1}]", "{{{0}{1}}}", "sum({0}{1})", "{{{0}: {0}{1}}}", "list({0}{1})")
    )
    return form.format(body, f" for {name} in {of}{last}")


def _range(random: Random, depth: int) -> str:
    return f"range({', '.join(_several(random, depth, 3))})"


def _choice(random: Random, depth: int) -> str:
    return "({} if {} else {})".format(*(expression(random, depth) for _ in range(3)))


def _formatted(random: Random, depth: int) -> str:
    inner = expression(random, depth)
    if "'" in inner or "\\" in inner or "{" in inner:
        inner = random.choice(_INTEGERS)
    return f"f'a{{{inner}{random.choice(_FORMATS).format('{1}')}}}b'"


def _lambda(random: Random, depth: int) -> str:
    name = random.choice(_NAMES)
    made = f"(lambda {name}=1, *a, **k: {expression(random, depth)})"
    return f"{made}({_arguments(random, depth)})" if random.random() < 0.7 else made


def _chained(random: Random, depth: int) -> str:
    values = [expression(random, depth) for _ in range(3)]
    return f"({values[0]} < {values[1]} == {values[2]})"


def _walrus(random: Random, depth: int) -> str:
    return f"({random.choice(_NAMES)} := {expression(random, depth)})"


_FORMS = (
    *(_binary, _binary, _binary, _unary, _call, _call, _call, _method, _method, _display, _display),
    *(_repeated, _subscript, _subscript, _comprehension, _range, _choice, _formatted, _lambda),
    *(_chained, _walrus),
)


def _assign(random: Random) -> list[str]:
    name = random.choice(_NAMES)
    form = random.randrange(5)
    value = expression(random, 1)
    if form == 0:
        return [f"{name} {random.choice(('+', '-', '*', '**', '//', '%', '|', '<<'))}= {value}"]
    if form == 1:
        return [f"{name}, *{random.choice(_NAMES)} = {value}"]
    if form == 2:
        return [f"{name}[{expression(random, 2)}] = {value}"]
    if form == 3:
        return [f"{name}.{random.choice(_NAMES)} = {value}"]
    return [f"{name} = {value}"]


def _loop(random: Random) -> list[str]:
    count = random.choice(("range(3)", "range(100)", "range(10**6)", "x", expression(random, 2)))
    name = random.choice(_NAMES)
    body = [f"    {line}" for line in _assign(random)]
    if random.random() < 0.5:
        body.append(f"    {name} = {name} {random.choice(_BINARY[:13])} {name}")
    if random.random() < 0.2:
        body.append("    if y: break")
    return [f"for i in {count}:", *body]


def _while(random: Random) -> list[str]:
    return [f"while {expression(random, 2)}:", *(f"    {line}" for line in _assign(random))]


def _define(random: Random) -> list[str]:
    body = [f"    {line}" for line in _assign(random)]
    decorator = random.choice(("", "", "@property", "@staticmethod", "@functools.lru_cache"))
    called = f"{random.choice(_NAMES)} = f({_arguments(random, 2)})"
    end = f"    return {expression(random, 1)}"
    lines = ["def f(x=1, *y, z=2, **d):", *body, end, called]
    return [decorator, *lines] if decorator else lines


def _class(random: Random) -> list[str]:
    base = random.choice(("", "nn.Module", "dict", "list", "C", "str", expression(random, 3)))
    name = random.choice(("__init__", "__len__", "__eq__", "__getattr__", "__hash__", "__call__"))
    return [
        f"class C({base}):",
        f"    {random.choice(_NAMES)} = {expression(random, 2)}",
        f"    def {name}(self, *y): return {expression(random, 2)}",
        f"{random.choice(_NAMES)} = C({_arguments(random, 2)})",
    ]


def _try(random: Random) -> list[str]:
    body = [f"    {line}" for line in _assign(random)]
    kind = random.choice(("Exception", "(ValueError, TypeError)", "KeyError as e", ""))
    return ["try:", *body, f"except {kind}:".replace(" :", ":"), f"    y = {expression(random, 2)}"]


def _condition(random: Random) -> list[str]:
    body = [f"    {line}" for line in _assign(random)]
    return [f"if {expression(random, 2)}:", *body, "else:", f"    x = {expression(random, 2)}"]


def _with(random: Random) -> list[str]:
    return [f"with {expression(random, 2)} as x:", *(f"    {line}" for line in _assign(random))]


def _match(random: Random) -> list[str]:
    pattern = random.choice(("[x, *y]", "{'a': x}", "1 | 2", "str()", "x", "C(x=1)"))
    return [f"match {expression(random, 2)}:", f"    case {pattern}:", "        y = x"]


def _delete(random: Random) -> list[str]:
    return [f"del {random.choice(_NAMES)}", f"assert {expression(random, 2)}"]


_STATEMENTS = (
    *(_assign, _assign, _assign, _loop, _loop, _define, _class, _try, _condition, _while),
    *(_with, _match, _delete),
)
