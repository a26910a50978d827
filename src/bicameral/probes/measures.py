"""Statistics of the data that need no training, each beside its value on shuffled data."""

from collections.abc import Callable, Mapping
from math import factorial
from typing import Any

import numpy as np

from bicameral.probes.material import Material

ORDER = 3  # values a pattern of permutation entropy looks at
DRAWS = 20_000


def statistic(name: str, value: float, null: float) -> dict[str, Any]:
    """The field `statistic` of a probe."""
    return {"name": name, "value": round(float(value), 4), "null": round(float(null), 4)}


def closeness(material: Material) -> Mapping[str, Any]:
    """Correlation of neighbours against that of any two places; for texts, how often two words meet again."""
    if material.kind == "text":
        return _against_shuffled("share of word pairs that recur", _recurring, material)
    x = _places(material)
    a, b = _adjacent(x)
    near = _correlation(x.reshape(len(x), -1)[:, a], x.reshape(len(x), -1)[:, b])
    random = np.random.default_rng(0)
    i, j = random.integers(0, x[0].size, (2, len(a)))
    far = _correlation(x.reshape(len(x), -1)[:, i], x.reshape(len(x), -1)[:, j])
    return statistic("correlation of neighbours", near, far)


def orderliness(material: Material) -> Mapping[str, Any]:
    """Permutation entropy (Bandt and Pompe 2002): 1 where every order of three values is as likely."""
    if material.kind == "text":
        return _against_shuffled("share of word pairs with a preferred order", _preferred, material)
    return _against_shuffled("permutation entropy", _pattern_entropy, material)


def persistence(material: Material) -> Mapping[str, Any]:
    """Steps until the autocorrelation has fallen below 1/e."""
    if material.kind == "text":
        return statistic("steps until autocorrelation < 1/e", 1, 1)
    paths = [path - path.mean() for path in _paths(material)]
    return statistic("steps until autocorrelation < 1/e", _decay(paths), 1)


def centredness(material: Material) -> Mapping[str, Any]:
    """Share of the variance that the place alone explains: near 1, everything is always at the same place."""
    x = _places(material)
    total = x.var()
    random = np.random.default_rng(0)
    mixed = np.stack([random.permuted(example) for example in x[:200]])
    return statistic("variance explained by place", x.mean(0).var() / total, mixed.mean(0).var() / total)


def _places(material: Material) -> np.ndarray:
    """Values (n, rows, columns) of whole examples, channels averaged: pixels, or steps by 1."""
    x = material.train.x[:500].float()
    if material.kind in ("image", "clip"):
        x = x.mean(-3) if material.kind == "image" else x.mean((1, 2))
    return (x if x.ndim == 3 else x[..., None]).double().numpy()


def _adjacent(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flat indices of places one row apart, and of the place they neighbour."""
    places = np.arange(x[0].size).reshape(x.shape[1:])
    return places[:-1].ravel(), places[1:].ravel()


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pooled correlation about each place's own mean."""
    a, b = a - a.mean(0), b - b.mean(0)
    scale = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / scale) if scale > 0 else 0.0


def _paths(material: Material) -> list[np.ndarray]:
    """One number a step: the channels' mean, of the valid steps; of texts the tokens."""
    x, lengths = material.train.x[:500], material.train.lengths
    values = (x if x.ndim == 2 else x.float().flatten(2).mean(2)).double().numpy()
    sizes = np.full(len(x), x.shape[1]) if lengths is None else lengths[:500].numpy()
    return [path[:size] for path, size in zip(values, sizes, strict=True)]


def _against_shuffled(
    name: str, measure: Callable[[list[np.ndarray]], float], material: Material
) -> Mapping[str, Any]:
    paths, random = _paths(material), np.random.default_rng(0)
    return statistic(name, measure(paths), measure([random.permutation(path) for path in paths]))


def _pattern_entropy(paths: list[np.ndarray]) -> float:
    views = [np.lib.stride_tricks.sliding_window_view(path, ORDER) for path in paths if len(path) >= ORDER]
    if not views:
        return 1.0
    ranks = np.concatenate(views).argsort(1)[:DRAWS]
    counts = np.unique(ranks @ ORDER ** np.arange(ORDER), return_counts=True)[1]
    share = counts / counts.sum()
    return float(-(share * np.log(share)).sum() / np.log(factorial(ORDER)))


def _pairs(paths: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    pairs = np.concatenate([np.stack([path[:-1], path[1:]], 1) for path in paths if len(path) > 1])
    return np.unique(pairs, axis=0, return_counts=True)


def _recurring(paths: list[np.ndarray]) -> float:
    _, counts = _pairs(paths)
    return float(counts[counts > 1].sum() / counts.sum())


def _preferred(paths: list[np.ndarray]) -> float:
    pairs, counts = _pairs(paths)
    seen = {(int(a), int(b)): int(count) for (a, b), count in zip(pairs, counts, strict=True)}
    both = [(count, seen.get((b, a), 0)) for (a, b), count in seen.items()]
    often = [(there, back) for there, back in both if there + back > 3]
    return sum(abs(there - back) for there, back in often) / max(sum(there for there, _ in often), 1)


def _decay(paths: list[np.ndarray]) -> int:
    longest = max(map(len, paths))
    power = sum(float((path**2).mean()) for path in paths)
    for lag in range(1, longest // 2):
        together = sum(float((path[lag:] * path[:-lag]).mean()) for path in paths if len(path) > lag)
        if together < power / np.e:
            return lag
    return max(1, longest // 2)
