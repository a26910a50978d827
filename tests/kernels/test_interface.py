"""A library of another interface than Python calls is refused with a sentence, not called."""

import ctypes
from dataclasses import replace

import pytest

from bicameral.kernels import native
from bicameral.kernels.gated import CELLS, cpu
from bicameral.kernels.native.interface import InterfaceError, require_structure

pytestmark = pytest.mark.skipif(native.library() is None, reason=native.path())
FIELDS = list(cpu.Call._fields_)


def structure(fields):
    return type("Call", (ctypes.Structure,), {"_fields_": tuple(fields)})


def test_the_library_has_the_structure_that_python_has():
    require_structure(native.library(), "gated_call", structure(FIELDS))


OTHERS = {
    "swapped": ([*FIELDS[1::-1], *FIELDS[2:]], r"\('rows', 0\) there, \('frames', 0\) here"),
    "renamed": ([*FIELDS[:-1], ("dx_c", FIELDS[-1][1])], r"'dc', .* there, \('dx_c', .* here"),
    "missing": (FIELDS[:-1], "entries there"),
    "narrower": (
        [("rows", ctypes.c_int32), ("frames", ctypes.c_int32), *FIELDS[2:]],
        r"\('frames', 8\) there",
    ),
    "longer at its end": ([*FIELDS[:-1], ("dc", ctypes.c_void_p * 2)], "its size"),
}


@pytest.mark.parametrize(("fields", "said"), OTHERS.values(), ids=OTHERS)
def test_a_structure_that_differs_is_refused(fields, said):
    with pytest.raises(InterfaceError, match=f"do not fit these sources: gated_call .*{said}.*native.build"):
        require_structure(native.library(), "gated_call", structure(fields))


@pytest.mark.parametrize(
    "change", [{"num_state_gates": 2}, {"name": "gru4"}, {"num_extra": 1}, {"projects": True}]
)
def test_a_cell_that_differs_is_refused(monkeypatch, change):
    monkeypatch.setitem(CELLS, "gru", replace(CELLS["gru"], **change))
    with pytest.raises(InterfaceError, match=r"gated cells says \('gru', 1, 3, 3, 0, 0\) there, .* here"):
        cpu._library.__wrapped__()


@pytest.mark.parametrize("counts", [(4, 6), (3, 7), (11, 0)])
def test_a_function_of_other_arguments_is_refused(counts):
    native.function("rg_lru_forward", 4, 7)
    with pytest.raises(InterfaceError, match="rg_lru_forward takes 4 integers and 7 addresses there, "):
        native.function("rg_lru_forward", *counts)


def test_a_function_that_is_not_there_is_refused():
    with pytest.raises(InterfaceError, match="rg_lru_sideways is described nowhere"):
        native.function("rg_lru_sideways", 4, 7)
