"""The words of commands: as `shlex` sees them, each at its place, with what variables say."""

from __future__ import annotations

import shlex

import pytest

from forgather_lint.core.source import Position
from forgather_lint.core.version import Version
from forgather_lint.documents.commands.located import located
from forgather_lint.documents.commands.shell import Command, commands
from forgather_lint.documents.commands.texts import commands_in
from forgather_lint.engines.registry import launches
from forgather_lint.engines.vllm.serve_command import count_of, read_command
from forgather_lint.engines.vllm.serve_options import options_of

(LAUNCH,) = launches()

PLAIN = [
    "vllm serve model --dtype bfloat16",
    "vllm serve 'a b' \"c d\" e\\ f",
    "vllm serve \"a\\\"b\" 'c\"d' x='y z'",
    "vllm serve --x='{\"a\": [1, 2]}' # a comment",
    "vllm   serve\tmodel '' end",
]


def words_of(text: str) -> list[list[str | None]]:
    return [[word.text for word in command.words] for command in read(text)]


def read(text: str) -> list[Command]:
    return list(commands(located("serve.sh", text)))


@pytest.mark.parametrize("text", PLAIN)
def test_words_are_those_of_shlex(text: str) -> None:
    assert words_of(text) == [shlex.split(text, comments=True)]


def test_what_shlex_reads_otherwise_than_a_shell() -> None:
    assert words_of("a#1 b\\\nc") == [["a#1", "bc"]]


def test_commands_end_where_the_shell_ends_them() -> None:
    text = "a 1; b 2 && c 3 | d 4 & e 5 > out 2>&1\nf 6 < in\n(g 7)\n"
    assert words_of(text) == [
        ["a", "1"],
        ["b", "2"],
        ["c", "3"],
        ["d", "4"],
        ["e", "5"],
        ["f", "6"],
        ["g", "7"],
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("TP=4\nrun -tp $TP", ["run", "-tp", "4"]),
        ("export TP=4\nrun -tp ${TP}x", ["run", "-tp", "4x"]),
        ("run ${TP:-2} ${A-b} ${C:-'d'}", ["run", "2", "b", "d"]),
        ("A='x y'\nrun $A \"$A\"", ["run", "x", "y", "x y"]),
        ("A=(1 '2 3')\nA+=(4)\nrun \"${A[@]}\" end", ["run", "1", "2 3", "4", "end"]),
        ('run $1 "$B" $(date) `date` a${B}c', ["run", None, None, None, None, None]),
        ("A=$(date)\nrun $A", ["run", None]),
        ("run '$A' \\$A \"\\$A\"", ["run", "$A", "$A", "$A"]),
    ],
)
def test_variables_are_filled_in_where_the_text_says_them(
    text: str, words: list[str | None]
) -> None:
    assert words_of(text)[-1] == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("for n in 1 2; do run $n; done", ["1", "2"]),
        ("for n in {1..3} {5,7}\ndo\nrun $n\ndone", ["1", "2", "3", "5", "7"]),
        ("N='1 2'\nfor n in $N; do for m in a b; do run $n$m; done; done", "1a 1b 2a 2b".split()),
        ("for n in $(seq 4); do run $n; done", [None]),
        ("for n in 1 2; do :; done; run $n", [None]),
        ("if x; then A=1; else A=2; fi; run $A", [None]),
        ("if x; then A=1; run $A; else run ${A:-3}; fi", ["1", "3"]),
        ("A=1; case $x in a) A=2; run $A ;; *) run $A ;; esac; run $A", ["2", "1", None]),
        ("A=1\nx && A=2\nrun $A", [None]),
        ("x && A=2 && run $A", ["2"]),
        ("f() { A=1; run $A; }; run ${A:-2}", ["1", None]),
        ("{ A=1; }; run $A", ["1"]),
        ("A='x'\nA+=y\nrun $A", ["xy"]),
        ("A=$1\nA+=y\nrun $A", [None]),
        ("A=1; read -p 'which one' A; run $A", [None]),
        ("A=1; printf -v A 2; run $A", [None]),
        ("A=1; (( A = 2 )); run $A", [None]),
        ("A=1; let A=2; B=3; run $A; run $B", [None, "3"]),
        ("A=(1); unset A; run ${A:-2}", [None]),
        ("A=1; B=1; eval 'A=2'; run $A; run $B", [None, "1"]),
        ("A=1; source a.env; run $A; run ${B:-2}; A=3; run $A", [None, None, "3"]),
        ("if [ -f a.env ]; then . a.env; fi; run ${B:-2}", [None]),
        ("A=1; source .venv/bin/activate; run $A", ["1"]),
        ("A=1; f() { run $A; }; run $A; A=2; f; run $A", [None, "1", "2"]),
        ("A=1; f() { run $A; }; f", ["1"]),
        ("f() { A=2; }; A=1; run $A; f; run $A", ["1", None]),
        ("function f { A=2; }; A=1; f; run $A", [None]),
    ],
)
def test_a_variable_is_known_where_every_way_sets_it(text: str, words: list[str | None]) -> None:
    found = [command.words for command in read(text) if command.words[0].text == "run"]
    assert [one.text for _, one in found] == words


