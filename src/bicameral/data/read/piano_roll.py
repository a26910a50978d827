"""Piano rolls as Boulanger-Lewandowski et al. (2012) published them: a .mat file, three cells of matrices."""

import io
from typing import Any

import numpy as np
import scipy.io

from bicameral.data.dataset import Dataset, Fault, Part
from bicameral.data.examples.segments import continued
from bicameral.data.read.files import Blob
from bicameral.errors import DataError

CELLS: dict[Part, str] = {"train": "traindata", "val": "validdata", "test": "testdata"}
NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
LOWEST = 21  # MIDI number of the lowest of 88 keys


def read_piano_rolls(name: str, blob: Blob) -> Dataset:
    """Read the pieces (t, 88) of the three parts, each a sequence to be continued."""
    cells = _load(blob)
    rolls, ids, parts, faults = [], [], [], []
    for part, cell in CELLS.items():
        for number, roll in enumerate(np.ravel(cells[cell])):
            if problem := _problem(roll):
                faults.append(Fault(f"{cell}[{number}]", problem))
            else:
                rolls.append(np.asarray(roll, np.float32))
                ids.append(f"{cell}[{number}]")
                parts.append(part)
    if not rolls or len({roll.shape[1] for roll in rolls}) > 1:
        raise DataError(
            f"{name} holds {len(rolls)} usable pieces; expected matrices (t, keys) of as many keys each"
        )
    dataset = Dataset(
        name=name,
        kind="series",
        items=rolls,
        ids=ids,
        groups=np.array(ids),
        split=np.array(parts),
        columns=_keys(rolls[0].shape[1]),
        faults=tuple(faults),
    )
    return continued(dataset)


def _load(blob: Blob) -> dict[str, Any]:
    try:
        cells = scipy.io.loadmat(io.BytesIO(blob.read()))
    except Exception as error:  # the reader of scipy raises whatever the bytes suggest to it
        raise DataError(f"{blob.name} is no readable .mat file: {error}") from error
    missing = [cell for cell in CELLS.values() if cell not in cells]
    if missing:
        held = ", ".join(key for key in cells if not key.startswith("__")) or "nothing"
        raise DataError(f"{blob.name} holds {held}; expected the cells {', '.join(CELLS.values())}")
    return cells


def _problem(roll: Any) -> str:
    roll = np.asarray(roll)
    if roll.ndim != 2 or roll.dtype.kind not in "buif":
        return f"an array {roll.shape} of {roll.dtype}; expected (t, keys) of zeroes and ones"
    return "" if roll.size and np.isin(roll, (0, 1)).all() else "empty, or with values other than 0 and 1"


def _keys(count: int) -> tuple[str, ...]:
    """Names of the keys of a piano, A0 to C8; of anything else, numbers."""
    if count != 88:
        return tuple(f"key {number}" for number in range(count))
    return tuple(f"{NOTES[key % 12]}{key // 12 - 1}" for key in range(LOWEST, LOWEST + count))
