"""Near copies of texts: equal but for case and punctuation, or sharing nine in ten runs of three words."""

import re
from hashlib import blake2b

import numpy as np

FEWEST_WORDS = 8  # shorter texts must agree word for word
ALIKE = 0.9
BANDS, ROWS = 12, 4
_PRIME = np.uint64((1 << 61) - 1)


def close_texts(texts: list[str], digests: np.ndarray) -> np.ndarray:
    """Return (m, 2) rows of texts that say the same in different characters."""
    words = [re.findall(r"\w+", text.lower()) for text in texts]
    said = [" ".join(some) for some in words]
    pairs = _same(said) + _overlapping(words)
    found = np.array(sorted(set(pairs)), int).reshape(-1, 2)
    return found[digests[found[:, 0]] != digests[found[:, 1]]]


def _same(said: list[str]) -> list[tuple[int, int]]:
    first: dict[str, int] = {}
    earlier = [first.setdefault(text, row) for row, text in enumerate(said)]
    return [(before, row) for row, before in enumerate(earlier) if before != row and said[row]]


def _overlapping(words: list[list[str]]) -> list[tuple[int, int]]:
    """MinHash with banding (Broder 1997), then the true share of common runs."""
    runs = {row: _runs(some) for row, some in enumerate(words) if len(some) >= FEWEST_WORDS}
    if not runs:
        return []
    random = np.random.default_rng(0)
    a, b = random.integers(1, 1 << 31, (2, BANDS * ROWS)).astype(np.uint64)
    sketch = {row: _sketch(codes, a, b) for row, codes in runs.items()}
    candidates = {pair for band in range(BANDS) for pair in _bucket(sketch, band)}
    return [(i, j) for i, j in candidates if _share(runs[i], runs[j]) >= ALIKE]


def _runs(words: list[str]) -> np.ndarray:
    triples = zip(words, words[1:], words[2:], strict=False)
    return np.unique([_code(" ".join(triple)) for triple in triples]).astype(np.uint64)


def _code(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "little")


def _sketch(codes: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return ((codes[:, None] * a + b) % _PRIME).min(0)


def _bucket(sketch: dict[int, np.ndarray], band: int) -> list[tuple[int, int]]:
    first: dict[bytes, int] = {}
    pairs = []
    for row, values in sketch.items():
        key = values[band * ROWS : (band + 1) * ROWS].tobytes()
        if first.setdefault(key, row) != row:
            pairs.append((first[key], row))
    return pairs


def _share(a: np.ndarray, b: np.ndarray) -> float:
    common = len(np.intersect1d(a, b, assume_unique=True))
    return common / (len(a) + len(b) - common)
