"""Windows cut from one recording with overlap: one example continues inside another."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from bicameral.data.dataset import Dataset

LONGEST_RUN = {"series": 8, "sound": 32, "clip": 3}  # frames that must agree before a match is looked at
MOST_FRAMES = 40_000_000  # memory guard: later examples are left out


class Overlap(NamedTuple):
    """Example `later` begins with what example `earlier` holds from frame `shift` on."""

    earlier: int
    later: int
    shift: int
    frames: int


def overlaps(dataset: Dataset) -> list[Overlap]:
    """Return overlapping examples; two frames are the same when they are equal bit by bit."""
    codes = list(_codes(dataset))
    run = min(LONGEST_RUN[dataset.kind], max(3, min(map(len, codes)) // 3))
    random = np.random.default_rng(0).integers(1, 1 << 62, run).astype(np.uint64) | np.uint64(1)
    anchors = [_anchor(code, run) for code in codes]
    starts = {row: _runs(codes[row][at : at + run], random)[0] for row, at in enumerate(anchors) if at >= 0}
    if len(starts) < 2:
        return []
    keys = np.array(list(starts.values()))
    order = np.argsort(keys, kind="stable")
    rows = np.array(list(starts))[order]
    return list(_matches(codes, anchors, rows, keys[order], random))


def _matches(
    codes: list[np.ndarray], anchors: list[int], rows: np.ndarray, keys: np.ndarray, random: np.ndarray
) -> Iterator[Overlap]:
    """Look for the beginning of every example inside every other one."""
    for earlier, code in enumerate(codes):
        inside = _runs(code, random)
        at = np.searchsorted(keys, inside)
        at[at == len(keys)] = 0
        for position in np.flatnonzero(keys[at] == inside)[:8].tolist():
            later = int(rows[at[position]])
            shift = position - anchors[later]
            frames = min(len(code) - shift, len(codes[later]))
            agree = shift > 0 and np.array_equal(code[shift : shift + frames], codes[later][:frames])
            if later != earlier and agree:
                yield Overlap(earlier, later, shift, frames)


def _codes(dataset: Dataset) -> Iterator[np.ndarray]:
    """Reduce every frame to 32 bits."""
    total = 0
    for item in dataset.items:
        codes = _frame_codes(np.asarray(item), dataset.kind)
        total += len(codes)
        if total > MOST_FRAMES:
            return
        yield codes


def _frame_codes(item: np.ndarray, kind: str) -> np.ndarray:
    if kind == "clip":
        digests = [blake2b(np.ascontiguousarray(frame).tobytes(), digest_size=4).digest() for frame in item]
        return np.frombuffer(b"".join(digests), np.uint32)
    bits = np.ascontiguousarray(item, np.float32).view(np.uint32)
    if bits.ndim == 1:
        return bits
    factors = np.random.default_rng(1).integers(1, 1 << 62, bits.shape[1]).astype(np.uint64) | np.uint64(1)
    return ((bits * factors).sum(1, dtype=np.uint64) >> np.uint64(32)).astype(np.uint32)


def _anchor(codes: np.ndarray, run: int) -> int:
    """Find the first run of frames lively enough to be told from any other; -1 where there is none."""
    changes = np.concatenate([[0], np.cumsum(codes[1:] != codes[:-1])])
    lively = np.flatnonzero(changes[run - 1 :] - changes[: len(changes) - run + 1] >= run // 2)
    return int(lively[0]) if len(lively) else -1


def _runs(codes: np.ndarray, random: np.ndarray) -> np.ndarray:
    """Hash every run of consecutive frames."""
    count = len(codes) - len(random) + 1
    if count < 1:
        return np.empty(0, np.uint64)
    total = np.zeros(count, np.uint64)
    for offset, factor in enumerate(random):
        total += codes[offset : offset + count].astype(np.uint64) * factor
    return total
