"""Data made to have one structure and lack another: every probe must find the one and not the other."""

import json
import time

import numpy as np
import pytest
import torch

from bicameral.data.dataset import Dataset
from bicameral.errors import ConfigError
from bicameral.probes import PROBES, locality, memory, order, probe, translation
from bicameral.probes.bench import Bench
from bicameral.probes.finding import Effect, Probe, interval, verdict
from bicameral.probes.gradient import _aligned
from bicameral.probes.material import materials
from bicameral.probes.shuffles import fixed_steps, fresh_steps, neighbourhood, shifted
from bicameral.problems.problem import Problem

RANDOM = np.random.default_rng(0)


def labelled(kind, items, targets, **facts):
    return Dataset(name=kind, kind=kind, items=list(items), targets=targets, classes=("a", "b"), **facts)


def bars(count=600, side=12):
    """Little bars at random places, all lying or all standing: only neighbourhoods tell."""
    random = np.random.default_rng(1)
    labels = random.integers(0, 2, count)
    pictures = 0.2 * random.normal(size=(count, side, side))
    for picture in pictures:
        for row, column in random.integers(0, side - 2, (5, 2)):
            picture[row, column : column + 3] += 1
    pictures = np.where(labels[:, None, None] == 0, pictures, pictures.transpose(0, 2, 1))
    return labelled("image", pictures[:, None].astype(np.float32), labels)


def brightness(count=240, side=12):
    """Bright or dark: no neighbourhood says more than any set of pixels."""
    random = np.random.default_rng(2)
    labels = random.integers(0, 2, count)
    pictures = random.normal(size=(count, 1, side, side)) + labels[:, None, None, None]
    return labelled("image", pictures.astype(np.float32), labels)


