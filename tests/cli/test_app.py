"""The surface of the command line: help, exit codes, one clear line for every mistake."""

import json
import sys
from importlib.metadata import version

import pytest
import typer

import bicameral.cli  # noqa: F401  registers the verbs
from bicameral.cli.app import app, guard, resumable
from bicameral.cli.show import show_lines
from bicameral.errors import DataError

VERBS = [
    "check",
    "compare",
    "demo",
    "doctor",
    "eval",
    "extend",
    "generate",
    "models",
    "predict",
    "probe",
    "recommend",
]
VERBS += ["report", "resume", "stream", "train", "verify"]


def stopped_by(error, capsys) -> tuple[int, str]:
    with pytest.raises(typer.Exit) as stop, guard():
        raise error
    return stop.value.exit_code, capsys.readouterr().err


def test_every_verb_is_known():
    assert sorted(command.name for command in app.registered_commands) == VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(bicameral, verb):
    result = bicameral(verb, "--help")
    assert result.exit_code == 0
    assert "--json" in result.stdout
    assert f"Example: bicameral {verb}" in result.stdout


def test_version(bicameral):
    assert bicameral("--version").stdout == f"bicameral {version('bicameral')}\n"


def test_a_mistake_is_one_line_and_code_2(capsys):
    assert stopped_by(DataError("no such file; give one"), capsys) == (2, "error: no such file; give one\n")


def test_an_unreadable_file_is_named(capsys):
    error = PermissionError(13, "Permission denied", "/secret")
    assert stopped_by(error, capsys) == (2, "error: /secret: Permission denied\n")


def test_an_os_error_without_a_file_still_says_something(capsys):
    assert stopped_by(OSError("disk full"), capsys) == (2, "error: disk full\n")


def test_ctrl_c_says_how_to_go_on(capsys):
    with pytest.raises(typer.Exit) as stop, guard(), resumable("go on with: bicameral resume runs/x"):
        raise KeyboardInterrupt
    assert stop.value.exit_code == 130
    assert capsys.readouterr().err == "stopped; go on with: bicameral resume runs/x\n"


def test_our_own_mistakes_say_so_and_show_where_on_request(capsys, monkeypatch):
    code, said = stopped_by(ZeroDivisionError("division\nby zero"), capsys)
    assert code == 70
    assert said.startswith("error: this is a bug in bicameral")
    assert "ZeroDivisionError: division by zero" in said
    assert said.count("\n") == 1
    monkeypatch.setenv("BICAMERAL_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError), guard():
        1 / 0  # noqa: B018


@pytest.mark.parametrize("error", [MemoryError(), RecursionError("maximum recursion depth exceeded")])
def test_what_is_too_large_or_too_deep_is_one_line(error, capsys):
    code, said = stopped_by(error, capsys)
    assert (code, said.count("\n")) == (2, 1)


def test_a_name_out_of_the_data_does_nothing_to_the_terminal(capsys):
    show_lines(["a\x1b]0;PWN\x07\x1b[31m.csv\tb"])
    assert capsys.readouterr().out == "a\\x1b]0;PWN\\x07\\x1b[31m.csv\tb\n"


@pytest.mark.parametrize("arguments", [["chekc"], ["check"], ["models", "--jsn"]], ids=" ".join)
def test_wrong_usage_is_code_2(bicameral, arguments):
    assert bicameral(*arguments).exit_code == 2


@pytest.mark.parametrize("verb", ["check", "probe", "recommend", "compare", "train"])
def test_missing_data_is_a_mistake_of_the_user(bicameral, verb, tmp_path):
    result = bicameral(verb, tmp_path / "nowhere")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert "nowhere" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("verb", ["report", "resume", "verify"])
def test_a_missing_study_is_a_mistake_of_the_user(bicameral, verb, tmp_path):
    result = bicameral(verb, tmp_path / "nowhere")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.stderr


@pytest.mark.parametrize("verb", ["eval", "predict"])
def test_a_missing_artifact_is_a_mistake_of_the_user(bicameral, verb, tmp_path):
    result = bicameral(verb, tmp_path / "nowhere", tmp_path)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.stderr


def test_doctor_speaks_json(bicameral):
    facts = json.loads(bicameral("doctor", "--json").stdout)
    assert facts["python"] == ".".join(map(str, sys.version_info[:3]))
    assert set(facts["extras"]) == {"sound", "video", "cluster"}


def test_doctor_speaks_to_people(bicameral):
    assert "processor" in bicameral("doctor").stdout
