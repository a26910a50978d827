"""Which architecture does my data reward? Convolution sees the grid, recurrence hears the sequence."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Artifact": "bicameral.artifact",
    "Classifier": "bicameral.estimators",
    "Forecaster": "bicameral.estimators",
    "Regressor": "bicameral.estimators",
    "audit": "bicameral.data.audit",
    "compare": "bicameral.studies.compare",
    "probe": "bicameral.probes",
    "read": "bicameral.data.read",
    "recommend": "bicameral.probes.recommend",
    "train": "bicameral.training.train",
    "verify": "bicameral.studies.verify",
}
__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]  a name stands once


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that `import bicameral` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'bicameral' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
