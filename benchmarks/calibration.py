"""Is 95 % 95 %? Every way of judging two models, on data whose truth is known.

Cheap learners are fitted in many small studies drawn from one world; the truth is the mean score of all fits
of a learner on examples that nobody trained on. Each study has six fits: the folds of one partition, as a
study makes them today, and for the rule that was used before, six random quarters.

    python benchmarks/calibration.py [--studies 40] [--worlds gaussian,mnist] [--mnist /path/to/mnist]
"""

import argparse
import gzip
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy import stats

from bicameral.inference.crossed import Estimate
from bicameral.studies.judge import inference, racing
from bicameral.studies.judge.evidence import Answers, Scores

FOLDS, FITS = 6, 6
WRONG = ("false better", "false equal", "decided")
RESULT = Path(__file__).parent / "results" / "calibration.md"
Learner = Callable[..., Callable[[np.ndarray], np.ndarray]]  # (X, Y, rng) -> X -> outputs (n, k)


# Learners: each takes inputs (n, d) and targets (n, k), and returns what answers.
def ridge(penalty: float) -> Learner:
    def fit(x, y, rng):  # noqa: ARG001
        inputs, center = np.c_[x, np.ones(len(x))], y.mean(0)
        weights = np.linalg.solve(
            inputs.T @ inputs + penalty * np.eye(inputs.shape[1]), inputs.T @ (y - center)
        )
        return lambda z: np.c_[z, np.ones(len(z))] @ weights + center

    return fit


def random_features(width: int, penalty: float, luck: float = 0.0) -> Learner:
    """ReLU features drawn anew for each fit; `luck`: the penalty too, as by tuning that shows nothing."""

    def fit(x, y, rng):
        weights, bias = (
            rng.standard_normal((x.shape[1], width)) / np.sqrt(x.shape[1]),
            rng.standard_normal(width),
        )

        def features(z):
            return np.maximum(z @ weights + 0.3 * bias, 0)

        head = ridge(penalty * 10 ** (luck * rng.standard_normal()))(features(x), y, rng)
        return lambda z: head(features(z))

    return fit


def descent(steps: int, rate: float) -> Learner:
    """Least squares by a few noisy steps from a random start: far from trained."""

    def fit(x, y, rng):
        weights, center = 0.3 * rng.standard_normal((x.shape[1], y.shape[1])), y.mean(0)
        for _ in range(steps):
            rows = rng.integers(len(x), size=16)
            weights -= rate / len(rows) * x[rows].T @ (x[rows] @ weights + center - y[rows])
        return lambda z: z @ weights + center

    return fit


LEARNERS: Mapping[str, Learner] = {
    "ridge": ridge(1.0),
    "nearly ridge": ridge(3.0),
    "stiff ridge": ridge(100.0),
    "features": random_features(60, 1.0),
    "features again": random_features(60, 1.0),
    "tuned by luck": random_features(60, 10.0, luck=2.0),
    "barely trained": descent(20, 0.02),
}


# Worlds: each draws inputs, targets (n, k) and units (n,).
@dataclass(frozen=True)
class World:
    draw: Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray, np.ndarray]]
    size: int
    metric: str = "accuracy"
    rope: float = 0.01
    in_order: bool = False  # whether folds are stretches of time


def gaussian(rng, num, groups=0, share=None, classes=4):
    """Gaussian classes; with groups, each has a shift of its own, as a speaker has."""
    centers = 0.45 * np.random.default_rng(5).standard_normal((classes, 20))
    y = rng.choice(classes, size=num, p=share)
    x, units = centers[y] + rng.standard_normal((num, 20)), np.arange(num)
    if groups:
        units = rng.integers(groups, size=num)
        x += rng.standard_normal((groups, 20))[units]
    return np.c_[x, np.sin(2 * x)], np.eye(classes)[y], units


def regression(rng, num):
    """A bent surface under noise with heavy tails."""
    x = rng.standard_normal((num, 12))
    y = x[:, 0] + np.abs(x[:, 1]) + 0.5 * x[:, 2] * x[:, 3] + rng.standard_t(4, num)
    return np.c_[x, x**2], y[:, None], np.arange(num)


