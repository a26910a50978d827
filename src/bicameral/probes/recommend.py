"""What to try first: rules of thumb with their sources, overruled by what the probes measured here."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
import yaml

from bicameral import registry
from bicameral.data.dataset import Dataset
from bicameral.data.examples.segments import is_continued
from bicameral.data.read import read
from bicameral.probes import Probe
from bicameral.probes.finding import TELLING
from bicameral.problems.problem import Draw, Problem
from bicameral.tasks import task_of
from bicameral.tasks.network import Network
from bicameral.training.contestants import kind_of
from bicameral.training.cost import flops, parameters, seconds_per_epoch
from bicameral.training.recipe import Recipe

BATCH = 16
MOST_EXAMPLES = 500  # enough to measure what an example costs


class Case(NamedTuple):
    """What the rules ask about."""

    kind: str
    examples: int
    steps: int  # the longest training example in time; 0 for pictures


class Reason(NamedTuple):
    """Why a model stands where it stands."""

    points: float
    text: str
    source: str
    measured: bool


def candidates(dataset: Dataset) -> list[str]:
    """Return the models worth comparing on this kind of data: every family, baselines and a control."""
    menu = rules()["menu"][kind_of(dataset)]
    known = [name for names in menu.values() for name in names if name in registry.names()]
    return [name for name in known if not task_of(dataset).unfit(registry.entry(name), dataset.kind)]


def recommend(
    source: Any,
    probes: Sequence[Probe | Mapping[str, Any]] | None = None,
    *,
    seed: int = 0,
    task_options: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Rank the candidates for what `read` reads, each with reasons, their sources and its measured cost.

    A baseline is listed where something speaks for it; of equals the cheaper comes first; last stand models
    that are not built yet.
    """
    measured = [item.to_dict() if isinstance(item, Probe) else item for item in probes or ()]
    dataset = read(source)
    small = _small_draw(dataset, seed, task_options)
    case = _case(dataset, small)
    places = [
        _place(name, found) | cost(name, small, case.examples)
        for name, found in _ranked(dataset, case, measured).items()
    ]
    places.sort(key=lambda place: (-place["points"], place["flops"]))  # of equals the cheaper, on any machine
    return [place | {"rank": rank} for rank, place in enumerate(places, start=1)]


def _ranked(dataset: Dataset, case: Case, probes: Sequence[Mapping[str, Any]]) -> dict[str, list[Reason]]:
    """The candidates and what speaks for them, best first; no baseline that nothing speaks for."""
    reasons = {name: _reasons(registry.entry(name), case, probes) for name in candidates(dataset)}
    points = {name: _sum(found) for name, found in reasons.items()}
    shown = [name for name in reasons if points[name] > 0 or not _is_yardstick(name)]
    return {name: reasons[name] for name in sorted(shown, key=lambda name: -points[name])}


def _place(name: str, reasons: Sequence[Reason]) -> dict[str, Any]:
    return {
        "family": registry.entry(name).family,
        "model": name,
        "confidence": _confidence(reasons),
        "points": _sum(reasons),
        "reasons": [{"text": reason.text, "source": reason.source} for reason in reasons],
    }


def _sum(reasons: Sequence[Reason]) -> float:
    return sum(reason.points for reason in reasons)


@cache
def rules() -> Mapping[str, Any]:
    """The table beside this file."""
    return yaml.safe_load(files("bicameral.probes").joinpath("rules.yaml").read_text("utf-8"))


def cost(name: str, draw: Draw, num_examples: int) -> dict[str, Any]:
    """Parameters, FLOPs of one example forward, and seconds of an epoch on this machine."""
    network = Network(draw.preprocessing.layout, draw.task, name, _smallest(name))
    batch = draw.train.batch(np.arange(min(BATCH, len(draw.train))))
    recipe = Recipe(batch_size=BATCH)
    seconds = seconds_per_epoch(network, draw.task, draw.train, recipe, at_least=0.02) / len(draw.train)
    return {
        "parameters": parameters(network),
        "flops": flops(network, batch),
        "seconds_per_epoch": round(seconds * num_examples, 3),
    }


def _smallest(name: str) -> Mapping[str, Any]:
    return next(iter(registry.entry(name).sizes.values()))


def _small_draw(dataset: Dataset, seed: int, task_options: Mapping[str, Any] | None) -> Draw:
    if dataset.targets is not None and len(dataset) > MOST_EXAMPLES:
        dataset = dataset.subset(np.random.default_rng(seed).permutation(len(dataset))[:MOST_EXAMPLES])
    return Problem(dataset, task_options=task_options, seed=seed).draw(0)


def _case(dataset: Dataset, draw: Draw) -> Case:
    layout, cut = draw.train.layout, dataset.targets is None or is_continued(dataset)
    examples = len(draw.train) if cut else len(dataset)
    return Case(kind_of(dataset), examples, 0 if layout.kind == "image" else layout.shape[0])


def _reasons(entry: registry.Entry, case: Case, probes: Sequence[Mapping[str, Any]]) -> list[Reason]:
    """Everything that speaks for or against a model; a rule that the probes contradict loses its points."""
    measured = [reason for probe in probes for reason in _measured(entry, probe)]
    direction = math.copysign(1, total) if (total := _sum(measured)) else 0
    thumb = [
        Reason(points, rule["text"], rule["source"], False)
        for rule in _speaking(case)
        if (points := _points(entry, rule["points"]))
    ]
    return measured + [_overruled(rule) if rule.points * direction < 0 else rule for rule in thumb]


def _overruled(rule: Reason) -> Reason:
    return Reason(0, f"overruled by the probes: {rule.text}", rule.source, False)


def _measured(entry: registry.Entry, probe: Mapping[str, Any]) -> Iterator[Reason]:
    """What one probe says about a model, where it found its effect or made sure there is none."""
    for rule in rules()["measured"]:
        state = _state(probe)
        if rule["probe"] == probe["name"] and (points := _points(entry, rule.get(state, {}))):
            yield Reason(points, probe["sentence"], f"measured here: {probe['name']}", True)


def _state(probe: Mapping[str, Any]) -> str:
    if probe["skipped"] is not None:
        return "skipped"
    if probe["found"]:
        return "found"
    if probe.get("refuted"):
        return "refuted"
    sure = probe["high"] < TELLING and "undecided" not in probe["sentence"]
    return "refuted" if sure else "undecided"


def _points(entry: registry.Entry, points: Mapping[str, float]) -> float:
    return points.get(entry.name, points.get(entry.family, 0))


def _speaking(case: Case) -> list[Mapping[str, Any]]:
    return [rule for rule in rules()["rules"] if _holds(rule["when"], case)]


def _holds(when: Mapping[str, Any], case: Case) -> bool:
    bounds = [(when.get(name, (0, math.inf)), getattr(case, name)) for name in ("examples", "steps")]
    return case.kind in when.get("kinds", [case.kind]) and all(low <= n < high for (low, high), n in bounds)


def _is_yardstick(name: str) -> bool:
    return registry.entry(name).family in ("baseline", "control")


def _confidence(reasons: Sequence[Reason]) -> str:
    """High where a measurement speaks for the model, medium where a rule does, else low."""
    if any(reason.measured and reason.points > 0 for reason in reasons):
        return "high"
    return "medium" if any(reason.points > 0 for reason in reasons) else "low"
