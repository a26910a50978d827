"""Pairs of signatures that lie far closer together than this data set explains by chance."""

import numpy as np

CLOSE = 0.15  # of the typical distance to the nearest neighbour
ISOLATED = 0.4  # of the distance to the next neighbour that is no copy
SMALL = 3000  # up to here every pair is looked at
TABLES, BITS = 8, 16
FEWEST = 8


def close_pairs(signatures: np.ndarray, digests: np.ndarray) -> np.ndarray:
    """Return (m, 2) rows of near copies whose content differs.

    Smooth families such as handwritten ones lie close to many others; a copy is close to its original alone.
    """
    shaped = np.flatnonzero(np.abs(signatures).sum(1) > 0)
    if len(shaped) < FEWEST:
        return np.empty((0, 2), int)
    x = signatures[shaped]
    limit = CLOSE * _typical(x)
    pairs = _all_pairs(x, limit) if len(x) <= SMALL else _hashed_pairs(x, limit)
    pairs = _isolated(x, pairs)
    pairs = shaped[pairs]
    return pairs[digests[pairs[:, 0]] != digests[pairs[:, 1]]]


def _typical(x: np.ndarray) -> float:
    """Median distance to the nearest neighbour, over a sample."""
    sample = np.random.default_rng(0).permutation(len(x))[:512]
    likeness = x[sample] @ x.T
    likeness[np.arange(len(sample)), sample] = -1
    return float(np.median(_distance(likeness.max(1))))


def _distance(likeness: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(2 - 2 * likeness, 0))


def _all_pairs(x: np.ndarray, limit: float) -> np.ndarray:
    a, b = np.nonzero(np.triu(_distance(x @ x.T) < limit, k=1))
    return np.stack([a, b], axis=1)


def _hashed_pairs(x: np.ndarray, limit: float) -> np.ndarray:
    """Compare only rows that share a bucket of random, balanced sign bits (Charikar, STOC 2002)."""
    random = np.random.default_rng(0)
    found = [_bucket_pairs(_codes(x, random), x, limit) for _ in range(TABLES)]
    return np.unique(np.concatenate(found), axis=0)


def _codes(x: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Bits cut at the median of whitened directions, so that plain backgrounds do not fill one bucket."""
    sample = x[random.permutation(len(x))[:4096]]
    centre = sample.mean(0)
    _, axes = np.linalg.eigh(np.cov((sample - centre).T))
    main = axes[:, -2 * BITS :]
    scores = (x - centre) @ main
    scores = scores / scores.std(0) @ random.standard_normal((main.shape[1], BITS), np.float32)
    return (scores > np.median(scores, axis=0)) @ (1 << np.arange(BITS))


def _bucket_pairs(codes: np.ndarray, x: np.ndarray, limit: float) -> np.ndarray:
    """Pairs inside each bucket; in sorted order a bucket's members stand side by side."""
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], codes[order], side="right")
    found, step = [], 1
    while (alive := np.flatnonzero(np.arange(len(order)) + step < ends)).size and step <= 64:
        a, b = order[alive], order[alive + step]
        near = _distance(np.einsum("nd,nd->n", x[a], x[b])) < limit
        found.append(np.sort(np.stack([a[near], b[near]], axis=1), axis=1))
        step += 1
    return np.concatenate(found) if found else np.empty((0, 2), int)


def _isolated(x: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Keep the pairs that lie far closer than either lies to any row that is no candidate."""
    if not len(pairs):
        return pairs
    rows = np.unique(pairs)[:4000]
    pairs = pairs[np.isin(pairs, rows).all(1)]
    next_best = dict(zip(rows.tolist(), _next_distance(x, rows, pairs), strict=True))
    distance = _distance(np.einsum("nd,nd->n", x[pairs[:, 0]], x[pairs[:, 1]]))
    room = np.array([min(next_best[a], next_best[b]) for a, b in pairs.tolist()])
    return pairs[distance < ISOLATED * room]


def _next_distance(x: np.ndarray, rows: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    position = {row: at for at, row in enumerate(rows.tolist())}
    best = np.full(len(rows), np.inf)
    for start in range(0, len(rows), 256):
        block = rows[start : start + 256]
        likeness = x[block] @ x.T
        likeness[np.arange(len(block)), block] = -1
        for a, b in np.concatenate([pairs, pairs[:, ::-1]]).tolist():
            if 0 <= position[a] - start < len(block):
                likeness[position[a] - start, b] = -1
        best[start : start + len(block)] = _distance(likeness.max(1))
    return best
