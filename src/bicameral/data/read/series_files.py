"""One table a series, in class folders or with an index of labels: the commonest layout of sensor data."""

from collections import Counter
from collections.abc import Sequence

from bicameral.data.dataset import Dataset, Fault
from bicameral.data.read.files import Blob
from bicameral.data.read.labelled_series import Cases
from bicameral.data.read.labels.examples import Example, Labels, examples
from bicameral.data.read.labels.targets import Answer
from bicameral.data.read.series import Numeric, numeric_part
from bicameral.data.read.tables.table import TABLES, read_table
from bicameral.errors import DataError

FEWEST = 4  # tables in folders, from which on they are series and not parts of one set
INDICES = ("labels", "index", "metadata", "annotations")


def are_series_files(data: Sequence[Blob]) -> bool:
    """Return whether each table is a series: below class folders, or listed in an index beside them."""
    tables = [blob for blob in data if blob.suffix in TABLES]
    inside = [blob for blob in tables if "/" in blob.name]
    folders = {blob.name.rpartition("/")[0] for blob in inside}
    index = any(blob.stem.lower() in INDICES for blob in tables if "/" not in blob.name)
    if len(tables) < FEWEST or 2 * len(tables) < len(data):
        return False
    return index or (2 * len(inside) >= len(tables) and len(folders) > 1)


def read_series_files(
    name: str,
    files: list[Blob],
    faults: Sequence[Fault],
    labels: Labels,
    *,
    time: str | None = None,
    answer: Answer | None = None,
) -> Dataset:
    """Read one series a table, its columns the channels; tables with other columns than most are named."""
    found, more = examples(files, TABLES, labels)
    read = {example.name: _read(example, time) for example in found}
    columns = Counter(tuple(each.channels) for each in read.values() if isinstance(each, Numeric))
    if not columns:
        raise DataError(f"none of the {len(found)} tables of {name} holds a series of numbers")
    usual = columns.most_common(1)[0][0]
    cases = Cases(name=name, columns=usual, faults=[*faults, *more])
    for example in found:
        numeric = read[example.name]
        if isinstance(numeric, Fault):
            cases.faults.append(numeric)
        elif tuple(numeric.channels) != usual:
            cases.faults.append(Fault(example.name, f"has the columns {', '.join(numeric.channels)}"))
        else:
            label = None if labels.labels is False else example.label
            cases.add(numeric.values, label, example.name, part=example.part, group=example.group)
    return cases.dataset(answer)


def _read(example: Example, time: str | None) -> Numeric | Fault:
    try:
        return numeric_part(read_table(example.blobs[0]), time=time, leave_out=set())
    except DataError as error:
        return Fault(example.name, str(error))
