"""The kernels for GPUs equal the reference, where Triton can be imported, on a CPU by its interpreter."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.mark.skipif(find_spec("triton") is None, reason="needs triton, which CUDA builds of PyTorch bring")
def test_triton_equals_the_reference():
    # Apart: the shape checks that the tests switch on hide the source that Triton must read.
    paths = [str(TESTS), str(TESTS.parent / "src"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, str(TESTS / "kernels/interpret_triton.py")]
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert result.returncode == 0, result.stderr
