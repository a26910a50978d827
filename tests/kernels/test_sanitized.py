"""The kernels read and write nothing but their own memory, and do nothing that C++ leaves undefined."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bicameral.kernels import native
from bicameral.kernels.native import build

pytestmark = pytest.mark.slow  # a minute to compile, half a minute to run
TESTS = Path(__file__).parents[1]
FLAGS = ("-O1", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
# One row more than there is.
BEYOND = """
import sys
from pathlib import Path
import torch
from bicameral.kernels import native
from bicameral.kernels.native import build
build.LIBRARIES = Path(sys.argv[1])
x, w, y = torch.ones(1, 8), torch.ones(8), torch.ones(1, 8)
native.function("rms_norm_forward", 3, 3)(2, 8, 1, x.data_ptr(), w.data_ptr(), y.data_ptr())
"""


def runtime(name):
    command = [*build.find_compiler(), f"-print-file-name={name}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory):
    """A folder with a library built with sanitizers."""
    try:
        build.find_compiler()
    except build.CannotBuildError as missing:
        pytest.skip(str(missing))
    if "baseline" not in build.variants() or not Path(runtime("libasan.so")).is_absolute():
        pytest.skip("the sanitizers of GCC on x86 are needed")
    folder, before = tmp_path_factory.mktemp("sanitized"), build.LIBRARIES
    build.LIBRARIES = folder
    try:
        build.build(["baseline"], FLAGS)
    finally:
        build.LIBRARIES = before
    return folder


def run(*arguments, threads="1"):
    paths = [str(TESTS), str(TESTS.parent / "src"), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "LD_PRELOAD": f"{runtime('libasan.so')} {runtime('libubsan.so')}",
        "ASAN_OPTIONS": "detect_leaks=0",  # of Python there are some
        "OMP_NUM_THREADS": threads,
        native.SETTING: "baseline",
    }
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)


def test_a_read_beyond_the_end_is_caught(sanitized):
    done = run("-c", BEYOND, sanitized)
    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr


@pytest.mark.parametrize("threads", ["1", "2"])
def test_random_calls_touch_their_own_memory_alone(sanitized, threads):
    done = run(TESTS / "kernels/random_calls.py", 0, 400, sanitized, threads=threads)
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.startswith("baseline 400 ")
