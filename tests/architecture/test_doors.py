"""What is public has types for a checker and names for completion."""

import json
import subprocess
import sys

import bicameral

CALLER = """
import bicameral

reveal_type(bicameral.compare)
reveal_type(bicameral.train)
reveal_type(bicameral.read("data.csv"))
reveal_type(bicameral.Artifact.from_pretrained("runs/x"))
reveal_type(bicameral.Classifier("gru"))
reveal_type(bicameral.verify("runs/0001"))
bicameral.train("data.csv", "gru", folder="runs/x", replicats=3)
"""


def test_completion_shows_what_is_public():
    assert set(bicameral.__all__) <= set(dir(bicameral))


def test_a_checker_knows_every_public_name(tmp_path, root):
    (tmp_path / "caller.py").write_text(CALLER)
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson"]
    done = subprocess.run([*command, "caller.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["generalDiagnostics"]
    types = [one["message"] for one in found if one["severity"] == "information"]
    assert len(types) == 6
    assert [said for said in types if said.endswith(('"Any"', '"Unknown"'))] == []
    assert [one["rule"] for one in found if one["severity"] == "error"] == ["reportCallIssue"]
