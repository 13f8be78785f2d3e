"""A kept answer is the answer that a cold run would give, and is trusted for no other reason."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from operator import attrgetter
from pathlib import Path

import pytest
from click.testing import CliRunner

from forgather_lint import pipeline
from forgather_lint.answers import kept as keeping
from forgather_lint.answers import sealed
from forgather_lint.answers.kept import SETTINGS, WITHOUT, Answers
from forgather_lint.core.diagnostics import Severity
from forgather_lint.core.settings import PerFileIgnore, Settings
from forgather_lint.documents.discover import Candidate
from forgather_lint.linting.report import ModelReport
from forgather_lint.session import checking
from forgather_lint.shell.cli import cli
from forgather_lint.shell.reporters import formats
from tests.cases import Case, read_cases
from tests.fixture_models import MODELS, copy_model, model_directories

ROOT = Path(__file__).parent.parent
SUITES = sorted(
    path for path in (ROOT / "fixtures" / "rules").glob("*/*.md") if path.name != "README.md"
)
SAMPLE = 10
SAMPLED_FORMATS = ("full", "json")
"""A format is made of the same report, whichever it is: the whole is compared in the slow tests."""
Analysed = list[str]


@pytest.fixture(autouse=True)
def of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without answers, in a project of that user's."""
    monkeypatch.delenv("FORGATHER_LINT_NO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.delenv("FORGATHER_LINT_CACHE_DIR")
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    return project


@pytest.fixture
def analysed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Analysed]:
    """What was analysed: models, projects and files with commands, by their paths."""
    names: Analysed = []

    def noting(name: str, told: Callable[[object], str]) -> None:
        original = getattr(checking._Run, name)

        def noted(self: object, given: Sequence[object], *others: object) -> object:
            names.extend(map(told, given))
            return original(self, given, *others)

        monkeypatch.setattr(checking._Run, name, noted)

    noting("_analysed", attrgetter("path"))
    noting("_analysed_projects", lambda project: str(attrgetter("folder")(project)))
    noting("_analysed_commands", str)
    yield names


