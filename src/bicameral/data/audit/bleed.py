"""One unit on both sides of a split: a speaker, a subject, a recording, a stretch of time."""

import itertools
import re
from collections import Counter
from pathlib import PurePath

import numpy as np

from bicameral.data.audit.evidence import Evidence
from bicameral.data.audit.finding import HARM, Outcome, fail, ok, skip, warn
from bicameral.data.audit.overlap import LONGEST_RUN, overlaps

SOURCE = re.compile(r"\d{4,}")  # the number of a recording; a shorter one counts takes, folds or classes
MOST_FILES = 20  # of one recording on average; years and sizes recur more often


def groups(evidence: Evidence) -> Outcome:
    """No speaker, subject or source may lie in two parts."""
    units = evidence.dataset.groups
    if units is None or evidence.split is None or evidence.windowed:
        return skip("no groups are declared, or nothing is split yet")
    used = np.isin(evidence.split, list(evidence.parts))
    pairs = np.unique(np.stack([np.asarray(units).astype(str)[used], evidence.split[used]]), axis=1)
    names, counts = np.unique(pairs[0], return_counts=True)
    torn = names[counts > 1]
    if not len(torn):
        return ok(f"each of {len(names)} groups lies in one part")
    harm = evidence.harmed(np.flatnonzero(np.isin(np.asarray(units).astype(str), torn)))
    message = f"{len(torn)} of {len(names)} groups lie in several parts ({harm:.1%} of {evidence.judged})"
    named = [f"group {name}" for name in torn]
    if _are_folders(evidence):
        return warn(f"{message}; they are sub-folders of the classes: are they speakers or sources?", named)
    return (fail if harm > HARM else warn)(f"{message}; split by group", named)


def _are_folders(evidence: Evidence) -> bool:
    """Whether the groups are no more than the folders inside the classes, which nobody declared."""
    ids, units = evidence.dataset.ids, evidence.dataset.groups
    if units is None or not len(ids):
        return False
    pairs = zip(map(str, ids), map(str, units), strict=True)
    return all("/" in unit and f"/{unit}/" in f"/{name}" for name, unit in pairs if unit)


def named_units(evidence: Evidence) -> Outcome:
    """A word of the file names that returns in several parts may be a speaker nobody declared."""
    if evidence.dataset.groups is not None:
        return skip("groups are declared")
    if evidence.split is None or not len(evidence.dataset.ids):
        return skip("nothing is split, or nothing has a name")
    for position, words in enumerate(_name_words(evidence)):
        if _is_unit(words, evidence):
            shown = ", ".join(np.unique(words)[:5])
            message = f"word {position + 1} of the names ({shown}, ...) recurs in several parts"
            return warn(f"{message}; if it is a speaker or source, declare groups", np.unique(words))
        if len(torn := _numbered_sources(words, evidence)):
            harm = evidence.harmed(np.flatnonzero(np.isin(words, torn)))
            message = f"number {position + 1} of the names recurs in several parts"
            message += f" ({harm:.1%} of {evidence.judged})"
            return warn(f"{message}; if it is a recording, declare groups", torn)
    return ok("the file names give no sign of an undeclared speaker or source")


def windows(evidence: Evidence) -> Outcome:
    """Windows that share frames may not lie in different parts."""
    dataset = evidence.dataset
    if evidence.windowed:
        return _horizons(evidence)
    if dataset.kind not in LONGEST_RUN or len(dataset) < 2:
        return skip("examples are not cut from a longer recording")
    found = overlaps(dataset)
    if not found:
        return ok("no example continues inside another")
    named = [f"{evidence.pair(a, b)} from frame {shift} on" for a, b, shift, _ in found]
    crossing = [at for at, (a, b, *_) in enumerate(found) if evidence.part(a) != evidence.part(b)]
    shared = int(np.median([overlap.frames for overlap in found]))
    if crossing:
        message = f"{len(crossing)} pairs of windows in different parts share about {shared} frames"
        mend = "split by recording, or leave a gap of one window"
        return fail(f"{message}; {mend}", [named[at] for at in crossing])
    if evidence.split is None:
        return warn(f"{len(found)} windows overlap by about {shared} frames; split by recording", named)
    return ok(f"{len(found)} windows overlap, none across parts")


def _horizons(evidence: Evidence) -> Outcome:
    """Of windows to be forecast no value may be a target in two parts; a look-back may reach back."""
    if len(evidence.parts) < 2 or "begin" not in evidence.dataset.properties:
        return skip("nothing is split yet")
    begin, end = (evidence.dataset.properties[key] for key in ("begin", "end"))
    parts = list(evidence.parts.items())
    for (earlier, before), (later, after) in itertools.pairwise(parts):
        for series in np.unique(_series(evidence)[after]):
            ends, begins = (rows[_series(evidence)[rows] == series] for rows in (before, after))
            late = ends[end[ends] >= begin[begins].min()] if len(ends) else ends
            if len(late):
                message = f"{len(late)} targets of {earlier} lie past the beginning of {later}; leave a gap"
                return fail(f"{message} of one horizon", evidence.names(late))
    return ok("no value is a target in two parts")


def _series(evidence: Evidence) -> np.ndarray:
    groups = evidence.dataset.groups
    return np.zeros(len(evidence.dataset), int) if groups is None else groups


def _name_words(evidence: Evidence) -> list[np.ndarray]:
    """Columns of the words between separators, where all names have as many."""
    names = [re.split(r"[_\-\s]+", PurePath(str(name)).stem) for name in evidence.dataset.ids]
    if len({len(words) for words in names}) != 1:
        return []
    return [np.array(column) for column in zip(*names, strict=True)]


def _numbered_sources(words: np.ndarray, evidence: Evidence) -> np.ndarray:
    """Long numbers that recur within a class and lie in several parts.

    A counter recurs between classes alone, so that each of its numbers occurs once in a class.
    """
    label, split = evidence.labels, evidence.split
    if label is None or split is None or not all(SOURCE.fullmatch(word) for word in words):
        return words[:0]
    if MOST_FILES * len(np.unique(words)) < len(words):
        return words[:0]
    places: dict[str, set[str]] = {}
    repeated = Counter(zip(words.tolist(), label.tolist(), strict=True))
    for word, part, kind in zip(words.tolist(), split.tolist(), label.tolist(), strict=True):
        if repeated[word, kind] > 1:
            places.setdefault(word, set()).add(part)
    return np.array([word for word, parts in places.items() if len(parts) > 1], dtype=words.dtype)


def _is_unit(words: np.ndarray, evidence: Evidence) -> bool:
    """Letters in it, several values, each seen often and in several parts, and not simply the label."""
    values, index, counts = np.unique(words, return_inverse=True, return_counts=True)
    if not 3 <= len(values) <= len(words) / 4 or counts.min() < 2:
        return False
    if not all(re.search("[A-Za-z]", value) for value in values):
        return False
    assert evidence.split is not None
    parts = {(value, part) for value, part in zip(index.tolist(), evidence.split.tolist(), strict=True)}
    label = evidence.labels
    pairs = 0 if label is None else len(set(zip(index.tolist(), label.tolist(), strict=True)))
    return len(parts) > len(values) and pairs != len(values)