def blocks(rng, num, length=30):
    """A series whose noise lasts for some steps, judged in blocks of time."""
    x, noise = rng.standard_normal((num, 10)), rng.standard_normal(num)
    for t in range(1, num):
        x[t] = 0.8 * x[t - 1] + 0.6 * x[t]
        noise[t] = 0.8 * noise[t - 1] + 0.6 * noise[t]
    y = np.tanh(x[:, 0]) + 0.5 * np.abs(x[:, 1]) + noise
    return np.c_[x, np.abs(x)], y[:, None], np.arange(num) // length


def mnist(folder: Path):
    """Handwritten digits, averaged over two by two pixels."""
    pixels = [_idx(folder / f"{part}-images-idx3-ubyte.gz", 16) for part in ("train", "t10k")]
    labels = np.concatenate([_idx(folder / f"{part}-labels-idx1-ubyte.gz", 8) for part in ("train", "t10k")])
    x = np.concatenate(pixels).reshape(-1, 14, 2, 14, 2).mean((2, 4)).reshape(len(labels), -1) / 255

    def draw(rng, num):
        rows = rng.choice(len(x), num, replace=False)
        return x[rows], np.eye(10)[labels[rows]], np.arange(num)

    return draw


def _idx(path: Path, header: int) -> np.ndarray:
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)


def worlds(mnist_folder: Path) -> Iterator[tuple[str, World]]:
    for num in (200, 600, 1800):
        yield f"gaussian classes, {num:,}", World(gaussian, num)
    yield "12 groups, 600", World(lambda rng, num: gaussian(rng, num, 12 if num < 4000 else 2000), 600)
    yield "30 groups, 600", World(lambda rng, num: gaussian(rng, num, 30 if num < 4000 else 2000), 600)
    yield "regression, R², 600", World(regression, 600, "r2", 0.02)
    yield "series in blocks, squared error, 1,500", World(blocks, 1500, "mse", 0.02, in_order=True)
    yield "a rare class, AUROC, 600", World(partial(gaussian, share=[0.85, 0.15], classes=2), 600, "auroc")
    yield "gaussian classes, macro F1, 600", World(gaussian, 600, "macro_f1")
    if (mnist_folder / "train-images-idx3-ubyte.gz").is_file():
        yield "MNIST, 1,000", World(mnist(mnist_folder), 1000)
    else:
        print(f"MNIST is left out: no train-images-idx3-ubyte.gz in {mnist_folder}")


@dataclass(frozen=True)
class Kept:
    """What the examples of one fit got, as a study keeps it."""

    metric: str
    output: np.ndarray
    truth: np.ndarray
    rows: np.ndarray
    units: np.ndarray

    @property
    def task(self) -> Any:
        bounded = self.metric in ("accuracy", "auroc", "macro_f1")
        return SimpleNamespace(headline=SimpleNamespace(percent=bounded))

    def per_example(self) -> np.ndarray:
        if self.metric in ("mse", "r2"):
            return -np.square(self.output - self.truth).mean(1)
        return (self.output.argmax(1) == self.truth.argmax(1)).astype(float)

    def score(self) -> float:
        return SCORES[self.metric](self)

    def take(self, places: np.ndarray) -> "Kept":
        return Kept(
            self.metric, self.output[places], self.truth[places], self.rows[places], self.units[places]
        )


def _auroc(kept: Kept) -> float:
    positive = kept.truth[:, 1] > 0
    ranks, num = stats.rankdata(kept.output[:, 1] - kept.output[:, 0]), positive.sum()
    return float((ranks[positive].sum() - num * (num + 1) / 2) / (num * (len(ranks) - num)))


def _macro_f1(kept: Kept) -> float:
    answered, true = np.eye(kept.truth.shape[1])[kept.output.argmax(1)], kept.truth
    return float(np.mean(2 * (answered * true).sum(0) / np.maximum((answered + true).sum(0), 1)))


def _r2(kept: Kept) -> float:
    spread = np.square(kept.truth - kept.truth.mean(0)).sum()
    return float(1 - np.square(kept.output - kept.truth).sum() / spread)


SCORES: Mapping[str, Callable[[Kept], float]] = {
    "accuracy": lambda kept: float(kept.per_example().mean()),
    "mse": lambda kept: float(kept.per_example().mean()),
    "auroc": _auroc,
    "macro_f1": _macro_f1,
    "r2": _r2,
}


# Studies
def folds(rng, units, world, num_fits):
    """Partitions in six, repeated; a fifth of what is not judged is for inner validation."""
    names = np.unique(units)
    for fit in range(num_fits):
        if fit % FOLDS == 0:
            order = (
                np.arange(len(names)) * FOLDS // len(names)
                if world.in_order
                else rng.permutation(len(names)) % FOLDS
            )
        judged = np.isin(units, names[order == fit % FOLDS])
        yield np.flatnonzero(~judged & (rng.random(len(units)) < 0.8)), np.flatnonzero(judged)