def doublets(count=400, steps=12):
    """Ups followed at once by downs, or the other way round: only the order tells, two steps are enough."""
    random = np.random.default_rng(3)
    labels = random.integers(0, 2, count)
    series = 0.1 * random.normal(size=(count, steps))
    for row, label in enumerate(labels):
        for start in 2 * random.permutation(steps // 2)[:3]:
            series[row, start : start + 2] += (1, -1) if label else (-1, 1)
    return labelled("series", series[..., None].astype(np.float32), labels)


def level(count=240, steps=8):
    """High or low: order says nothing."""
    random = np.random.default_rng(4)
    labels = random.integers(0, 2, count)
    series = random.normal(size=(count, steps, 1)) + labels[:, None, None]
    return labelled("series", series.astype(np.float32), labels)


def alone(kind, dataset, *, steps, replicates=3):
    """What one probe finds, with none of the others trained."""
    bench = Bench(materials(dataset, seed=0), steps=steps, seed=0)
    for _ in range(replicates):
        bench.replicate(kind.arms(bench.material))
    return kind.measure(bench)


@pytest.fixture(scope="module")
def ordered():
    data = doublets()
    return {"order": alone(order, data, steps=90), "memory": alone(memory, data, steps=90)}


@pytest.fixture(scope="module")
def unordered():
    data = level()
    return {"order": alone(order, data, steps=60), "memory": alone(memory, data, steps=60)}


def test_locality_of_bars():
    found = alone(locality, bars(), steps=100)
    assert found.found, found
    assert "neighbourhoods matter" in found.sentence
    assert found.control is not None
    assert abs(found.control["effect"]) < found.effect / 2
    assert found.statistic is not None
    assert found.statistic["value"] > 0.1 + abs(found.statistic["null"])


def test_no_locality_in_brightness():
    found = alone(locality, brightness(), steps=60)
    assert not found.found
    assert "matter" not in found.sentence
    assert abs(found.statistic["value"] - found.statistic["null"]) < 0.1


def quadrant(count=400, side=12):
    """A blob, whose half is the class: the place is all there is."""
    random = np.random.default_rng(5)
    centres = random.integers(1, side - 1, (count, 2))
    pictures = 0.1 * random.normal(size=(count, 1, side, side))
    for picture, (row, column) in zip(pictures, centres, strict=True):
        picture[0, row - 1 : row + 2, column - 1 : column + 2] += 1
    labels = (centres[:, 0] >= side // 2).astype(int)
    return labelled("image", pictures.astype(np.float32), labels)


def test_position_can_refute_translation():
    found = alone(translation, quadrant(), steps=100)
    assert found.refuted
    assert not found.found
    assert "position matters" in found.sentence


def test_bars_may_lie_anywhere():
    found = alone(translation, bars(), steps=100)
    assert not found.refuted, found


def lagged(lag, count=400, steps=24):
    """Whether a value is repeated `lag` steps later or turned over: exactly lag + 1 steps must meet."""
    random = np.random.default_rng(6)
    labels = random.integers(0, 2, count)
    series = random.choice([-1.0, 1.0], (count, steps + lag))
    for at in range(lag, steps + lag):
        keep = random.random(count) < 0.9
        series[keep, at] = np.where(labels[keep] == 1, 1, -1) * series[keep, at - lag]
    return labelled("series", series[:, lag:, None].astype(np.float32), labels)


@pytest.mark.parametrize("needed", [2, 5])
def test_memory_is_measured_in_steps(needed):
    found = alone(memory, lagged(needed - 1), steps=120)
    assert found.found
    assert found.control["low"] <= needed <= found.control["high"], found
    assert needed / 1.5 <= found.control["effect"] <= 1.5 * needed


def test_no_sealed_row_is_probed():
    items = np.arange(600, dtype=np.float32)[:, None, None] * np.ones((1, 4, 1), np.float32)
    dataset = labelled("series", items, np.arange(600) % 2)
    problem = Problem(dataset, most=100)
    draw = problem.draw(0)
    used = {int(row) for part in (draw.train, draw.val, draw.judged) for row in part.index}
    assert len(used) == 100
    assert not used & set(map(int, Problem(dataset).test))


def test_order_of_doublets(ordered):
    assert ordered["order"].found
    assert "order matters" in ordered["order"].sentence
    assert ordered["order"].control["effect"] == pytest.approx(0, abs=1)


def test_memory_of_doublets(ordered):
    assert ordered["memory"].found
    assert 2 <= ordered["memory"].control["low"] <= 6, "two steps tell"


def test_no_order_and_no_memory_in_a_level(unordered):
    for name in ("order", "memory"):
        assert not unordered[name].found, unordered[name]
    assert unordered["memory"].control["low"] == 1
    assert "recurrence has no claim from order" in unordered["order"].sentence


def test_the_steps_fix_the_numbers():
    assert probe(level(), steps=3, replicates=2) == probe(level(), steps=3, replicates=2)


def windows(count=300):
    wave = np.sin(np.arange(count) / 5)[:, None].astype(np.float32)
    return Dataset(
        name="wave", kind="series", items=[wave], ids=["wave"], columns=("x",), target_columns=("x",)
    )


def clips():
    items = RANDOM.integers(0, 255, (30, 5, 1, 16, 16)).astype(np.uint8)
    return labelled("clip", items, np.arange(30) % 2, rate=8.0)


def sounds():
    items = [RANDOM.normal(size=2000 + 200 * row).astype(np.float32) for row in range(30)]
    return labelled("sound", items, np.arange(30) % 2, rate=8000.0)


def texts():
    items = [" ".join(RANDOM.choice(list("abcdefgh"), 4 + row % 9)) for row in range(30)]
    return labelled("text", items, np.arange(30) % 2)


def regression():
    items = RANDOM.normal(size=(30, 12, 2)).astype(np.float32)
    return Dataset(name="r", kind="series", items=list(items), targets=items.mean((1, 2)))


def several_labels():
    targets = RANDOM.integers(0, 2, (30, 3)).astype(np.uint8)
    items = RANDOM.normal(size=(30, 1, 8, 8)).astype(np.float32)
    return Dataset(name="m", kind="image", items=list(items), targets=targets, classes=("a", "b", "c"))


@pytest.mark.parametrize("make", [bars, clips, sounds, texts, regression, windows, several_labels])
def test_every_kind_gets_every_probe_or_a_reason(make):
    found = probe(make(), steps=2, replicates=2)
    assert [one.name for one in found] == list(PROBES)
    for one in found:
        told = json.loads(json.dumps(one.to_dict(), allow_nan=False))
        assert bool(told["skipped"]) != bool(told["sentence"])
        assert told["skipped"] or told["low"] <= told["effect"] <= told["high"]


def test_too_little_time_is_said_and_kept():
    started = time.perf_counter()
    found = probe(doublets(), seconds=0.5)
    assert time.perf_counter() - started < 10
    assert all("does not fit" in one.skipped for one in found if one.skipped)
    assert found[-1].skipped, "the last of the table falls away first"


def test_senseless_settings():
    with pytest.raises(ConfigError, match="seconds > 0"):
        probe(level(), seconds=0)
    with pytest.raises(ConfigError, match="replicates >= 2"):
        probe(level(), replicates=1)


def test_shuffles_keep_the_values_and_the_padding():
    x = torch.arange(24.0).reshape(2, 6, 2)
    lengths = torch.tensor([6, 3])
    for shuffle in (fixed_steps, fresh_steps):
        y = shuffle(x, lengths, torch.Generator().manual_seed(0))
        assert torch.equal(y[1, 3:], x[1, 3:])
        assert torch.equal(y.sort(1).values, x)
        assert not torch.equal(y, x)


def test_one_permutation_for_all_examples():
    x = torch.arange(36.0).expand(3, 36).reshape(3, 1, 6, 6)
    y = neighbourhood("image")(x, None, torch.Generator().manual_seed(0))
    assert torch.equal(y[0], y[2])
    assert torch.equal(y.flatten(1).sort().values, x.flatten(1))


def test_shifts_repeat_the_edge():
    x = torch.arange(4.0).reshape(1, 1, 1, 4)
    assert shifted(x, "image", (0, 1)).flatten().tolist() == [0, 0, 1, 2]
    assert shifted(x.reshape(1, 4, 1), "series", (-1, 0)).flatten().tolist() == [1, 2, 3, 3]


def test_gradients_are_counted_from_each_rows_own_end():
    norms = torch.tensor([[1.0, 2.0, 3.0], [5.0, 7.0, 99.0]])
    assert _aligned(norms, torch.tensor([3, 2])).tolist() == [5.0, 3.5, 0.5]


def test_students_interval():
    """Oracle: t(0.975, 2) = 4.3027 times the standard error of 1, 2, 3."""
    effect = interval([1.0, 2.0, 3.0])
    assert effect == pytest.approx((2.0, 2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), abs=1e-3)


def test_verdicts():
    nothing = Effect(0.0, -1.0, 1.0)
    say = {"yes": "yes", "no": "no"}
    assert verdict(Effect(9.0, 5.0, 13.0), nothing, True, **say) == "yes"
    assert verdict(Effect(0.0, -2.0, 2.0), nothing, True, **say) == "no"
    assert "undecided" in verdict(Effect(9.0, -5.0, 23.0), nothing, True, **say)
    assert "guessing" in verdict(nothing, nothing, False, **say)
    assert not Probe(name="x", skipped="no time").found
