"""Translation: does the trained CNN give the same answer when everything moves a little?"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from sklearn.ensemble import ExtraTreesClassifier
from torch import Tensor

from bicameral.data.dataset import Kind
from bicameral.probes.bench import Arm, Bench, Run, crossed, outputs
from bicameral.probes.finding import TELLING, Probe, control, interval
from bicameral.probes.material import Material, Sample
from bicameral.probes.measures import centredness
from bicameral.probes.shuffles import shifted

CNN, MLP = Arm("cnn"), Arm("mlp")
DISTANCE = 1 / 14  # of a side: two pixels of a handwritten digit


def unfit(material: Material) -> str | None:
    """Texts have no space to move in, and a forecast must move with its input."""
    if material.forecasting:
        return "a forecast has to move with its input"
    return "words are not moved, they are put in another order" if material.kind == "text" else None


def arms(_material: Material) -> tuple[Arm, ...]:
    """What has to be trained."""
    return CNN, MLP


def measure(bench: Bench) -> Probe:
    """Shift consistency (Zhang, arXiv:1904.11486) against the agreement of answers to other examples.

    Answers stay where a move is small against what tells the classes apart, although the place decides. So a
    forest learns from the place alone: where it is as good as the CNN, position matters.
    """
    cnn, mlp = bench.runs(CNN), bench.runs(MLP)
    kind = bench.material.kind
    same, control_same = (interval([_consistency(run, kind) for run in runs]) for runs in (cnn, mlp))
    null = interval(_chance(cnn))
    place = _place_alone(bench, cnn)
    so = "" if place is None else f"; its place alone tells {place.right:.1f} %"
    so += ": position matters" if place and place.decides else ""
    sentence = (
        f"moved by a fourteenth, {same} % of the CNN's answers stay (the MLP's {control_same}; "
        f"any two examples agree in {null.effect:.1f}){so}"
    )
    return Probe(
        name="translation", **same._asdict(), null_low=null.low, null_high=null.high, unit="%",
        sentence=sentence, refuted=place is not None and place.decides,
        control=control("mlp", control_same), statistic=centredness(bench.material),
    )  # fmt: skip


class Place(NamedTuple):
    """What the place of things tells: per cent right, and whether that is as much as the CNN knows."""

    right: float
    decides: bool


def _place_alone(bench: Bench, runs: Sequence[Run]) -> Place | None:
    """Judge a forest that sees where things lie; None where examples have no single class."""
    if bench.material.train.y.ndim != 1 or bench.material.train.y.is_floating_point():
        return None
    right = []
    for replicate in range(len(runs)):
        train, judged = bench.parts(replicate)
        forest = ExtraTreesClassifier(100, random_state=0)
        forest.fit(_places(train, bench.material.kind), train.y.numpy())
        right.append(100.0 * (forest.predict(_places(judged, bench.material.kind)) == judged.y.numpy()))
    parts = [run.judged for run in runs]
    ahead = crossed(parts, [one - run.scores for one, run in zip(right, runs, strict=True)])
    learned = crossed(parts, [one - run.guesses for one, run in zip(right, runs, strict=True)])
    return Place(float(np.mean(np.concatenate(right))), ahead.low > -TELLING and learned.low > 0)


def _places(part: Sample, kind: Kind) -> np.ndarray:
    """Centre of mass and peak of what departs from the mean example: (n, 2 axes), or (n, 2) along time."""
    away = (part.x.float() - part.x.float().mean(0)).square()
    if kind in ("image", "clip"):
        away = away.sum(1) if kind == "image" else away.sum((1, 2))
    else:
        away = away.flatten(2).sum(2)
    flat, found = away.flatten(1), []
    for axis, size in enumerate(away.shape[1:], start=1):
        along = away.sum([other for other in range(1, away.ndim) if other != axis]) if away.ndim > 2 else away
        found += [along @ torch.arange(float(size)) / flat.sum(1).clamp(min=1e-12), along.argmax(1).float()]
    return torch.stack(found, 1).numpy()


def _consistency(run: Run, kind: Kind) -> float:
    x = run.judged.x
    still = outputs(run.net, run.judged)
    sides = (x.shape[-2], x.shape[-1]) if kind in ("image", "clip") else (x.shape[1], 0)
    down, right = (max(1, round(side * DISTANCE)) if side else 0 for side in sides)
    moves = {(down, 0), (-down, 0), (0, right), (0, -right)} - {(0, 0)}
    agreed = [
        _agreement(still, outputs(run.net, run.judged._replace(x=shifted(x, kind, move))))
        for move in sorted(moves)
    ]
    return sum(agreed) / len(agreed)


def _chance(runs: Sequence[Run]) -> list[float]:
    """Agreement with the answer to the next example."""
    answers = [outputs(run.net, run.judged) for run in runs]
    return [_agreement(answer, answer.roll(1, 0)) for answer in answers]


def _agreement(a: Tensor, b: Tensor) -> float:
    """Per cent of equal classes; of numbers, the variance that is kept."""
    if a.ndim == 2 and a.shape[1] > 1:
        return 100 * float((a.argmax(-1) == b.argmax(-1)).float().mean())
    spread = float((a - a.mean(0)).square().mean())
    return 100 * max(0.0, 1 - float((a - b).square().mean()) / max(spread, 1e-12))
