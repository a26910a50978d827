"""Broken files and examples that say nothing."""

import numpy as np

from bicameral.data.audit.evidence import SUMMARY, Evidence
from bicameral.data.audit.finding import Outcome, fail, ok, skip, warn
from bicameral.data.preprocessing.text import MAX_LENGTH, granularity, split

TOO_MANY = 0.05  # share of files that may be broken
SAMPLE, FEW_CUT = 2000, 0.01  # texts that are measured; share of them that may be cut without a word
SPARSE = 0.5  # share of a channel that may be missing


def quarantined(evidence: Evidence) -> Outcome:
    """Files that could not be read, by name."""
    faults = evidence.dataset.faults
    if not faults:
        return ok("every file could be read")
    share = len(faults) / (len(faults) + _read(evidence))
    say = fail if share > TOO_MANY else warn
    message = f"{len(faults)} files or rows ({share:.1%}) were set aside: {faults[0].what}"
    return say(message, [f"{fault.where}: {fault.what}" for fault in faults])


def _read(evidence: Evidence) -> int:
    """Rows of a series to be forecast, else examples."""
    dataset = evidence.dataset
    return len(dataset) if dataset.targets is not None else sum(map(len, dataset.items))


def empty_examples(evidence: Evidence) -> Outcome:
    """Blank pictures, silent sounds, empty texts, flat series."""
    if evidence.dataset.kind == "text":
        blank = np.array([not text.strip() for text in evidence.dataset.items])
    elif evidence.prints.summaries is None:
        return skip("the channels differ from example to example")
    elif evidence.one_step:
        blank = np.array([len(np.unique(item)) == 1 < item.size for item in evidence.dataset.items])
    else:
        blank = (evidence.prints.summaries[:, :, SUMMARY.index("deviation")] == 0).all(1)
    if not blank.any():
        return ok("no example is blank")
    return warn(f"{int(blank.sum())} examples hold one value only", evidence.names(np.flatnonzero(blank)))


def texts_cut(evidence: Evidence) -> Outcome:
    """Texts of which a network reads only the beginning."""
    if evidence.dataset.kind != "text" or evidence.labels is None:
        return skip("only labelled texts are cut")
    texts = [evidence.dataset.items[row] for row in evidence.train[:SAMPLE].tolist()]
    unit = granularity(texts)
    sizes = np.array([len(split(text, unit)) for text in texts])
    longer = sizes > MAX_LENGTH
    if longer.mean() <= FEW_CUT:
        return ok(f"{longer.mean():.0%} of the texts are longer than {MAX_LENGTH} {unit}")
    lost = 1 - np.minimum(sizes, MAX_LENGTH).sum() / sizes.sum()
    return warn(
        f"{longer.mean():.0%} of the texts are longer than {MAX_LENGTH} {unit}; the rest, {lost:.0%} of all "
        f"{unit}, is not read; max_length={int(np.percentile(sizes, 95))} reads 95% of the texts whole"
    )


def dead_channels(evidence: Evidence) -> Outcome:
    """Channels that never change, or are mostly missing, over the training part."""
    summaries = evidence.prints.summaries
    if evidence.dataset.kind != "series" or summaries is None:
        return skip("only series have channels with a meaning of their own")
    train = summaries[evidence.train]
    low, high, missing = (train[:, :, SUMMARY.index(key)] for key in ("lowest", "highest", "missing"))
    flat = [evidence.channels[j] for j in np.flatnonzero(low.min(0) == high.max(0))]
    sparse = [evidence.channels[j] for j in np.flatnonzero(missing.mean(0) > SPARSE)]
    named = [f"{name}: constant" for name in flat] + [f"{name}: mostly missing" for name in sparse]
    if not named:
        return ok("every channel varies and is mostly there")
    return warn(f"{len(flat)} channels never change, {len(sparse)} are mostly missing", named)


def not_numbers(evidence: Evidence) -> Outcome:
    """NaN or infinity where the kind has no missing values, or in a target."""
    targets, summaries = evidence.dataset.targets, evidence.prints.summaries
    bad = np.zeros(len(evidence.dataset), bool)
    if targets is not None and np.asarray(targets[:]).dtype.kind == "f":
        bad |= ~np.isfinite(np.asarray(targets[:]).reshape(len(bad), -1)).all(1)
    may_miss = evidence.dataset.kind == "series" or (evidence.dataset.kind == "clip" and targets is None)
    if not may_miss and summaries is not None:
        bad |= (summaries[:, :, SUMMARY.index("missing")] > 0).any(1)
    if not bad.any():
        return ok("no value or target is NaN or infinite")
    return fail(f"{int(bad.sum())} examples hold NaN or infinity", evidence.names(np.flatnonzero(bad)))
