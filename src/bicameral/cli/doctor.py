"""bicameral doctor: what this machine has, and what would run how."""

import os
import platform
import shutil
import timeit
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from bicameral import __version__
from bicameral.cli.app import INSTALLATION, verb
from bicameral.cli.options import Json
from bicameral.cli.show import show_json, show_lines

PACKAGES = ("torch", "numpy", "scikit-learn", "safetensors", "pillow")
EXTRAS = {"sound": "soundfile", "video": "av", "cluster": "ray"}
GIB = 2**30


@verb("doctor", panel=INSTALLATION, example="bicameral doctor --json")
def doctor(json: Json = False) -> None:
    """Show versions, hardware, extras and the kernels that would run."""
    facts = examine()
    if json:
        show_json(facts)
    else:
        show_lines(f"{name:<14}{_sentence(value)}" for name, value in facts.items())


def examine() -> dict[str, Any]:
    """Every fact, by name."""
    import torch

    return {
        "bicameral": __version__,
        "python": platform.python_version(),
        **{package: _version(package) for package in PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory": _memory(),
        "disk free": f"{shutil.disk_usage('.').free / GIB:.1f} GiB",
        "device": _device(torch),
        "torch.nn": _layers(torch),
        "kernels": _kernels(),
        "extras": {extra: find_spec(package) is not None for extra, package in EXTRAS.items()},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123  not a path of ours
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def _memory() -> str:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return "unknown"
    return f"{total / GIB:.1f} GiB"


def _device(torch: Any) -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def _kernels() -> str:
    """What computes: the compiled library and its compiler, or why there is none."""
    from bicameral.kernels import native

    if native.library() is None:
        return native.path()
    threads = "threads of PyTorch" if native.has_threads() else "one thread"
    return f"{native.path()}, {native.compiler()}, {threads}, {_call_overhead():.1f} us a call"


def _call_overhead() -> float:
    """Microseconds of the shortest call of a kernel from Python."""
    import torch

    from bicameral.kernels.linear_scan import linear_scan

    frame, state = torch.zeros(1, 1, 1), torch.zeros(1, 1)
    return min(timeit.repeat(lambda: linear_scan(frame, frame, state), number=1000, repeat=3)) * 1e3


def _layers(torch: Any) -> str:
    capability = torch.backends.cpu.get_cpu_capability()
    return f"{'oneDNN, ' if torch.backends.mkldnn.is_available() else ''}{capability}"


def _sentence(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{name} {'yes' if there else 'no'}" for name, there in value.items())
    return str(value)
