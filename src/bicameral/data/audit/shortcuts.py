"""Ways to know the label without understanding the example: a leaked column, the size of the file."""

import itertools
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from bicameral.data.audit.axes import seems_swapped
from bicameral.data.audit.evidence import SUMMARY, Evidence
from bicameral.data.audit.finding import Outcome, fail, ok, skip, warn

GIVES_AWAY, SUSPICIOUS = 0.9, 0.5  # skill: 0 is guessing, 1 is knowing
HARMLESS = {"modified"}  # follows from unpacking class by class, and no model sees it
SAMPLE, DRAWS = 4000, 19


def leaked_column(evidence: Evidence) -> Outcome:
    """A channel that says the label outright."""
    summaries, labels = evidence.prints.summaries, evidence.labels
    if evidence.dataset.kind != "series" or summaries is None or labels is None:
        return skip("only the channels of labelled series can hold a leaked label")
    if not evidence.one_step and seems_swapped(evidence):
        return skip("the time axis may stand elsewhere, see axes of the arrays")
    told, apart = [], []
    for channel in range(summaries.shape[1]):
        facts = dict(zip(SUMMARY, summaries[:, channel].T, strict=True))
        if _says(facts, labels, whole=not evidence.one_step):
            told.append(evidence.channels[channel])
        elif _far_apart(facts["mean"], labels):
            apart.append(evidence.channels[channel])
    if told:
        return fail("the label stands in the data itself; remove what is named", told)
    if apart:
        return warn("the mean of one channel separates all classes widely: is it the label?", apart)
    return ok(f"none of {summaries.shape[1]} channels gives the label away")


def file_properties(evidence: Evidence) -> Outcome:
    """Size, length or date of the file must not predict the class."""
    labels, properties = evidence.labels, evidence.dataset.properties
    if labels is None or not properties:
        return skip("no classes, or no facts about the files")
    counts = np.bincount(labels)
    if (counts > 0).sum() < 2 or counts[counts > 0].min() < 3:
        return skip("too few examples of a class to tell")
    scored = {name: _skill(np.asarray(values), labels) for name, values in properties.items()}
    worst = max(scored, key=lambda name: scored[name])
    text = f"{worst} alone reaches {scored[worst]:.0%} of the way from guessing to knowing the class"
    where = [f"{name}: {skill:.2f}" for name, skill in scored.items() if skill >= SUSPICIOUS]
    if any(skill >= GIVES_AWAY and name not in HARMLESS for name, skill in scored.items()):
        return fail(f"{text}; make the files alike before comparing", where)
    return warn(text, where) if where else ok(f"at most weakly: {text}")


def _says(facts: Mapping[Any, np.ndarray], labels: np.ndarray, *, whole: bool) -> bool:
    """Whether one number of the channel stands for the class: constant, or its first or last value.

    whole  channels run over several steps, so that a constant one is strange; a feature always is
    """
    steady = whole and bool(np.all(facts["deviation"] == 0))
    if steady and _in_few_runs(facts["mean"], labels) and _skill(facts["mean"], labels) >= GIVES_AWAY:
        return True
    return any(_one_value_a_class(facts[key], labels) for key in ("first", "last"))


def _in_few_runs(values: np.ndarray, labels: np.ndarray) -> bool:
    """Whether the labels, in the order of the values, change seldom enough for a tree to tell them."""
    changes = int((np.diff(labels[np.argsort(values, kind="stable")]) != 0).sum())
    counts = np.bincount(labels)
    classes = int((counts > 0).sum())
    wrong = (1 - GIVES_AWAY) * int(counts.max()) * classes
    return changes <= 2 ** _depth(classes) + 2 * wrong  # a wrong label makes two changes


def _one_value_a_class(values: np.ndarray, labels: np.ndarray) -> bool:
    pairs = np.unique(np.stack([values, labels.astype(values.dtype)]), axis=1)
    classes = len(np.unique(labels))
    return pairs.shape[1] == classes > 1 and len(np.unique(pairs[0])) == classes


def _far_apart(values: np.ndarray, labels: np.ndarray) -> bool:
    """Whether the gaps between classes dwarf the spread inside any of them."""
    spans = sorted((values[labels == c].min(), values[labels == c].max()) for c in np.unique(labels))
    if len(spans) < 2 or len(labels) < 5 * len(spans):
        return False
    gaps = [after[0] - before[1] for before, after in itertools.pairwise(spans)]
    return bool(min(gaps) > 2 * max(high - low for low, high in spans))


def _skill(values: np.ndarray, labels: np.ndarray) -> float:
    """Cross-validated balanced accuracy of a shallow tree, above the best of shuffled labels, scaled to 1."""
    random = np.random.default_rng(0)
    chosen = random.permutation(len(labels))[:SAMPLE]
    x, y = np.nan_to_num(values[chosen].astype(np.float64))[:, None], labels[chosen]
    if np.all(x == x[0]):
        return 0.0
    score = _tree_score(x, y)
    if score < 1 / len(np.unique(y)) + 0.05:
        return 0.0
    chance = max(_tree_score(x, random.permutation(y)) for _ in range(DRAWS))
    return max(0.0, (score - chance) / (1 - chance)) if chance < 1 else 0.0


def _depth(classes: int) -> int:
    return 2 + int(np.ceil(np.log2(classes)))


def _tree_score(x: np.ndarray, y: np.ndarray) -> float:
    classes = np.unique(y)
    tree = DecisionTreeClassifier(max_depth=_depth(len(classes)), class_weight="balanced", random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # classes rarer than the folds
        said = cross_val_predict(tree, x, y, cv=StratifiedKFold(3, shuffle=True, random_state=0))
    return float(np.mean([np.mean(said[y == c] == c) for c in classes]))