def redraws(rng, units, world, num_fits):  # noqa: ARG001
    """60 % to train, 15 % for inner validation and 25 % to judge, drawn anew."""
    names = np.unique(units)
    for _ in range(num_fits):
        shuffled = rng.permutation(names)
        judged = np.isin(units, shuffled[: round(0.25 * len(names))])
        train = np.isin(units, shuffled[round(0.4 * len(names)) :])
        yield np.flatnonzero(train), np.flatnonzero(judged)


def study(world: World, seed: list[int], design: Callable, unseen: tuple, num_fits: int):
    """Return what each model's examples got, and each model's mean score on unseen examples."""
    rng = np.random.default_rng(seed)
    x, y, units = world.draw(rng, world.size)
    kept: dict[str, dict[int, Kept]] = defaultdict(dict)
    true = defaultdict(list)
    for number, (train, judged) in enumerate(design(rng, units, world, num_fits)):
        for place, (name, learner) in enumerate(LEARNERS.items()):
            answer = learner(x[train], y[train], np.random.default_rng([*seed, number, place]))
            kept[name][number] = Kept(world.metric, answer(x[judged]), y[judged], judged, units[judged])
            true[name].append(Kept(world.metric, answer(unseen[0]), unseen[1], judged, judged).score())
    return kept, {name: float(np.mean(scores)) for name, scores in true.items()}


def examples_alone(answers: Answers, a: str, b: str) -> Estimate:
    """The central limit theorem of cross-validation (Bayle and others 2020): no part for the fits."""
    cells = answers._between(a, b)
    part = (cells.sums.sum(0) - cells.weights.sum(0) * cells.mean) / cells.weights.sum()
    return Estimate(cells.mean, float(np.sqrt(np.square(part).sum())) + 1e-12, 1e6)


def widened(factor: float):
    return lambda answers, a, b: inference.estimate(answers._between(a, b), widening=factor)


CANDIDATES = {
    "examples alone (CV-CLT)": examples_alone,
    "crossed, as chosen": lambda answers, a, b: answers.difference(a, b),
    "crossed, examples x 1": widened(1.0),
    "crossed, examples x 1.5": widened(1.5),
}


def judgements(world: World, number: int, num_studies: int):
    """Yield method, pair, estimate and truth."""
    unseen = world.draw(np.random.default_rng(99), 4000)
    for design in (redraws, folds):
        found = [study(world, [number, place], design, unseen, FITS) for place in range(num_studies)]
        truth = {name: np.mean([true[name] for _, true in found]) for name in LEARNERS}
        for kept, _ in found:
            scores = {name: np.array([one.score() for one in fits.values()]) for name, fits in kept.items()}
            ways = {"means of folds, corrected t": Scores(scores, 1 / (FOLDS - 1)).difference}
            if design is redraws:
                ways = {"before: six quarters, corrected t": Scores(scores, 25 / 60).difference}
            else:
                answers = Answers(kept)  # pyright: ignore[reportArgumentType]
                ways["means of folds, plain t"] = Scores(scores, 0.0).difference
                ways |= {way: _bound(judge, answers) for way, judge in CANDIDATES.items()}
            for way, judge in ways.items():
                for a, b in combinations(LEARNERS, 2):
                    yield way, (a, b), judge(a, b), truth[a] - truth[b]


def _bound(judge: Callable, answers: Answers) -> Callable[[str, str], Estimate]:
    return lambda a, b: judge(answers, a, b)


def outcome(one: Estimate, true: float, rope: float) -> tuple[float, ...]:
    """Covered, half width, false better or worse, false equal, decided."""
    low, high = one.interval()
    worse, equal, better = (chance >= 0.95 for chance in one.chances(rope))
    wrong = (better and true <= 0) or (worse and true >= 0)
    return low <= true <= high, (high - low) / 2, wrong, equal and abs(true) > rope, worse or equal or better


