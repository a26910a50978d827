"""The ten faults of benchmarks/planted_faults.py are found, and clean data raise no alarm."""

import importlib.util
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "planted_faults.py"
spec = importlib.util.spec_from_file_location("planted_faults", PATH)
assert spec is not None
assert spec.loader is not None
planted_faults = sys.modules["planted_faults"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(planted_faults)


@pytest.mark.parametrize("name", planted_faults.FAULTS)
def test_named(name, tmp_path):
    found, said = planted_faults.try_fault(name, tmp_path)
    assert found, said
