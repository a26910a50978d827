"""Checks of a data set and its split before anything is trained on it: a table, one line a check."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bicameral.data.audit import axes, balance, bleed, duplicates, quality, scaling, shortcuts, stamps
from bicameral.data.audit.evidence import Evidence
from bicameral.data.audit.finding import Audit, Finding, Outcome
from bicameral.data.dataset import Dataset
from bicameral.data.examples.segments import is_continued
from bicameral.data.read import read

__all__ = ["CHECKS", "Audit", "Finding", "audit"]

CHECKS: Mapping[str, Callable[[Evidence], Outcome]] = {
    "unreadable files": quality.quarantined,
    "blank examples": quality.empty_examples,
    "texts cut short": quality.texts_cut,
    "dead channels": quality.dead_channels,
    "axes of the arrays": axes.swapped_axes,
    "NaN and infinity": quality.not_numbers,
    "number of examples": balance.size,
    "several classes": balance.several_classes,
    "class missing in a part": balance.missing_class,
    "class shares across parts": balance.class_drift,
    "class balance": balance.balance,
    "tiny classes": balance.tiny_classes,
    "exact duplicates across parts": duplicates.across_parts,
    "exact duplicates in one part": duplicates.inside_parts,
    "duplicates with other labels": duplicates.contradicting_labels,
    "near duplicates across parts": duplicates.near_across_parts,
    "near duplicates in one part": duplicates.near_inside_parts,
    "validation equals test": duplicates.validation_is_test,
    "groups across parts": bleed.groups,
    "undeclared groups": bleed.named_units,
    "overlapping windows": bleed.windows,
    "order of time stamps": stamps.order,
    "repeated time stamps": stamps.repeats,
    "future time stamps": stamps.future,
    "training before testing": stamps.train_before_test,
    "scaler fitted on everything": scaling.fitted_on_everything,
    "label leaked into a column": shortcuts.leaked_column,
    "label leaked into the files": shortcuts.file_properties,
}
SLOW = (duplicates.near_across_parts, duplicates.near_inside_parts)


def audit(
    source: Any, *, split: np.ndarray | None = None, quick: bool = False, cut: Dataset | None = None
) -> Audit:
    """Run every check on what `read` reads; `split` names the part of each example, else the data may.

    quick  without the search for near copies, which takes longer than all the rest
    cut    the windows that a task makes of the data, with their split: no target may lie in two parts
    """
    dataset = read(source)
    if is_continued(dataset):
        dataset = replace(dataset, targets=None)  # what is asked for stands in the examples themselves
    evidence = Evidence(dataset, dataset.split if split is None else split)
    checks = {name: check for name, check in CHECKS.items() if not (quick and check in SLOW)}
    windows = evidence if cut is None else Evidence(cut, cut.split)
    seen: dict[Any, Evidence] = {bleed.windows: windows}
    return Audit(tuple(_run(name, check, seen.get(check, evidence)) for name, check in checks.items()))


def _run(name: str, check: Callable[[Evidence], Outcome], evidence: Evidence) -> Finding:
    level, message, where = check(evidence)
    return Finding(check=name, level=level, message=message, where=where)
