"""The frozen question: what is compared, on what, by which metric, in which budget. Hashed beforehand."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bicameral.errors import ConfigError, StudyError, nearest

UNITS = {"s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that decides the outcome of a study, and nothing that does not."""

    source: str  # where the data lies, as the user wrote it
    data_options: Mapping[str, Any] = field(default_factory=dict)  # options of `read`
    data_digest: str = ""  # what the data was when the plan was frozen
    task_options: Mapping[str, Any] = field(default_factory=dict)  # metric, horizon, lookback, quantiles
    models: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)  # model -> candidate | baseline | control
    metric: str = ""
    rope: float = 0.01  # smallest difference of the metric worth caring about
    budget_seconds: float | None = 600.0  # of the whole comparison; None where trial_steps is given
    trial_steps: int | None = None  # steps of a full trial, instead of seconds: the same on every machine
    replicates: int = 6
    settings: int = 6  # quasi-random settings a family starts tuning with
    seed: int = 0
    test_fraction: float = 0.2
    batch_size: int | None = None  # None: chosen by the size of the training part
    recipe: Mapping[str, Any] = field(default_factory=dict)  # overrides for every family alike
    leave_out_slow: bool = False  # drop a model that the budget gives too few steps, instead of refusing
    limits: Mapping[str, float] = field(
        default_factory=dict
    )  # latency_ms, disk_mb, peak_ram_mb of the device
    override_audit: bool = False
    probe_seconds: float | None = None  # None: an eighth of the budget; 0: no probes
    threads: int = 1
    device: str = "cpu"  # cpu or cuda

    def __post_init__(self) -> None:
        if (self.budget_seconds is None) == (self.trial_steps is None):
            raise ConfigError("give a budget either in time (10min) or in steps a trial (400steps)")
        if self.replicates < 2 or self.settings < 1:
            raise ConfigError(
                f"a comparison needs 2 replicates and 1 setting or more, not {self.replicates} "
                f"and {self.settings}"
            )
        if not self.models:
            raise ConfigError("no model to compare")

    def to_dict(self) -> dict[str, Any]:
        """JSON of the plan."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    def digest(self) -> str:
        """Hash of everything in the plan."""
        return digest(self.to_dict())


def plan_from_dict(fields: Mapping[str, Any]) -> Plan:
    """Build a plan, naming an unknown key and the nearest known one."""
    known = {item.name for item in dataclasses.fields(Plan)}
    for key in fields:
        if key not in known:
            raise ConfigError(f"a plan has no {key!r}{nearest(key, known)}")
    given: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()}
    return Plan(**given)


def digest(value: Any) -> str:
    """Short hash of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def parse_budget(text: str | float) -> dict[str, Any]:
    """Read "90s", "10min", "1.5h", "400steps" or a number of seconds into fields of a plan."""
    match = re.fullmatch(r"\s*([\d.]+)\s*([a-z]*)\s*", str(text).lower())
    number, unit = (match.group(1), match.group(2) or "s") if match else ("", "")
    if unit in ("steps", "step") and number.isdigit() and int(number) > 0:
        return {"budget_seconds": None, "trial_steps": int(number)}
    if unit in UNITS and number.replace(".", "", 1).isdigit() and float(number) > 0:
        return {"budget_seconds": float(number) * UNITS[unit], "trial_steps": None}
    raise ConfigError(f"cannot read the budget {text!r}; write 90s, 10min, 1.5h or 400steps")


def read_study_file(path: Path) -> dict[str, Any]:
    """Read the keywords of `compare` from a YAML file, or from `study = {...}` in a Python file."""
    if path.suffix == ".py":
        scope: dict[str, Any] = {}
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), scope)
        study = scope.get("study")
    else:
        study = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(study, dict) or "source" not in study:
        raise StudyError(f"{path} holds no study: expected a mapping with at least 'source: PATH'")
    return study