def race(world: World, num_studies: int, number: int) -> str:
    """Compare one look at twelve fits with looks after every second fit, at which some are left behind."""
    unseen, planned = world.draw(np.random.default_rng(99), 4000), 12
    found = [study(world, [number, place], folds, unseen, planned) for place in range(num_studies)]
    truth = {name: np.mean([true[name] for _, true in found]) for name in LEARNERS}
    rows = defaultdict(list)
    for kept, _ in found:
        raced, fits = _raced(kept, planned)
        for how, outcomes, spent in (("one look", kept, planned * len(kept)), ("racing", raced, fits)):
            answers = Answers(outcomes)  # pyright: ignore[reportArgumentType]
            for a, b in combinations(LEARNERS, 2):
                one = answers.difference(a, b)
                rows[how].append((*outcome(one, truth[a] - truth[b], world.rope), spent))
    return "\n".join(
        f"| {how} | {_shares(np.array(found, float))} | {np.mean([row[5] for row in found]):.0f} |"
        for how, found in rows.items()
    )


def _raced(kept, planned: int):
    alive, before, left = list(kept), 0, dict.fromkeys(kept, planned)
    for done in range(4, planned, 2):
        answers = Answers({name: {fit: kept[name][fit] for fit in range(done)} for name in alive})
        for name in racing.out_of_reach(answers, done=done, planned=planned, before=before):
            left[name] = done
            alive.remove(name)
        before = done
    raced = {name: {fit: kept[name][fit] for fit in range(left[name])} for name in kept}
    return raced, sum(left.values())


def _shares(rows: np.ndarray) -> str:
    coverage, _, better, equal, decided = 100 * rows[:, :5].mean(0)
    return f"{coverage:.1f} % | {better:.2f} % | {equal:.2f} % | {decided:.0f} %"


def _head(columns: Sequence[str]) -> list[str]:
    return [_line(*columns), "|---" * len(columns) + "|"]


def _line(*fields: str) -> str:
    return f"| {' | '.join(fields)} |"


def table(name: str, world: World, number: int, num_studies: int) -> str:
    rows, widths = defaultdict(lambda: defaultdict(list)), {}
    for way, pair, one, true in judgements(world, number, num_studies):
        rows[way][pair].append(outcome(one, true, world.rope))
    lines = [
        f"\n### {name}\n",
        *_head(COLUMNS),
    ]
    for way, pairs in rows.items():
        found = {pair: np.array(values, float) for pair, values in pairs.items()}
        widths[way] = np.array([np.median(values[:, 1]) for values in found.values()])
        widths_before = widths["before: six quarters, corrected t"]
        before = np.median((widths[way] / np.maximum(widths_before, 1e-12))[widths_before > 0])
        half = np.median(widths[way])
        coverage, *rest = _shares(np.concatenate(list(found.values()))).split(" | ")
        lowest = min(values[:, 0].mean() for values in found.values())
        lines.append(_line(way, coverage, f"{100 * lowest:.0f} %", f"{half:.4f}", f"{before:.2f}", *rest))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=40)
    parser.add_argument("--worlds", default="", help="only those whose name contains one of these words")
    parser.add_argument("--mnist", type=Path, default=Path(os.environ.get("BICAMERAL_MNIST", "mnist")))
    asked = parser.parse_args()
    wanted, begun = asked.worlds.split(","), time.process_time()
    text = [f"# How true the verdicts are\n\n{HEAD.format(studies=asked.studies)}"]
    for number, (name, world) in enumerate(worlds(asked.mnist)):
        if any(word in name for word in wanted):
            text.append(table(name, world, number, asked.studies))
            print(text[-1], f"\n{time.process_time() - begun:.0f} s of processor time", flush=True)
    text.append("\n".join(["\n## Looking often\n", *_head(RACE)]))
    text.append(race(World(gaussian, 600), asked.studies, 100))
    print(text[-1], f"\n{time.process_time() - begun:.0f} s of processor time")
    RESULT.write_text("\n".join(text) + "\n", encoding="utf-8")


HEAD = """Made by `python benchmarks/calibration.py --studies {studies}`: {studies} studies a world, six fits
of seven cheap learners, 21 pairs. Truth: the mean score of a learner's fits on 4,000 unseen examples. "False
better": said better (or worse) where the truth is nothing or the reverse; "false equal": said practically
equal where the truth is more than the margin; shares of all judgements, at 95 % for each pair alone. "Of
before": the median over pairs of the half width, over that of the rule used before. Coverage aims at 93.5 to
97.5 %."""
COLUMNS = ("judged by", "coverage", "lowest of a pair", "half width", "of before", *WRONG)
RACE = ("looks", "coverage", *WRONG, "fits of all models")


if __name__ == "__main__":
    main()
