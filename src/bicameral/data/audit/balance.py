"""Are there enough examples, of every class, in every part?"""

import numpy as np

from bicameral.data.audit.evidence import Evidence
from bicameral.data.audit.finding import HARM, Outcome, fail, ok, skip, warn

FEWEST, FEW = 10, 30  # examples: below the first nothing can be compared, below the second hardly
TINY = 5  # training examples a class needs
LOPSIDED = 10  # times the smallest class
DRIFT = 0.25  # total variation between the class shares of two parts
EXPECTED = 3  # a class expected this often in a part is not missing by chance


def size(evidence: Evidence) -> Outcome:
    """Enough examples to compare anything."""
    count = len(evidence.dataset)
    if evidence.dataset.targets is None:
        return skip("what is to be predicted gives its examples by windows")
    if count < FEWEST:
        return fail(f"only {count} examples; a comparison needs at least {FEWEST}")
    return warn(f"only {count} examples: intervals will be wide") if count < FEW else ok(f"{count} examples")


def several_classes(evidence: Evidence) -> Outcome:
    """A classifier needs something to tell apart."""
    if evidence.labels is None:
        return skip("not a question of one class per example")
    for where, rows in [("the data", np.arange(len(evidence.labels))), *evidence.parts.items()]:
        found = np.unique(evidence.labels[rows])
        if len(found) == 1:
            say = fail if where in ("the data", "train", evidence.judged) else warn
            return say(f"{where} holds one class only", [evidence.dataset.classes[found[0]]])
    return ok(f"{len(np.unique(evidence.labels))} classes")


def missing_class(evidence: Evidence) -> Outcome:
    """Every class must occur in every part; a gap in validation alone harms no judgement."""
    if evidence.labels is None or len(evidence.parts) < 2:
        return skip("no classes, or nothing is split yet")
    shares = np.bincount(evidence.labels, minlength=len(evidence.dataset.classes)) / len(evidence.labels)
    named, serious, harm = [], False, 0.0
    for part, rows in evidence.parts.items():
        held = np.bincount(evidence.labels[rows], minlength=len(shares))
        absent = np.flatnonzero((held == 0) & (shares > 0))
        named += [f"class {evidence.dataset.classes[index]} in {part}" for index in absent]
        if part == "train":
            harm = evidence.harmed(np.flatnonzero(np.isin(evidence.labels, absent)))
        serious |= part == evidence.judged and bool((shares[absent] * len(rows) >= EXPECTED).any())
    if not named:
        return ok("every class occurs in every part")
    say = fail if serious or harm > HARM else warn
    unknown = f"; {harm:.1%} of {evidence.judged} has a class that training never sees" if harm else ""
    return say(f"missing: {', '.join(named[:3])}{unknown}; check the folders, or split stratified", named)


def class_drift(evidence: Evidence) -> Outcome:
    """Class shares that differ between parts point to shifted indices or another source."""
    if evidence.labels is None or "train" not in evidence.parts or len(evidence.parts) < 2:
        return skip("no classes, or nothing is split yet")
    num = len(evidence.dataset.classes)
    counts = {
        part: np.bincount(evidence.labels[rows], minlength=num) for part, rows in evidence.parts.items()
    }
    train = counts["train"] / counts["train"].sum()
    drift = {part: float(np.abs(held / held.sum() - train).sum() / 2) for part, held in counts.items()}
    noise = {part: float(np.sqrt(num / held.sum())) for part, held in counts.items()}
    strange = [f"{part}: {value:.0%}" for part, value in drift.items() if value > DRIFT + noise[part]]
    if strange:
        return warn("the class shares differ much from train", strange)
    return ok(f"class shares differ by at most {max(drift.values()):.0%} between parts")


def balance(evidence: Evidence) -> Outcome:
    """Classes of like size, or a metric and weights that know."""
    counts = _train_counts(evidence)
    if counts is None:
        return skip("not a question of one class per example")
    ratio = counts.max() / max(counts[counts > 0].min(), 1)
    if ratio < LOPSIDED:
        return ok(f"the largest class is {ratio:.1f} times the smallest")
    most, least = (evidence.dataset.classes[at] for at in (counts.argmax(), _smallest(counts)))
    message = f"{most!r} is {ratio:.0f} times {least!r}; judge by balanced accuracy or macro F1"
    return warn(message, [f"class {least}"])


def tiny_classes(evidence: Evidence) -> Outcome:
    """Every class needs a handful of training examples."""
    counts = _train_counts(evidence)
    if counts is None:
        return skip("not a question of one class per example")
    tiny = np.flatnonzero((counts > 0) & (counts < TINY))
    if not len(tiny):
        return ok(f"every class has at least {counts[counts > 0].min()} training examples")
    named = [f"class {evidence.dataset.classes[index]}: {counts[index]}" for index in tiny]
    return warn(f"{len(tiny)} classes have fewer than {TINY} training examples", named)


def _train_counts(evidence: Evidence) -> np.ndarray | None:
    if evidence.labels is None:
        return None
    return np.bincount(evidence.labels[evidence.train], minlength=len(evidence.dataset.classes))


def _smallest(counts: np.ndarray) -> int:
    return int(np.where(counts > 0, counts, counts.max() + 1).argmin())
