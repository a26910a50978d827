"""Series with one label each: sktime .ts files, UCR tables (label first), and long CSV with ids."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from bicameral.data.dataset import Dataset, Fault
from bicameral.data.read.files import Blob
from bicameral.data.read.labels.parts import published
from bicameral.data.read.labels.targets import Answer, encode_cells, why_unlabelled
from bicameral.data.read.series import by_id, feature_columns, number_columns, numeric_part, unpadded
from bicameral.data.read.tables.columns import GROUP, LABEL, SPLIT, are_features, pick, repeating_id
from bicameral.data.read.tables.numerals import numbers
from bicameral.data.read.tables.table import Table
from bicameral.errors import DataError


@dataclass(kw_only=True)
class Cases:
    """Labelled series as they are collected, one entry a case in every list."""

    name: str
    values: list[np.ndarray] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    columns: Sequence[str] = ()
    faults: list[Fault] = field(default_factory=list)

    def add(
        self, values: np.ndarray, label: str | None, where: str, *, part: str = "", group: str = ""
    ) -> None:
        """Keep a case, or name what is wrong with it."""
        problem = _problem(values, label)
        if problem:
            self.faults.append(Fault(where, problem))
            return
        self.values.append(values.astype(np.float32))
        self.labels.append(label or "")
        self.ids.append(where)
        self.parts.append(part)
        self.groups.append(group)

    def dataset(self, answer: Answer | None = None) -> Dataset:
        """Return what was collected."""
        if not self.values:
            first = (
                f"; the first fault is {self.faults[0].where}: {self.faults[0].what}" if self.faults else ""
            )
            raise DataError(f"{self.name} holds no series with a label{first}")
        targets, classes = encode_cells(self.labels, answer=answer) if any(self.labels) else (None, ())
        width = self.values[0].shape[1]
        return Dataset(
            name=self.name,
            kind="series",
            items=self.values,
            targets=targets,
            classes=classes,
            ids=self.ids,
            groups=np.array(self.groups) if any(self.groups) else None,
            split=published(self.parts, self.name),
            columns=tuple(self.columns) or tuple(f"channel {number}" for number in range(width)),
            faults=tuple(self.faults),
        )


def _problem(values: np.ndarray, label: str | None) -> str:
    if label is not None and (why := why_unlabelled(label)):
        return why
    return "holds no value" if not values.size or np.isnan(values).all() else ""


def read_ts(name: str, files: Iterable[tuple[str, Blob]], *, answer: Answer | None = None) -> Dataset:
    """Read .ts files, each a (part, file); channels of one case must be of one length."""
    cases = Cases(name=name)
    for part, blob in files:
        lines = enumerate(blob.read().decode("utf-8", errors="replace").splitlines(), start=1)
        answer = _ts_header(lines, blob.name) or answer
        for number, line in lines:
            if line.strip() and not line.startswith("#"):
                _ts_case(cases, line, f"{blob.name}:{number}", part)
    return cases.dataset(answer)


def _ts_header(lines: Iterable[tuple[int, str]], name: str) -> Answer | None:
    """Read up to @data and return what the labels are, where the file says so."""
    answer: Answer | None = None
    for _, line in lines:
        words = line.lower().split()
        if words[:1] == ["@data"]:
            return answer
        if words[:2] == ["@timestamps", "true"]:
            raise DataError(
                f"{name} has time stamps beside its values; only evenly sampled .ts files are read"
            )
        if words[:1] in (["@classlabel"], ["@targetlabel"]) and words[1:2] == ["true"]:
            answer = "classify" if words[0] == "@classlabel" else "regress"
    raise DataError(f"{name} has no line @data; expected the .ts format of sktime and aeon")


def _ts_case(cases: Cases, line: str, where: str, part: str) -> None:
    *channels, label = line.strip().split(":")
    parsed = [numbers(channel.split(",")) for channel in channels]
    lengths = {len(found[0]) for found in parsed if found}
    if None in parsed or len(lengths) != 1:
        reason = (
            f"channels of the lengths {sorted(lengths)}" if len(lengths) > 1 else "not series and a label"
        )
        cases.faults.append(Fault(where, reason))
    elif cases.values and len(parsed) != cases.values[0].shape[1]:
        cases.faults.append(Fault(where, f"{len(parsed)} channels where {cases.values[0].shape[1]} belong"))
    else:
        cases.add(np.stack([found[0] for found in parsed if found], axis=1), label, where, part=part)


def read_rows(
    name: str, table: Table, *, label: str | None, split: str | None = None, group: str | None = None,
    answer: Answer | None = None, features: bool | None = None, kind: str | None = None,
) -> Dataset:  # fmt: skip
    """Read one example a row: the other columns are steps of a series, or features, each for itself.

    features  columns have no order; else their names decide: numbered ones (v1, v2 ...) are steps, and so is
              every column with kind=series
    """
    split, group = pick(table, SPLIT, split), pick(table, GROUP, group)
    taken = {column for column in (label, split, group) if column}
    steps = [column for column in table.columns if column not in taken]
    apart = features if features is not None else kind != "series" and table.header and are_features(steps)
    columns, faults = feature_columns(table, taken) if apart else number_columns(table, steps)
    values = np.stack(list(columns.values()), axis=1)
    cases = Cases(name=name, columns=tuple(columns) if apart else ("value",), faults=[*table.faults, *faults])
    for row in range(len(table)):
        cases.add(
            values[row][None] if apart else unpadded(values[row])[:, None],
            _plain(table.columns[label][row]) if label else None,
            table.where(row),
            part=table.columns[split][row] if split else "",
            group=table.columns[group][row] if group else "",
        )
    return cases.dataset(answer)


def _plain(label: str) -> str:
    # the archive writes some classes as 1.0000000e+00
    return re.sub(r"^([+-]?\d)\.0+e\+00$", r"\1", label.strip())


def read_long(
    name: str, table: Table, *, id: str, label: str, time: str | None = None,  # noqa: A002
    split: str | None = None, group: str | None = None, answer: Answer | None = None,
) -> Dataset:  # fmt: skip
    """Read one series an id; the label must be the same in all its rows."""
    split, group = pick(table, SPLIT, split), pick(table, GROUP, group)
    extra = {column for column in (id, label, split, group) if column}
    numeric = numeric_part(table, time=time, leave_out=extra)
    values = numeric.values
    cases = Cases(name=name, columns=tuple(numeric.channels), faults=[*table.faults, *numeric.faults])
    for key, rows in by_id(table.columns[id]).items():
        labels = sorted({table.columns[label][row] for row in rows})
        if len(labels) > 1:
            cases.faults.append(Fault(key, f"label changes within the series: {', '.join(labels[:5])}"))
            continue
        if numeric.times is not None:
            rows = rows[np.argsort(numeric.times[rows], kind="stable")]
        first = rows[0]
        cases.add(
            values[rows],
            labels[0],
            key,
            part=table.columns[split][first] if split else "",
            group=table.columns[group][first] if group else "",
        )
    return cases.dataset(answer)


def roles(table: Table, target: str | None, id: str | None) -> tuple[str | None, str | None]:  # noqa: A002
    """Return the columns of the label and of the id, where the table has them."""
    label = pick(table, LABEL, target) if table.header or target else None
    return label, pick(table, (), id) or repeating_id(table)
