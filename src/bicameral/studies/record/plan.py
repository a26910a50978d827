"""The frozen question: what is compared, on what, by which metric, in which budget. Hashed beforehand."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bicameral.data.audit.gate import overridden
from bicameral.errors import ConfigError, StudyError, nearest
from bicameral.models import require_counts
from bicameral.tasks.own import restore
from bicameral.training.recipe import recipe_from_dict

VERSION = 2
LIMITS = ("latency_ms", "disk_mb", "peak_ram_mb")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that decides the outcome of a study, and nothing that does not."""

    version: int = VERSION  # of what a study does; an older one cannot go on
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
    folds: int = 4  # of a repetition, in which every example is judged once; fewer where the data bear fewer
    settings: int = 3  # quasi-random settings that a family tries in every replicate
    seed: int = 0
    test_fraction: float = 0.2
    batch_size: int | None = None  # None: chosen by the size of the training part
    recipe: Mapping[str, Any] = field(default_factory=dict)  # overrides for every family alike
    leave_out_slow: bool = False  # drop a model that the budget gives too few steps, instead of refusing
    limits: Mapping[str, float] = field(default_factory=dict)  # of LIMITS, what the device can bear
    override_audit: bool | str | Sequence[str] = False  # names of checks, or all
    probe_seconds: float | None = None  # None: an eighth of the budget; 0: no probes
    threads: int = 1
    device: str = "cpu"  # cpu or cuda
    own: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # a user's networks: source, hash

    def __post_init__(self) -> None:
        if (self.budget_seconds is None) == (self.trial_steps is None):
            raise ConfigError("give a budget either in time (10min) or in steps a trial (400steps)")
        if not self.models:
            raise ConfigError("no model to compare")
        require_counts(self, "replicates", "settings", "threads", "folds")
        if self.replicates < 2:
            raise ConfigError("one replicate is no comparison; give 2 or more, better 6")
        _check_amount("rope", self.rope)
        if self.probe_seconds is not None:
            _check_amount("probe_seconds", self.probe_seconds)
        overridden(self.override_audit)
        for name in ("recipe", "limits", "data_options", "task_options"):
            _check_mapping(name, getattr(self, name))
        recipe_from_dict(self.recipe)
        for name, facts in self.own.items():
            restore(name, facts)
        for name, value in self.limits.items():
            if name not in LIMITS:
                raise ConfigError(f"no limit called {name!r}{nearest(name, LIMITS)}")
            _check_amount(name, value)

    def to_dict(self) -> dict[str, Any]:
        """JSON of the plan."""
        plan = json.loads(json.dumps(dataclasses.asdict(self)))
        return plan if self.own else {key: value for key, value in plan.items() if key != "own"}

    def digest(self) -> str:
        """Hash of everything in the plan."""
        return digest(self.to_dict())


def _check_amount(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ConfigError(f"{name} is {value!r}; expected a number of at least 0")


def _check_mapping(name: str, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{name} is {value!r}; expected names and values: {{name: value}}")


def plan_from_dict(fields: Mapping[str, Any]) -> Plan:
    """Build a plan, naming an unknown key and the nearest known one."""
    known = {item.name for item in dataclasses.fields(Plan)}
    for key in fields:
        if key not in known:
            raise ConfigError(f"a plan has no {key!r}{nearest(key, known)}")
    if "source" not in fields:
        raise ConfigError("a plan needs its 'source', the path of the data")
    given: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()}
    return Plan(**given)


def digest(value: Any) -> str:
    """Short hash of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def read_study_file(path: Path) -> dict[str, Any]:
    """Read the keywords of `compare` from a YAML file, or from `study = {...}` in a Python file."""
    study = _evaluated(path)
    if not isinstance(study, dict) or "source" not in study:
        raise StudyError(f"{path} holds no study: expected a mapping with at least 'source: PATH'")
    if not all(isinstance(key, str) for key in study):
        raise StudyError(f"{path} has the keys {', '.join(map(str, study))}; expected words")
    return study


def _evaluated(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".py":
            return yaml.safe_load(text)
        scope: dict[str, Any] = {}
        exec(compile(text, str(path), "exec"), scope)
        return scope.get("study")
    except OSError:
        raise
    except Exception as error:  # whatever code or text somebody wrote
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise StudyError(f"{path} cannot be read as a study: {reason}") from error