def test_loops_are_followed_as_far_as_they_pay() -> None:
    loops = [f"for v{n} in {{1..64}}; do" for n in range(4)]
    text = "\n".join([*loops, "run $v3", *["done"] * 4, "last"])
    found = read(text)
    assert len(found) < 1000 and found[-1].words[0].text == "last"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("bash -c 'vllm serve m -x'", "1:23"),
        ('ssh h "cd $D &&\n  vllm serve m -x"', "2:16"),
        ('sbatch --wrap="vllm serve m -x"', "1:29"),
        ("C='vllm serve m -x'\neval \"$C\"", "2:7"),
        ("cat > a.sh <<'END'\nvllm serve m -x\nEND", "2:14"),
        ("M=m\nbash <<-END\n\tvllm serve $M -x\n\tEND\necho", "3:16"),
    ],
)
def test_scripts_inside_commands_are_read(text: str, line: str) -> None:
    (found,) = commands_in("run.sh", text, "shell", LAUNCH)
    assert str(found.arguments[1].span) == f"run.sh:{line}"
    assert found.arguments[0].text == "m"


@pytest.mark.parametrize(
    "text",
    [
        "echo run vllm serve m",
        "cat <<END\nvllm serve m\nEND",
        "pkill -f 'vllm serve m'",
        "docker run --entrypoint true vllm/vllm-openai m",
        "docker save vllm/vllm-openai -o vllm.tar",
        "docker build -t vllm/vllm-openai:mine .",
        "docker image inspect vllm/vllm-openai --format x",
        "docker run vllm/vllm-openai --help",
        "vllm serve --help=page",
        "vllm serve m -h",
        "python -m vllm.entrypoints.openai.api_server --help",
    ],
)
def test_what_is_printed_or_looked_for_is_no_command(text: str) -> None:
    assert commands_in("run.sh", text, "shell", LAUNCH) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("run(['vllm', 'serve', 'm', '-tp', str(2)])", ["m", "-tp", "2"]),
        ("N = 2\ndef f(a):\n    run(['vllm', 'serve', a, f'-tp={N}'])", [None, "-tp=2"]),
        ("c = ['vllm', 'serve']\nc += ['m']\nc.append('-x')\nc.extend(y)", ["m", "-x", None]),
        ("c = ['vllm', 'serve', 'm']\nif x:\n    c.append('-x')", ["m", None]),
        ("a = ['-x']\nb = ['vllm', 'serve', 'm', *a] + ['-y']", ["m", "-x", "-y"]),
        ("run('vllm serve'\n    ' m'\n    f' -x {y}', shell=True)", ["m", "-x", None]),
        ("for n in (1, 2):\n    run(['vllm', 'serve', 'm', str(n)])", ["m", "1", "m", "2"]),
        ("d = {}\nd['a'] = 1\nrun(['vllm', 'serve', d])", [None]),
        ("create_subprocess_exec('vllm', 'serve', 'm', '-x')", ["m", "-x"]),
        ("print('vllm serve m')\nx = ['serve', 'vllm']", []),
    ],
)
def test_commands_in_python_are_read(text: str, words: list[str | None]) -> None:
    found = commands_in("run.py", text, "python", LAUNCH)
    assert [word.text for each in found for word in each.arguments] == words


@pytest.mark.parametrize(
    "text",
    [
        "WORDS = ['vllm serve', 'vllm bench', 'ollama run']",
        "raise RuntimeError(['vllm serve failed', log])",
        "parts = re.split('vllm serve or more', log)",
        "agent.run('vllm serve does not start')",
    ],
)
def test_what_a_program_says_is_no_command(text: str) -> None:
    assert commands_in("run.py", text, "python", LAUNCH) == ()


@pytest.mark.parametrize(
    "change",
    [
        "c.remove('-x')",
        "c.pop()",
        "del c[-1]",
        "c[-1] = '-y'",
        "c = [each for each in c if each != '-x']",
        "run(c[:3])",
    ],
)
def test_words_that_a_program_may_take_away_are_not_known(change: str) -> None:
    text = f"c = ['vllm', 'serve', 'm', '-x']\n{change}"
    (found,) = commands_in("run.py", text, "python", LAUNCH)
    assert [word.text for word in found.arguments] == [None]


def test_a_list_that_is_read_keeps_its_words() -> None:
    text = "c = ['vllm', 'serve', 'm']\nprint(c[0], ' '.join(quote(each) for each in c))"
    (found,) = commands_in("run.py", text, "python", LAUNCH)
    assert [word.text for word in found.arguments] == ["m"]


