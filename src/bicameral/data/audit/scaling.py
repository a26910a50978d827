"""Was a scaler fitted on train and test together before the data came here?"""

import numpy as np

from bicameral.data.audit.evidence import SUMMARY, Evidence
from bicameral.data.audit.finding import Outcome, fail, ok, skip, warn

EXACT = 2e-4  # how near to mean 0, deviation 1 only a scaler comes
CLEARLY = 10  # a training part this many times farther off was not what the scaler saw
PAST = 0.6  # share of a series to be forecast that training will see at least


def fitted_on_everything(evidence: Evidence) -> Outcome:
    """Everything together exactly standardised, the training part alone not."""
    dataset = evidence.dataset
    if dataset.kind != "series":
        return skip("only series arrive scaled")
    if dataset.targets is None:
        return _long_series(evidence)
    if evidence.prints.summaries is None or "train" not in evidence.parts or len(evidence.parts) < 2:
        return skip("nothing is split yet, or the channels differ")
    lengths = np.array([len(item) for item in dataset.items])
    if np.all(lengths == lengths[0]) and _by_position(evidence):
        return fail(_message("each time step", len(dataset)))
    scaled = _scaled_channels(evidence, lengths)
    if len(scaled):
        return fail(_message("the data", len(dataset)), [evidence.channels[j] for j in scaled])
    return ok("no sign of a scaler that saw more than the training part")


def _message(what: str, count: int) -> str:
    return (
        f"{what} has mean 0 and deviation 1 over all {count} examples but not over train alone: "
        "the scaler saw the held-out part; give the raw values, scaling belongs to training"
    )


def _scaled_channels(evidence: Evidence, lengths: np.ndarray) -> np.ndarray:
    summaries = evidence.prints.summaries
    assert summaries is not None
    everything = _off(summaries, lengths)
    train = _off(summaries[evidence.train], lengths[evidence.train])
    return np.flatnonzero((everything < EXACT) & (train > CLEARLY * EXACT))


def _off(summaries: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Distance of each channel's pooled mean and deviation from 0 and 1, forgiving n - 1."""
    keys = ("mean", "deviation", "missing")
    mean, deviation, missing = (summaries[:, :, SUMMARY.index(key)] for key in keys)
    weight = lengths[:, None] * (1 - missing)
    count = np.maximum(weight.sum(0), 1)
    pooled = (weight * mean).sum(0) / count
    square = (weight * (deviation**2 + mean**2)).sum(0) / count - pooled**2
    return _from_standard(pooled, square, count)


def _from_standard(mean: np.ndarray, square: np.ndarray, count: int | np.ndarray) -> np.ndarray:
    """Take the better of both conventions for the deviation."""
    square = np.maximum(square, 0)  # rounding
    unbiased = square * count / np.maximum(np.asarray(count) - 1, 1)
    spread = np.minimum(np.abs(np.sqrt(square) - 1), np.abs(np.sqrt(unbiased) - 1))
    return np.maximum(np.abs(mean), spread)


def _by_position(evidence: Evidence) -> bool:
    """Whether nearly every column of the flattened array was standardised over all examples."""
    rows = np.concatenate(list(evidence.parts.values()))
    x = np.stack([np.asarray(evidence.dataset.items[int(row)], np.float64).ravel() for row in rows])
    train = np.isin(rows, evidence.train)
    everything = _from_standard(*_moments(x), len(x))
    alone = _from_standard(*_moments(x[train]), int(train.sum()))
    return bool(np.mean((everything < EXACT) & (alone > CLEARLY * EXACT)) > 0.8)


def _moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of what is known of each channel; 0 where nothing is."""
    known = np.isfinite(x)
    count = np.maximum(known.sum(0), 1)
    mean = np.where(known, x, 0).sum(0) / count
    return mean, (np.where(known, x - mean, 0) ** 2).sum(0) / count


def _long_series(evidence: Evidence) -> Outcome:
    """A series to be forecast: its past alone must not be what makes the whole exactly standard."""
    found = []
    for row, item in enumerate(evidence.dataset.items):
        series = np.asarray(item, np.float64)
        past = series[: int(PAST * len(series))]
        off = [_from_standard(*_moments(x), len(x)) for x in (series, past)]
        channels = np.flatnonzero((off[0] < EXACT) & (off[1] > CLEARLY * EXACT)) if len(past) > 1 else []
        found += [f"{evidence.name(row)}, {evidence.channels[j]}" for j in channels]
    if not found:
        return ok("no series was standardised over its whole length")
    message = "series have mean 0 and deviation 1 over their whole length, so the past knows the future's"
    return warn(f"{message} level; give the raw values", found)
