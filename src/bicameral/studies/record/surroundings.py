"""Where and when a study ran: hardware, versions, time."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from bicameral import __version__


def surroundings(threads: int) -> dict[str, Any]:
    """Hardware and versions, with the time."""
    return {
        "time": now(),
        "hardware": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "threads": threads,
            "system": platform.platform(terse=True),
        },
        "versions": {
            "bicameral": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
        },
    }


def now() -> str:
    """The time, as the ledger writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
