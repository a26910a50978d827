"""How many trials may run side by side: the cores and the memory that this process is allowed."""

import os
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
MEMORY = 10**9  # bytes a worker may come to need


def default_jobs(threads: int = 1) -> int:
    """Return the number of workers for trials of so many threads."""
    return max(1, min(cores() // threads, _memory() // MEMORY))


def cores() -> int:
    """Count the cores that the process may use: its affinity, and the quota of its container."""
    affinity = getattr(os, "sched_getaffinity", None)
    allowed = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(allowed, _quota(allowed)))


def _quota(otherwise: int) -> int:
    """Whole cores that a control group grants, version 2 or 1."""
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = (CGROUPS / "cpu.max").read_text().split()
        return otherwise if quota == "max" else int(quota) // int(period)
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = (
            int((CGROUPS / "cpu" / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period")
        )
        return otherwise if quota < 0 else quota // period
    return otherwise


def _memory() -> int:
    """Bytes that are free to use, as far as the system says."""
    found = [10**15]
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        found.append(1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")))
    with suppress(OSError, ValueError):
        limit, used = ((CGROUPS / f"memory.{name}").read_text() for name in ("max", "current"))
        found.append(int(limit) - int(used))
    return min(found)
