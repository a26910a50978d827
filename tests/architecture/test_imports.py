"""Nothing imports upward, nothing in a circle, and asking for help loads nothing heavy."""

import graphlib
import subprocess
import sys

import grimp
import pytest

HEAVY = ("torch", "sklearn", "scipy", "numpy", "PIL", "jinja2", "yaml")


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("bicameral")


def test_no_module_imports_itself_by_a_detour(graph):
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    graphlib.TopologicalSorter(imports).prepare()  # raises CycleError naming the circle


def test_kernels_are_the_only_ones_who_know_what_is_fast(sources):
    knowing = {s.name for s in sources if "import triton" in s.text or "ctypes" in s.text}
    assert [name for name in knowing if "/kernels/" not in name] == []


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["compare", "--help"], ["doctor", "--help"]], ids=" ".join
)
def test_help_loads_nothing_heavy(arguments):
    code = f"""
import sys
sys.argv = ["bicameral", *{arguments!r}]
from bicameral.cli import main
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
loaded = sorted(set({HEAVY!r}) & set(sys.modules))
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)


def test_the_package_itself_loads_nothing():
    code = f"import sys, bicameral; assert not set({HEAVY!r}) & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
