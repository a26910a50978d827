"""Every registered model compiles as one graph and exports with free rows; a few of each kind by default."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bicameral import registry

HERE = Path(__file__).parent
SOME = ["resnet", "hawk", "tcn", "conv_lstm", "segrnn", "textcnn"]
REST = sorted(set(registry.names()) - set(SOME))


@pytest.mark.parametrize(
    "names", [pytest.param(SOME, id="some"), pytest.param(REST, id="rest", marks=pytest.mark.slow)]
)
def test_models_are_traced_whole(names):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parents[1] / "src")])}
    command = [sys.executable, str(HERE / "trace_models.py"), *names]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
