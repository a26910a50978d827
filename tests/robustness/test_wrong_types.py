"""Values of a wrong type, in a process of its own, for the suite checks annotations before we can."""

import json
import subprocess
import sys

import pytest

COMMANDS = {
    ("compare", "settings=abc", "--dry-run"): "whole number",
    ("compare", "--name=../up", "--dry-run"): "expected the name of one folder",
    ("compare", "--on=mars", "--dry-run"): "no engine called 'mars'",
    ("compare", "replicates=abc", "--dry-run"): "whole number",
    ("compare", "seed=abc", "--dry-run"): "seed is 'abc'",
    ("compare", "probe_seconds=abc", "--dry-run"): "probe_seconds",
    ("compare", "override_audit=maybe", "--dry-run"): "true or false",
    ("compare", "recipe=5", "--dry-run"): "names and values",
    ("compare", "recipe={batch_size: 1.5}", "--dry-run"): "whole number",
    ("compare", "models=5", "--dry-run"): "expected names",
    ("compare", "answer=clasify", "--dry-run"): "did you mean 'classify'",
    ("compare", "kind=imag", "--dry-run"): "did you mean 'image'",
    ("train", "batch_size=1.5"): "whole number",
    ("train", "width=abc"): "whole number",
    ("train", "learning_rate=abc"): "learning_rate is a number",
}
CHILD = """
import json, sys
from typer.testing import CliRunner
import bicameral.cli
results = [CliRunner().invoke(bicameral.cli.app, words) for words in json.load(sys.stdin)]
print(json.dumps([(result.exit_code, result.stdout, result.stderr) for result in results]))
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> dict[tuple[str, ...], tuple[int, str, str]]:
    """Exit code, standard output and standard error of every command, from one process."""
    data = tmp_path_factory.mktemp("data") / "a.csv"
    data.write_text(
        "label,v1,v2,v3\n" + "".join(f"{'ab'[row % 2]},{row},{row * row},1\n" for row in range(40))
    )
    commands = [[verb, str(data), *rest, *_of(verb)] for verb, *rest in COMMANDS]
    ran = subprocess.run(
        [sys.executable, "-c", CHILD], input=json.dumps(commands), capture_output=True, text=True, check=True
    )
    return dict(zip(COMMANDS, json.loads(ran.stdout), strict=True))


def _of(verb: str) -> list[str]:
    return ["--model", "gru", "--budget", "1steps"] if verb == "train" else []


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_it_is_refused_in_one_line(outcomes, command):
    code, out, err = outcomes[command]
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert err.startswith("error: ")
    assert COMMANDS[command] in err
