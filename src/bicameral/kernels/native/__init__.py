"""The compiled kernels: which library this processor gets, or why it gets none.

BICAMERAL_KERNELS in the environment names a variant (avx512, avx2, baseline, neon), or `reference` for none.
"""

import ctypes
import functools
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from threadpoolctl import threadpool_info
from torch import Tensor
from torch.nn import Parameter

from bicameral.errors import ShapeError
from bicameral.kernels.native import interface

SETTING = "BICAMERAL_KERNELS"
REFERENCE = "reference"
REBUILD = interface.REBUILD
# What PyTorch finds in the processor, and so what this process may execute.
RUNS = {"AVX512": ("avx512", "avx2", "baseline"), "AVX2": ("avx2", "baseline")}
OTHERS = ("baseline", "neon")
MANY = 2**20  # numbers


class NotLoadedError(RuntimeError):
    """No library can be used; says why."""


@torch.compiler.assume_constant_result
def library() -> ctypes.CDLL | None:
    """Return the kernels for this processor; None, said once, where PyTorch must serve."""
    found, chosen = _choose()
    if found is None and os.environ.get(SETTING) != REFERENCE:
        _say_missing(chosen)
    return found


def path() -> str:
    """Return the name of the variant in use, or `reference` and why."""
    return _choose()[1]


def compiler() -> str:
    """Return what compiled the library in use."""
    found = library()
    return "" if found is None else found.bicameral_compiler().decode()


def has_threads() -> bool:
    """Whether the threads of PyTorch were found; otherwise kernels run on one."""
    found = library()
    return found is not None and bool(found.bicameral_has_threads())


@functools.cache
def function(name: str, integers: int, pointers: int) -> Callable[..., None]:
    """Return a C function of the library that takes so many integers, then so many addresses."""
    interface.require_function(library(), name, integers, pointers)
    found = getattr(library(), name)
    found.argtypes = [ctypes.c_long] * integers + [ctypes.c_void_p] * pointers
    found.restype = None
    return found


def empty_like(v: Tensor) -> Tensor:
    """Return memory for a result, of a kind that is not three times as slow to write for the first time."""
    made = torch.empty_like(v)
    if made.numel() >= MANY:
        function("bicameral_ask_for_huge_pages", 1, 1)(made.nbytes, made.data_ptr())
    return made


def serves(*tensors: Tensor) -> bool:
    """Whether a kernel for float32 on a CPU can take such tensors here."""
    return all(v.dtype is torch.float32 and v.is_cpu for v in tensors) and library() is not None


def is_watched() -> bool:
    """Whether somebody looks at every operation, say to count them; the compiler cannot ask, and need not."""
    return not torch.compiler.is_compiling() and torch._C._len_torch_dispatch_stack() > 0


def must_be_plain() -> bool:
    """Whether only operations of PyTorch will do: on export for other engines, under torch.func."""
    return torch.compiler.is_exporting() or torch._C._are_functorch_transforms_active()


def must_be_operator(v: Tensor) -> bool:
    """Whether the tensor has no numbers yet, so that PyTorch's dispatcher must see the kernel."""
    return torch.compiler.is_compiling() or type(v) not in (Tensor, Parameter)


def plain(v: Tensor) -> Tensor:
    """Return the tensor as its numbers lie in memory: contiguous, with no conjugation or sign put off."""
    if v.is_contiguous() and not v.is_conj() and not v.is_neg():  # each of the below costs as much
        return v
    return v.resolve_conj().resolve_neg().contiguous()


def require(dtype: torch.dtype, **tensors: tuple[Tensor, tuple[int, ...]]) -> None:
    """Refuse tensors of another shape or type than a kernel will read: it sees addresses alone."""
    for name, (v, shape) in tensors.items():
        if v.shape != shape or v.dtype is not dtype or not v.is_cpu:
            given = f"{str(v.dtype).removeprefix('torch.')} {tuple(v.shape)} on {v.device}"
            expected = f"{str(dtype).removeprefix('torch.')} {tuple(shape)} on cpu"
            raise ShapeError(f"{name} is {given}; beside the other tensors it must be {expected}")


@functools.cache
def _say_missing(chosen: str) -> None:
    """Warn: an installation says so to nobody, as pip shows no word of the build."""
    slower = "PyTorch computes recurrences without compiled kernels, several times slower"
    said = f"{slower}: {chosen}; {SETTING}={REFERENCE} silences this"
    warnings.warn_explicit(said, RuntimeWarning, __name__, 0)  # a line of code would be shown beside it


@functools.cache
def _choose() -> tuple[ctypes.CDLL | None, str]:
    try:
        chosen = load(os.environ.get(SETTING) or None)
    except NotLoadedError as reason:
        return None, f"reference ({reason})"
    return chosen, chosen.bicameral_variant().decode()


def load(variant: str | None = None) -> ctypes.CDLL:
    """Load the named variant, or the best one this processor can execute."""
    from bicameral.kernels.native import build  # here, because `python -m` runs that module by itself

    if variant == REFERENCE:
        raise NotLoadedError(f"as {SETTING} asks")
    runs = RUNS.get(torch.backends.cpu.get_cpu_capability(), OTHERS)
    usable = [name for name in runs if name in build.variants()]
    if variant is not None and variant not in usable:
        raise NotLoadedError(f"{SETTING}={variant} is none of {', '.join(usable)}, reference")
    for name in [variant] if variant else usable:
        if build.library_file(name).exists():
            return _open(build.library_file(name), build.digest())
    raise NotLoadedError(f"nothing was compiled at installation; `{REBUILD}` says why")


def _open(file: Path, digest: str) -> ctypes.CDLL:
    try:
        opened = ctypes.CDLL(str(file))
    except OSError as error:
        raise NotLoadedError(f"{file.name} does not load: {error}") from error
    for name in ("sources", "variant", "compiler"):
        getattr(opened, f"bicameral_{name}").restype = ctypes.c_char_p
    if opened.bicameral_sources().decode() != digest:
        raise NotLoadedError(f"{file.name} is older than its sources; run `{REBUILD}`")
    _share_threads(opened)
    return opened


def _share_threads(opened: ctypes.CDLL) -> None:
    """Hand over PyTorch's own OpenMP: a second runtime would keep threads of its own spinning beside it."""
    home = Path(torch.__file__).parent.parent
    runtimes = [pool["filepath"] for pool in threadpool_info() if pool["user_api"] == "openmp"]
    runtimes.sort(key=lambda file: not file.startswith(str(home / "torch")))
    names = ("GOMP_parallel", "GOMP_barrier", "omp_get_thread_num", "omp_get_num_threads")
    for runtime in map(ctypes.CDLL, runtimes):
        if all(hasattr(runtime, name) for name in names):
            found = (getattr(runtime, name) for name in names)
            opened.bicameral_use_threads(*(ctypes.cast(function, ctypes.c_void_p) for function in found))
            return
