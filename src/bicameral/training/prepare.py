"""Before any training on one's own data: read, divide, audit."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bicameral.data.audit import audit
from bicameral.data.audit.gate import Override, raise_on_failure
from bicameral.data.dataset import Dataset
from bicameral.data.read import read
from bicameral.data.split.splits import Split, split
from bicameral.problems.options import split_options
from bicameral.problems.problem import Draw, Problem


@dataclass(frozen=True)
class Ready:
    """Data with their question, divided and prepared."""

    problem: Problem
    parts: Split
    draw: Draw
    validate: bool = True

    @property
    def rows(self) -> dict[str, np.ndarray]:
        """The rows of each part by name; without validation there is none."""
        val = {"val": self.parts.val} if self.validate else {}
        return {"train": self.parts.train, **val, "test": self.parts.test}

    @property
    def counts(self) -> str:
        """The division in a line."""
        return f"{self.parts.how}: " + ", ".join(f"{len(rows)} {name}" for name, rows in self.rows.items())


def ready(
    source: Any, data_options: Mapping[str, Any] | None, *, seed: int = 0, validate: bool = True
) -> Ready:
    """Read `source` and divide it; without validation its part belongs to training."""
    task_options, reading = split_options(data_options or {})
    dataset = source if isinstance(source, Dataset) else read(source, **reading)
    problem = Problem(dataset, task_options=task_options, seed=seed, missing=reading.get("missing"))
    parts = split(problem.dataset, seed=seed)
    if not validate:
        parts = replace(parts, train=np.sort(np.concatenate([parts.train, parts.val])))
    return Ready(problem, parts, problem.prepare(parts.train, parts.val, parts.test), validate)


def audited(found: Ready, *, override: Override) -> str:
    """Look at the data and this split before training; what was found, in a line."""
    problem, parts = found.problem, found.parts
    names = None if problem.is_cut else problem.named(parts.train, parts.test)
    report = audit(problem.raw, split=names, quick=True)
    raise_on_failure(report.to_dict(), override=override)
    failed = ", ".join(finding.check for finding in report.at("FAIL"))
    counts = f"{len(report.at('PASS'))} checks passed, {len(report.at('WARN'))} warn"
    return counts + (f", overridden: {failed}" if failed else "")
