"""The same example twice: exactly, nearly, with two labels, or a whole part twice."""

import numpy as np

from bicameral.data.audit.evidence import Evidence
from bicameral.data.audit.finding import HARM, Outcome, fail, ok, skip, warn

FEW_WORDS, COINCIDENCES = 4, 3  # so short texts recur by themselves; fewer of them leak nothing
AMBIGUOUS = 0.1  # share of contradicting examples above which labels cannot be trusted
SAME_PART = 0.5  # share of val found in test above which the two are one


def across_parts(evidence: Evidence) -> Outcome:
    """Identical content on both sides of the split."""
    return _leak(evidence, evidence.copies, "identical")


def inside_parts(evidence: Evidence) -> Outcome:
    """Identical content within one part."""
    pairs = evidence.copies
    within = pairs[~_crossing(evidence, pairs)]
    if not len(within):
        return ok("no example occurs twice in one part")
    return warn(f"{_copies(within)} inside one part", _named(evidence, within))


def contradicting_labels(evidence: Evidence) -> Outcome:
    """Identical content under different labels."""
    targets = evidence.dataset.targets
    if targets is None:
        return skip("nothing is labelled")
    pairs = evidence.copies
    pairs = pairs[[not np.array_equal(targets[a], targets[b]) for a, b in pairs.tolist()]]
    if not len(pairs):
        return ok("no two identical examples disagree on the label")
    share = len(np.unique(pairs)) / len(evidence.dataset)
    say = fail if share > AMBIGUOUS else warn
    message = f"{len(np.unique(pairs))} identical examples ({share:.1%}) carry different labels"
    return say(message, _named(evidence, pairs))


def near_across_parts(evidence: Evidence) -> Outcome:
    """Near copies on both sides of the split."""
    pairs = evidence.near_copies
    if pairs is None:
        return skip("examples cannot be compared: their channels differ")
    return _leak(evidence, pairs, "nearly identical")


def near_inside_parts(evidence: Evidence) -> Outcome:
    """Near copies within one part."""
    pairs = evidence.near_copies
    if pairs is None:
        return skip("examples cannot be compared: their channels differ")
    within = pairs[~_crossing(evidence, pairs)]
    if not len(within):
        return ok("no near copies in one part")
    return warn(f"pairs of near copies inside one part: {len(within)}", _named(evidence, within))


def validation_is_test(evidence: Evidence) -> Outcome:
    """The part that chooses must not be the part that judges."""
    if not {"val", "test"} <= evidence.parts.keys():
        return skip("there are no separate validation and test parts")
    digests = evidence.prints.digests
    val, test = digests[evidence.parts["val"]], digests[evidence.parts["test"]]
    share = float(np.isin(val, test).mean())
    if share < SAME_PART:
        return ok("validation and test hold different examples")
    return fail(f"{share:.0%} of the validation part is also the test part; draw validation from train")


def _leak(evidence: Evidence, pairs: np.ndarray, how: str) -> Outcome:
    if not evidence.parts:
        return skip("nothing is split yet")
    pairs = pairs[_crossing(evidence, pairs)]
    if not len(pairs):
        return ok(f"no {how} examples in different parts")
    held = {part: np.isin(rows, pairs) for part, rows in evidence.parts.items() if part != "train"}
    counts = ", ".join(f"{found.sum()} of {part}" for part, found in held.items() if found.any())
    share = evidence.harmed(pairs)
    message = (
        f"{how} examples in different parts ({counts}: {share:.2%} of {evidence.judged}); "
        "keep one of each, or group them"
    )
    say = fail if share > HARM and not _coincidence(evidence, pairs) else warn
    return say(message, _named(evidence, pairs))


def _coincidence(evidence: Evidence, pairs: np.ndarray) -> bool:
    """Whether these are a few texts of so few words that people write them twice."""
    if evidence.dataset.kind != "text" or len(pairs) >= COINCIDENCES:
        return False
    return all(len(evidence.dataset.items[row].split()) < FEW_WORDS for row in np.unique(pairs).tolist())


def _crossing(evidence: Evidence, pairs: np.ndarray) -> np.ndarray:
    if evidence.split is None:
        return np.zeros(len(pairs), bool)
    return evidence.split[pairs[:, 0]] != evidence.split[pairs[:, 1]]


def _named(evidence: Evidence, pairs: np.ndarray) -> list[str]:
    return [evidence.pair(a, b) for a, b in pairs[:100].tolist()]


def _copies(pairs: np.ndarray) -> str:
    count = len(np.unique(pairs[:, 1]))
    return f"{count} repeated example{'s' if count > 1 else ''}"
