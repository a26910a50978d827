"""What each example got in a judged trial: a small file beside the ledger, which seals it by its hash."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bicameral.disk import write_bytes
from bicameral.errors import StudyError
from bicameral.tasks import Task, task_from_dict

OUTCOMES = "outcomes"  # folder in that of the study
LOST = 1e-6  # of the spread of a statistic: rounding beyond that is not taken
WIDEST = 64  # numbers an example; wider statistics are kept only where the headline metric needs them


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """The statistics that a task keeps of each judged example, one row an example."""

    task: Task
    rows: np.ndarray  # (n,) of the problem's data set
    units: np.ndarray  # (n,) the group, recording or block of time of each; of examples on their own, the row
    statistics: Mapping[str, np.ndarray]  # each (n, ...)

    def score(self) -> float:
        """Compute the headline metric, turned so that higher is better."""
        return self.task.headline.score(self.task.headline.compute(self.statistics))

    def per_example(self) -> np.ndarray:
        """Compute one score an example (n,), higher is better; averaging to `score` where that is a mean."""
        return self.task.outcomes(self.statistics)

    def metrics(self) -> dict[str, float]:
        """Compute every metric whose statistics were kept."""
        return {
            name: metric.compute(self.statistics)
            for name, metric in self.task.table.items()
            if set(metric.needs) <= self.statistics.keys()
        }

    def take(self, places: np.ndarray) -> "Outcomes":
        """Pick examples by their places, once or several times."""
        kept = {name: values[places] for name, values in self.statistics.items()}
        return Outcomes(task=self.task, rows=self.rows[places], units=self.units[places], statistics=kept)

    def save(self, path: Path) -> dict[str, str]:
        """Write the file and return what the ledger says of it: `file` in the study's folder, `sha256`."""
        buffer = io.BytesIO()
        task = np.frombuffer(json.dumps(self.task.to_dict()).encode(), np.uint8)
        kept = {
            f"statistics/{name}": _narrow(values)
            for name, values in self.statistics.items()
            if name in self.task.headline.needs or values[:1].size <= WIDEST
        }
        arrays = {"task": task, "rows": _narrow(self.rows), "units": _narrow(self.units), **kept}
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, buffer.getvalue())
        except OSError as error:
            raise StudyError(f"could not write {path}: {error}; make room and resume the study") from error
        return {"file": f"{path.parent.name}/{path.name}", "sha256": _hash(buffer.getvalue())}


def rounded(statistics: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Round to what a file of outcomes holds, so that metrics computed now are those computed from it."""
    return {name: _narrow(values).astype(np.float64) for name, values in statistics.items()}


def read_outcomes(folder: Path, line: Mapping[str, Any]) -> Outcomes:
    """Read what the examples of a judged trial got, refusing a file that the ledger did not seal.

    folder  of the study
    line    of the trial, whose `outcomes` names the file
    """
    if not line.get("outcomes"):
        raise StudyError(
            f"{line['key']} keeps no outcomes of its examples: it failed, or an older version made the study"
        )
    path = folder / line["outcomes"]["file"]
    if not path.is_file():
        raise StudyError(f"{path} is missing; what the examples of {line['key']} got cannot be read")
    raw = path.read_bytes()
    if _hash(raw) != line["outcomes"]["sha256"]:
        raise StudyError(f"{path} was changed after the study had written it")
    with np.load(io.BytesIO(raw), allow_pickle=False) as found:
        kept = {name.removeprefix("statistics/"): found[name] for name in found.files if "/" in name}
        return Outcomes(
            task=task_from_dict(json.loads(found["task"].tobytes())),
            rows=found["rows"].astype(np.int64),
            units=found["units"].astype(np.int64),
            statistics={name: values.astype(np.float64) for name, values in kept.items()},
        )


def _hash(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _narrow(values: np.ndarray) -> np.ndarray:
    """Keep whole numbers as the smallest integers that hold them, others in single precision if it does."""
    if values.size and bool(np.isfinite(values).all() and (values == np.round(values)).all()):
        for kind in (np.uint8, np.int16, np.int32):
            if np.iinfo(kind).min <= values.min() and values.max() <= np.iinfo(kind).max:
                return values.astype(kind)
    single = values.astype(np.float32)
    is_close = np.nanmax(np.abs(single - values), initial=0) <= LOST * np.nanstd(values)
    return single if is_close else values.astype(np.float64)