def test_a_key_that_speaks_of_a_command_has_one() -> None:
    said = ("description", "runtime", "run_command", "startCommand", "CMD", "SERVE_SCRIPT")
    text = "".join(f"{key}: vllm serve m --key={key}\n" for key in said)
    found = commands_in("values.yaml", text, "yaml", LAUNCH)
    assert [each.arguments[-1].text for each in found] == [f"--key={key}" for key in said[2:]]


def test_an_unquoted_variable_may_be_several_words() -> None:
    bare, quoted = read('run $A "$A"')[0].words[1:]
    assert (bare.several, quoted.several) == (True, False)


def test_variables_in_front_belong_to_the_command() -> None:
    (command,) = read("A=1 B=$C env D=2 vllm serve model")
    assert command.environment == {"A": "1", "B": None}
    assert [word.text for word in command.words][:2] == ["env", "D=2"]


def test_every_word_knows_its_place() -> None:
    *_, last = read("true\n  vllm serve \\\n    'a b'\n")[1].words
    assert (last.span.start, last.span.end) == (Position(3, 5), Position(3, 10))


def test_a_word_of_a_block_scalar_stands_where_it_is_written() -> None:
    text = "run: >-\n    vllm serve model\n    --swap-space 4\n"
    (found,) = commands_in("ci.yml", text, "yaml", LAUNCH)
    assert [str(word.span) for word in found.arguments] == [
        "ci.yml:2:16",
        "ci.yml:3:5",
        "ci.yml:3:18",
    ]


def test_words_of_a_template_may_exclude_each_other() -> None:
    text = """
    args:
    {{- if .Values.a }}
      - "-tp=2"
    {{- else }}
      - "-tp={{ .Values.tp }}"
    {{- end }}
      - -x
    image: vllm/vllm-openai
    """
    (found,) = commands_in("deployment.yaml", text, "yaml", LAUNCH)
    assert found.branches
    assert [word.text or word.beginning for word in found.arguments] == ["-tp=2", "-tp=", "-x", ""]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 500,
        "a: &a [*a]\nrun: vllm",
        "run: |\n" + "  vllm serve $A\n" * 30_000,
        "\x00: vllm",
        "- " * 5_000,
        "{{" * 100_000,
        "{{ x }}\n" * 20_000,
    ],
)
def test_hostile_yaml_ends(text: str) -> None:
    assert len(commands_in("x.yaml", text, "yaml", LAUNCH)) <= 200


@pytest.mark.parametrize("letter", [*"'\"$`(\\{", "A=(", "${A", "<<", "#", "$(", "<<A ", "<<A\n"])
def test_hostile_scripts_end(letter: str) -> None:
    commands_in("x.sh", f"vllm serve {letter * 20_000}", "shell", LAUNCH)


@pytest.mark.parametrize(
    "part", ["if x; then\n", "A=1 && ", "for a in 1 2; do\n", "f() {\n", "a=1;;"]
)
def test_hostile_control_flow_ends(part: str) -> None:
    commands_in("x.sh", part * 20_000 + "vllm serve m", "shell", LAUNCH)


@pytest.mark.parametrize("kind", ["make", "just", "systemd", "supervisor", "procfile", "docker"])
@pytest.mark.parametrize("part", ["a: ", "{{", "\t", "a = ", "command=\\\n", " " * 50])
def test_hostile_recipes_end(kind: str, part: str) -> None:
    commands_in("x", part * 20_000 + "vllm serve m", kind, LAUNCH)


def test_options_are_read_as_argparse_reads_them() -> None:
    (command,) = read("-tp 2 --max_model_len=8k m --no-enable-prefix-caching --seed 1 --seed 2")
    found = read_command(command.words, options_of(Version(0, 32)), environment={})
    assert found.refused == ()
    assert found.model is not None and found.model.text == "m"
    assert found.text("--max-model-len") == "8k"
    assert found.text("--seed") == "2"
    assert found.text("--tensor-parallel-size") == "2"
    assert not found.is_on("--enable-prefix-caching")


def test_a_switch_has_its_inverse_from_the_release_that_made_it() -> None:
    """0.33 reads `--disable-x` beside `--no-enable-x`; before, no option was of that name."""
    (command,) = read("m --disable-chunked-prefill --enable-prefix-caching=1")
    older, newer = (
        read_command(command.words, options_of(Version(0, minor)), environment={})
        for minor in (32, 33)
    )
    assert [each.name for each in older.refused] == [
        "--disable-chunked-prefill",
        "--enable-prefix-caching",
    ]
    assert [each.printed for each in newer.refused] == [
        "--enable-prefix-caching/--disable-prefix-caching"
    ]
    assert not newer.is_on("--enable-chunked-prefill")


@pytest.mark.parametrize(
    ("text", "number"), [("8k", 8000), ("8K", 8192), ("1.5k", 1500), ("x", None)]
)
def test_numbers_may_have_a_letter_behind_them(text: str, number: int | None) -> None:
    assert count_of(text) == number