def lint(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, output and what is said beside it."""
    result = CliRunner().invoke(cli, ["check", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def cold(*arguments: str | Path) -> tuple[int, str, str]:
    return lint("--no-cache", *arguments)


def test_a_warm_check_loads_neither_parser_nor_interpreter() -> None:
    copy_model("broken_llama", Path.cwd())
    code = (
        "import sys\nfrom forgather_lint.__main__ import main\n"
        "sys.argv = ['forgather-lint', 'check', 'broken_llama']\n"
        "try: main()\n"
        "except SystemExit as end: print('\\n' + ' '.join([str(end.code), *sys.modules]))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def run() -> tuple[str, str, set[str]]:
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True
        )
        *output, last = done.stdout.splitlines()
        exit_code, *modules = last.split()
        return "\n".join(output) + done.stderr, exit_code, set(modules)

    first, second = run(), run()
    assert first[:2] == second[:2]
    assert "libcst" in first[2]
    of_packages = {module.partition(".")[0] for module in second[2]}
    assert not of_packages & {"libcst", "yaml", "jinja2", "rich", "hashlib"}
    stages = {module.split(".")[1] for module in second[2] if module.startswith("forgather_lint.")}
    assert not stages & {"python", "libraries", "model", "execution", "engines", "rules"}
    assert "forgather_lint.pipeline" not in second[2]


def _cases() -> list[Case]:
    found = [case for suite in SUITES for case in read_cases(suite)]
    return random.Random(17).sample(found, min(SAMPLE, len(found)))


def _arguments(case: Case) -> list[str]:
    """The options of a case, as they are said on the command line."""
    asked = case.settings
    given = [part for target in asked.target for part in ("--target", target)]
    for name, sizes in (("-tp", asked.tensor_parallel_size), ("-pp", asked.pipeline_parallel_size)):
        given += [name, ",".join(map(str, sizes))] if sizes else []
    if asked.max_model_len is not None:
        given += ["--max-model-len", str(asked.max_model_len)]
    return given


def _is_told_the_same_warm(
    arguments: Sequence[str | Path], analysed: Analysed, every: Sequence[str] = SAMPLED_FORMATS
) -> None:
    said = {name: cold(*arguments, "--output-format", name) for name in every}
    assert lint(*arguments, "--output-format", every[0]) == said[every[0]]
    analysed.clear()
    for name in every:
        assert lint(*arguments, "--output-format", name) == said[name]
    assert analysed == []


@pytest.mark.parametrize("model", [path.name for path in model_directories()])
def test_a_model_is_told_the_same_warm(model: str, analysed: Analysed) -> None:
    copy_model(model, Path.cwd())
    whole = model == "broken_llama"
    _is_told_the_same_warm([model], analysed, formats() if whole else SAMPLED_FORMATS)


@pytest.mark.parametrize("case", _cases(), ids=lambda case: f"{case.suite.stem}: {case.name}")
def test_a_case_is_told_the_same_warm(case: Case, analysed: Analysed) -> None:
    case.write(Path.cwd() / "model")
    _is_told_the_same_warm([*_arguments(case), "model"], analysed)


@pytest.mark.slow
def test_all_cases_are_told_the_same_warm(analysed: Analysed) -> None:
    for number, case in enumerate(case for suite in SUITES for case in read_cases(suite)):
        case.write(Path.cwd() / str(number))
        _is_told_the_same_warm([*_arguments(case), str(number)], analysed, formats())


def test_a_project_and_commands_are_told_the_same_warm(analysed: Analysed) -> None:
    shutil.copytree(ROOT / "fixtures" / "forgather" / "workspace", "workspace")
    copy_model("hf_llama", Path.cwd())
    Path("run.sh").write_text("vllm serve hf_llama --swap-space 4 --trust-remote-code\n")
    Path("other.sh").write_text("echo vllm serve\n")
    _is_told_the_same_warm(["."], analysed)
    template = next(Path("workspace").glob("*/templates/**/*.yaml"))
    template.write_text(template.read_text("utf-8") + "\n# changed\n")
    Path("run.sh").write_text("vllm serve hf_llama --trust-remote-code\n")
    assert lint(".") == cold(".")


def test_what_was_asked_is_part_of_the_answer() -> None:
    """Suppressions, severities, targets and sizes: each asks for another answer."""
    copy_model("broken_llama", Path.cwd())
    for options in (
        (),
        ("--ignore", "FGL101"),
        ("--select", "FGL3"),
        ("--per-file-ignores", "configuration_*.py:FGL1"),
        ("-tp", "3"),
        ("--target", "vllm==0.13"),
        ("--model-impl", "transformers"),
        ("--dtype", "float32"),
        ("--max-model-len", "100000"),
    ):
        assert lint("broken_llama", *options) == cold("broken_llama", *options), options
    config = Path("broken_llama/configuration_broken_llama.py")
    config.write_text("# forgather-lint: ignore-file\n" + config.read_text("utf-8"))
    assert lint("broken_llama") == cold("broken_llama")


def test_every_setting_is_part_of_the_question_or_changes_no_answer() -> None:
    assert sorted((*SETTINGS, *WITHOUT)) == sorted(each.name for each in fields(Settings))


EDITS = 60


@pytest.mark.parametrize("seed", range(2))
def test_after_any_edit_the_warm_answer_is_the_cold_one(seed: int) -> None:
    _edited_at_random(seed, EDITS // 4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 110))
def test_after_many_edits_the_warm_answer_is_the_cold_one(seed: int) -> None:
    _edited_at_random(seed, EDITS)


def _edited_at_random(seed: int, edits: int) -> None:
    """Edit, delete, add, rename: what was kept before never answers for what stands now."""
    drawn = random.Random(seed)
    names = ("broken_llama", "hf_llama", "forgather_llama")
    for name in names:
        copy_model(name, Path.cwd())
    done: list[str] = []
    for _ in range(edits):
        model = Path(drawn.choice(names))
        done.append(_edit(drawn, model))
        assert lint(*names) == cold(*names), done


def _edit(drawn: random.Random, model: Path) -> str:
    """One change of the files of `model`; what was done."""
    files = sorted(path for path in model.iterdir() if path.is_file())
    file = drawn.choice(files)
    text = file.read_text("utf-8")
    kind = drawn.choice(("edit", "edit", "same time", "delete", "prefer", "restore", "package"))
    if kind in ("edit", "same time"):
        before = file.stat()
        words = ("q_proj", "layers", "colwise", "hidden_size", "128", "4", "forward", "self")
        word, other = drawn.sample(words, 2)
        file.write_text(text.replace(word, other, drawn.choice((1, -1))), "utf-8")
        if kind == "same time":
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif kind == "delete" and len(files) > 2:
        file.unlink()
    elif kind == "prefer":
        # What an import may find before the file that it meant.
        name = drawn.choice(("torch.py", "transformers.py", "typing.py", "__init__.py", "math.py"))
        (model / name).write_text("Tensor = 3\n")
    elif kind == "restore":
        shutil.rmtree(model)
        shutil.copytree(MODELS / model.name, model)
    elif kind == "package":
        (model / file.stem).mkdir(exist_ok=True)
        (model / file.stem / "__init__.py").write_text("")
    return f"{kind} {file}"


def test_a_release_that_is_read_is_part_of_what_an_answer_rests_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, analysed: Analysed
) -> None:
    store = tmp_path / "store"
    shutil.copytree(ROOT / "fixtures" / "releases", store / "releases")
    monkeypatch.setenv("FORGATHER_LINT_CACHE_DIR", str(store))
    copy_model("hf_inherits_llama", Path.cwd())
    asked = ("--target", "vllm==0.32", "--target", "transformers==5.19", "hf_inherits_llama")
    lint(*asked)
    analysed.clear()
    lint(*asked)
    assert analysed == []
    (file,) = store.glob("releases/*5.19*/transformers/models/llama/configuration_llama.py")
    file.write_text(file.read_text("utf-8").replace("colwise", "rowwise"), "utf-8")
    assert lint(*asked) == cold(*asked)
    shutil.rmtree(store / "releases")
    assert lint(*asked) == cold(*asked)


def _answers() -> list[Path]:
    return sorted(Path(".forgather_lint_cache", "answers").iterdir())


def _spoilt(spoil: Callable[[Path], object], analysed: Analysed) -> None:
    """What is `spoilt` answers nothing, and harms nothing."""
    copy_model("broken_llama", Path.cwd())
    said = lint("broken_llama")
    for file in _answers():
        spoil(file)
    analysed.clear()
    assert lint("broken_llama") == said
    assert analysed == ["broken_llama"]
    analysed.clear()
    assert lint("broken_llama") == said
    assert analysed == [], "what was spoilt is written anew"


def _swap(file: Path) -> None:
    """Each answer gets the place of the next, once: exchanges one by one bring some back."""
    answers = _answers()
    if file != answers[0]:
        return
    texts = [each.read_bytes() for each in answers]
    for each, text in zip(answers, [*texts[1:], texts[0]], strict=True):
        each.write_bytes(text)


def _fold(file: Path) -> None:
    file.unlink()
    file.symlink_to("/dev/zero")


SPOILT: dict[str, Callable[[Path], object]] = {
    "cut off": lambda file: file.write_bytes(file.read_bytes()[:-7]),
    "empty": lambda file: file.write_bytes(b""),
    "one bit": lambda file: file.write_bytes(
        file.read_bytes()[:-30] + bytes([file.read_bytes()[-30] ^ 1]) + file.read_bytes()[-29:]
    ),
    "nonsense": lambda file: file.write_bytes(os.urandom(3000)),
    "another's place": _swap,
    "a device": _fold,
}


@pytest.mark.parametrize("how", SPOILT)
def test_what_is_spoilt_is_not_read(how: str, analysed: Analysed) -> None:
    _spoilt(SPOILT[how], analysed)


def test_a_cache_of_another_user_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, analysed: Analysed
) -> None:
    """It came with the repository: whoever made it has no seal of this user."""
    copy_model("broken_llama", Path.cwd())
    said = lint("broken_llama")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "me"))
    analysed.clear()
    assert lint("broken_llama") == said
    assert analysed == ["broken_llama"]


def test_a_text_under_our_own_seal_makes_nothing_but_records() -> None:
    answers = Answers.of(Settings(root=str(Path.cwd())))
    assert answers is not None
    for text in (
        pickle.dumps(os.getcwd),
        pickle.dumps(subprocess.Popen),
        b"cos\nsystem\n(S'x'\ntR.",
    ):
        answers._files.write(answers._key(("x",)), text)
        assert answers.get(object, "x") is None


def test_a_member_of_an_enumeration_is_kept_however_python_pickles_it(
    monkeypatch: pytest.MonkeyPatch, analysed: Analysed
) -> None:
    """As a call of `getattr` by Python 3.11.2, whose runs once kept what they could not read."""

    def by_name(member: Severity, protocol: int) -> tuple[object, ...]:
        return getattr, (type(member), member.name)

    monkeypatch.setattr(Severity, "__reduce_ex__", by_name)
    copy_model("broken_llama", Path.cwd())
    assert lint("broken_llama") == lint("broken_llama")
    assert analysed == ["broken_llama"]


@pytest.mark.parametrize("key", ["short", "of others", "link"])
def test_without_a_seal_of_ones_own_nothing_is_kept(
    key: str, tmp_path: Path, analysed: Analysed
) -> None:
    seal = tmp_path / "user" / "forgather-lint" / "seal"
    seal.parent.mkdir(parents=True)
    seal.write_bytes(bytes(3 if key == "short" else 32))
    seal.chmod(0o644 if key == "of others" else 0o600)
    if key == "link":
        seal.rename(tmp_path / "theirs")
        seal.symlink_to(tmp_path / "theirs")
    copy_model("hf_llama", Path.cwd())
    assert lint("hf_llama") == lint("hf_llama")
    assert analysed == ["hf_llama"] * 2
    assert not Path(".forgather_lint_cache").exists()


@pytest.mark.parametrize("inside", ["", "answers"])
def test_nothing_is_written_through_a_link(inside: str, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = Path(".forgather_lint_cache", inside) if inside else Path(".forgather_lint_cache")
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(elsewhere)
    copy_model("hf_llama", Path.cwd())
    assert lint("hf_llama") == cold("hf_llama")
    assert list(elsewhere.iterdir()) == []


def test_nothing_else_is_written(tmp_path: Path) -> None:
    copy_model("broken_llama", Path.cwd())
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    lint("broken_llama")
    fresh = {path for path in tmp_path.rglob("*") if path.is_file()} - before.keys()
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    ours = Path.cwd() / ".forgather_lint_cache"
    seal = tmp_path / "user" / "forgather-lint" / "seal"
    assert {path for path in fresh if not path.is_relative_to(ours)} == {seal}
    assert (ours / ".gitignore").read_text().endswith("*\n")
    assert (ours / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f0688")
    assert seal.stat().st_mode & 0o777 == 0o600


def test_where_a_project_cannot_be_written_to_answers_lie_with_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, analysed: Analysed
) -> None:
    copy_model("hf_llama", Path.cwd())
    here, allowed = str(Path.cwd()), os.access
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != here and allowed(path, mode))
    assert lint("hf_llama") == lint("hf_llama")
    assert analysed == ["hf_llama"]
    assert not Path(".forgather_lint_cache").exists()
    assert list((tmp_path / "user" / "forgather-lint" / "answers").iterdir())


def test_what_a_limit_ended_is_not_kept(
    analysed: Analysed, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_model("hf_llama", Path.cwd())
    asked = ("hf_llama", "--time-limit", "2")
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "gather", _never_ends)
        code, said, _ = lint(*asked)
        assert code == 2
        assert "FGL997" in said
    assert lint(*asked)[0] == 0
    assert analysed == ["hf_llama"] * 2


def _never_ends(*_: object) -> None:
    while True:
        pass


def test_a_fault_of_ours_is_not_kept(of_its_own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_model("hf_llama", Path.cwd())
    settings = Settings(root=str(of_its_own))

    def fail(*_: object) -> None:
        raise LookupError("a fault")

    answers = Answers.of(settings)
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "gather", fail)
        (report,) = checking.check([Path("hf_llama")], settings, answers=answers)
        assert report.error is not None
    (report,) = checking.check([Path("hf_llama")], settings, answers=Answers.of(settings))
    assert report.error is None


def test_what_changes_while_it_is_read_is_not_kept(
    of_its_own: Path, monkeypatch: pytest.MonkeyPatch, analysed: Analysed
) -> None:
    """The first reading of the file that is changed in between is not the second."""
    copy_model("hf_llama", Path.cwd())
    settings, gather = Settings(root=str(of_its_own)), pipeline.gather

    def meddle(candidate: Candidate, asked: Settings) -> object:
        found = gather(candidate, asked)
        file = candidate.folder / "modeling_hf_llama.py"
        file.write_text(file.read_text("utf-8") + "\n# now", "utf-8")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "gather", meddle)
        list(checking.check([Path("hf_llama")], settings, answers=Answers.of(settings)))
    analysed.clear()
    list(checking.check([Path("hf_llama")], settings, answers=Answers.of(settings)))
    assert analysed == ["hf_llama"]


def test_many_runs_at_once(tmp_path: Path) -> None:
    for name in ("hf_llama", "broken_llama"):
        copy_model(name, Path.cwd())
    command = [sys.executable, "-m", "forgather_lint", "check", "hf_llama", "broken_llama"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    runs = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    said = [run.communicate() for run in runs]
    assert len(set(said)) == 1
    assert (said[0][0].decode(), said[0][1].decode()) == cold("hf_llama", "broken_llama")[1:]
    assert not list(Path(".forgather_lint_cache").rglob("*.tmp"))


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "MOST_FILES", 4)
    files = sealed.SealedFiles(Path("cache"), bytes(32))
    for number in range(9):
        files.write(bytes([number]) * 20, b"x")
        os.utime(Path("cache", "answers", (bytes([number]) * 20).hex()), (number, number))
    files.close()
    kept = [number for number in range(9) if files.read(bytes([number]) * 20) is not None]
    assert kept == [6, 7, 8], "the oldest go first"


def test_clean_takes_away_what_is_ours(tmp_path: Path) -> None:
    copy_model("hf_llama", Path.cwd() / "deep")
    lint("hf_llama", "deep")
    Path("deep", ".forgather_lint_cache", "answers").mkdir(parents=True)
    Path(".forgather_lint_cache", "mine").write_text("mine")
    result = CliRunner().invoke(cli, ["clean"])
    assert result.exit_code == 0
    assert result.stdout.count("removed the answers in ") == 2
    assert [path.name for path in Path(".forgather_lint_cache").iterdir()] == ["mine"]
    assert not Path("deep", ".forgather_lint_cache").exists()
    assert "no answers" in CliRunner().invoke(cli, ["clean"]).stdout


@pytest.mark.parametrize("how", ["option", "variable", "configuration"])
def test_a_cache_may_lie_elsewhere(
    how: str, monkeypatch: pytest.MonkeyPatch, analysed: Analysed
) -> None:
    copy_model("hf_llama", Path.cwd())
    given: list[str] = []
    if how == "option":
        given = ["--cache-dir", "kept"]
    elif how == "variable":
        monkeypatch.setenv("FORGATHER_LINT_CACHE_DIR", "kept")
    else:
        Path("forgather-lint.toml").write_text('cache-dir = "kept"\n')
    assert lint("hf_llama", *given) == lint("hf_llama", *given)
    assert analysed == ["hf_llama"]
    assert Path("kept", "answers").is_dir()
    assert not Path(".forgather_lint_cache").exists()
    cleaned = CliRunner().invoke(cli, ["clean", *given])
    assert "kept" in cleaned.stdout
    assert not Path("kept").exists()


@pytest.mark.parametrize("folder", ["../elsewhere", "/tmp/elsewhere", "link/x"])
def test_a_configuration_does_not_lead_out_of_its_project(folder: str, tmp_path: Path) -> None:
    Path("link").symlink_to(tmp_path)
    copy_model("hf_llama", Path.cwd())
    Path("forgather-lint.toml").write_text(f'cache-dir = "{folder}"\n')
    code, _, said = lint("hf_llama")
    assert code == 2
    assert "cache-dir: expected a folder below" in said


def test_what_another_tool_said_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, analysed: Analysed
) -> None:
    copy_model("hf_llama", Path.cwd())
    lint("hf_llama")
    monkeypatch.setattr(keeping, "tool_digest", lambda _: b"of another release")
    lint("hf_llama")
    assert analysed == ["hf_llama"] * 2


COPIES = 20


def test_copies_are_analysed_once(analysed: Analysed) -> None:
    for number in range(COPIES):
        copy_model("broken_llama", Path.cwd()).rename(f"m{number:03}")
    said = lint(".", "--output-format", "json")
    assert analysed == ["m000"]
    analysed.clear()
    assert lint(".", "--output-format", "json") == said
    assert analysed == [], "each copy is kept under its own name"
    one = json.loads(cold("m007", "--output-format", "json")[1])
    assert [each for each in json.loads(said[1]) if "/m007/" in each["filename"]] == one


def test_a_release_is_no_mention_of_a_folder_that_is_called_by_a_number(
    analysed: Analysed,
) -> None:
    for number in range(3):
        copy_model("hf_llama", Path.cwd()).rename(str(number))
    lint(".", "--target", "vllm==0.32")
    assert analysed == ["0"]


@pytest.mark.parametrize("model", ["broken_llama", "hf_inherits_llama", "forgather_qwen"])
@pytest.mark.parametrize("where", ["beside", "deeper", "same name"])
def test_a_copy_is_told_as_if_it_stood_alone(model: str, where: str) -> None:
    first = copy_model(model, Path.cwd() / "a")
    names = {"beside": f"a/{model}_two", "deeper": "a/b/c", "same name": f"b/{model}"}
    shutil.copytree(first, names[where])
    settings = Settings(root=str(Path.cwd()), target=("vllm==0.32",))
    together = list(checking.check([first.relative_to(Path.cwd()), Path(names[where])], settings))
    alone = pipeline.check_model(Candidate(Path(names[where])), settings)
    assert together[1] == alone
    assert _whole(together[1]) == _whole(alone)


def _whole(report: ModelReport | None) -> str:
    assert report is not None
    return "\n".join(map(repr, (report.diagnostics, report.files, report.verdicts)))


def test_a_copy_that_is_none_is_analysed(analysed: Analysed) -> None:
    """Files of the same names and sizes; one line is another."""
    settings = Settings(root=str(Path.cwd()))
    for name in ("first", "second", "third", "two"):
        copy_model("hf_llama", Path.cwd()).rename(name)
    file = Path("second", "modeling_hf_llama.py")
    file.write_text(file.read_text("utf-8").replace("self.q_proj(", "self.k_proj(", 1), "utf-8")
    reports = list(checking.check([Path()], settings))
    assert analysed == ["first", "second"]
    for report in reports:
        assert _whole(report) == _whole(
            pipeline.check_model(Candidate(Path(report.path)), settings)
        )
    ignored = PerFileIgnore("two/*", ("FGL",), str(Path.cwd()))
    analysed.clear()
    list(checking.check([Path()], Settings(root=str(Path.cwd()), per_file_ignores=(ignored,))))
    assert analysed == ["first", "second", "third", "two"], (
        "settings that name files tell them apart"
    )
