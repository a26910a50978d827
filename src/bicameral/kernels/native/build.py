"""Compile the kernels, one shared library per instruction set: `python -m bicameral.kernels.native.build`.

Needs the standard library alone, because the build hook of the package runs it before anything is installed.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
LIBRARIES = HERE / "lib"
COMPILERS = ("c++", "g++", "clang++")
# Contraction to fused multiply-add is wanted; anything that assumes there is no NaN or infinity is not.
FLAGS = (
    "-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-ffp-contract=fast", "-fno-math-errno",
    "-fno-trapping-math", "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra", "-Wno-psabi",
)  # fmt: skip
# Best first; one source for all, and simd.hpp asks the compiler how wide a vector is.
VARIANTS = {
    "x86_64": {
        "avx512": ("-march=skylake-avx512", "-mprefer-vector-width=512"),
        "avx2": ("-march=haswell",),
        "baseline": (),
    },
    "arm64": {"neon": ()},
}


class CannotBuildError(RuntimeError):
    """There is no compiler, or it refused."""


def variants() -> dict[str, tuple[str, ...]]:
    """Return the flags of every instruction set worth compiling for on this machine."""
    machine = platform.machine().lower()
    return VARIANTS.get({"amd64": "x86_64", "aarch64": "arm64"}.get(machine, machine), {"baseline": ()})


def library_file(variant: str) -> Path:
    """Return where the library of an instruction set lies."""
    return LIBRARIES / f"kernels-{variant}.so"


def digest() -> str:
    """Return what tells these sources from others, so that a stale library is never called."""
    files = sorted(HERE.glob("*.[ch]pp"))
    parts = [repr((FLAGS, VARIANTS)).encode(), *(file.name.encode() + file.read_bytes() for file in files)]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def find_compiler() -> list[str]:
    """Return the command of the C++ compiler: CXX, or the first one found."""
    commands = [os.environ.get("CXX", "").split(), *([name] for name in COMPILERS)]
    for command in commands:
        if command and shutil.which(command[0]):
            return command
    raise CannotBuildError(f"found no C++ compiler (CXX, {', '.join(COMPILERS)})")


def build(names: list[str] | None = None, more: tuple[str, ...] = ()) -> list[Path]:
    """Compile the named variants (default: all of this machine) and return their libraries."""
    compiler, flags = find_compiler(), variants()
    names = list(flags) if names is None else names
    LIBRARIES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=LIBRARIES) as scratch, ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(
            pool.map(lambda name: _compile(compiler, name, (*flags[name], *more), Path(scratch)), names)
        )


def _compile(compiler: list[str], variant: str, flags: tuple[str, ...], scratch: Path) -> Path:
    """Compile aside and rename, so that a running process keeps a whole library."""
    made = scratch / variant
    about = [f'-DBICAMERAL_SOURCES="{digest()}"', f'-DBICAMERAL_VARIANT="{variant}"']
    sources = [str(file) for file in sorted(HERE.glob("*.cpp"))]
    command = [*compiler, *FLAGS, *flags, *about, "-shared", "-o", str(made), *sources]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise CannotBuildError(f"{' '.join(command)}\n{result.stderr}")
    sys.stderr.write(result.stderr)
    return made.replace(library_file(variant))


if __name__ == "__main__":
    for library in build(sys.argv[1:] or None):
        sys.stdout.write(f"{library}\n")
