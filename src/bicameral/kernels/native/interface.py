"""Whether the library has the interface that is about to be called: C itself would read wrong memory."""

import ctypes
from collections.abc import Sequence
from typing import Any

REBUILD = "python -m bicameral.kernels.native.build"


class InterfaceError(RuntimeError):
    """The library was compiled for another interface than Python has; says where they differ."""


class _Field(ctypes.Structure):
    """`Field` of interface.hpp."""

    _fields_ = (("name", ctypes.c_char_p), ("offset", ctypes.c_long))


def require_function(library: Any, name: str, integers: int, pointers: int) -> None:
    """Refuse a function that takes another number of integers, or of addresses after them."""
    try:
        describe = getattr(library, f"{name}_signature")
    except AttributeError:
        raise _differs(f"{name} is described nowhere in it") from None
    describe.restype = ctypes.c_long
    theirs = divmod(describe(), 256)
    if theirs != (integers, pointers):
        there, here = (
            f"{count[0]} integers and {count[1]} addresses" for count in (theirs, (integers, pointers))
        )
        raise _differs(f"{name} takes {there} there, {here} here")


def require_structure(library: Any, name: str, structure: type[ctypes.Structure]) -> None:
    """Refuse a structure whose fields have other names or places."""
    describe = getattr(library, f"{name}_fields")
    describe.restype = ctypes.POINTER(_Field)
    theirs, found = [], describe()
    while found[len(theirs)].name:
        field = found[len(theirs)]
        theirs.append((field.name.decode(), field.offset))
    theirs.append(("its size", found[len(theirs)].offset))
    ours = [(field, getattr(structure, field).offset) for field, *_ in structure._fields_]
    require_equal(name, theirs, [*ours, ("its size", ctypes.sizeof(structure))])


def require_equal(name: str, theirs: Sequence[Any], ours: Sequence[Any]) -> None:
    """Refuse a table that differs."""
    if len(theirs) != len(ours):
        raise _differs(f"{name} has {len(theirs)} entries there, {len(ours)} here")
    for one, other in zip(theirs, ours, strict=True):
        if one != other:
            raise _differs(f"{name} says {one} there, {other} here")


def _differs(how: str) -> InterfaceError:
    return InterfaceError(f"the compiled kernels do not fit these sources: {how}; run `{REBUILD}`")
