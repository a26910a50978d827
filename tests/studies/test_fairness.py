"""A slow but sample-efficient model at equal samples and equal FLOPs; amounts are what they are called."""

from typing import Any

import pytest

from bicameral.studies.judge.fairness import views
from bicameral.studies.judge.results import Row, View
from bicameral.studies.judge.trained import Trained


def record(examples: float, curve: list[tuple[int, float]]) -> dict[str, Any]:
    points = [{"step": step, "seconds": 0.1 * step, "score": score} for step, score in curve]
    return {
        "status": "ok",
        "num_train": 50,
        "history": {"epochs": examples / 50, "steps": points[-1]["step"], "val": points},
    }


def row(name: str, mean: float, flops: float, role: str = "candidate") -> Row:
    return Row(
        name=name,
        family="recurrent",
        role=role,
        size="small",
        setting={},
        scores=[mean],
        mean=mean,
        low=None,
        high=None,
        metric_mean=mean,
        verdict=None,
        p_best=None,
        trained=Trained(),
        flops=flops,
    )


ROWS = [row("heavy", 0.90, 100), row("light", 0.80, 10)]
RECORDS = {
    "heavy": [record(100, [(5, 0.70), (10, 0.90)])],
    "light": [record(1000, [(10, 0.40), (50, 0.75), (100, 0.80)])],
}


def by_name(found: list[View]) -> dict[str, float | None]:
    return {one.name: one.score for one in found}


def test_each_view_reads_the_amount_it_names():
    found = views(ROWS, RECORDS)
    assert by_name(found["equal device-seconds"]) == {"heavy": 0.90, "light": 0.80}
    assert by_name(found["equal samples seen"]) == {"heavy": 0.90, "light": 0.40}  # 100 samples each
    assert by_name(found["equal training FLOPs"]) == {
        "heavy": 0.90,
        "light": 0.80,
    }  # 30,000 FLOPs: all of both


def test_who_has_no_validation_by_then_is_not_ranked_nor_credited_with_more():
    found = views(ROWS, RECORDS | {"light": [record(200, [(10, 0.40), (20, 0.75)])]})["equal training FLOPs"]
    assert [(one.name, one.score, one.rank) for one in found] == [("light", 0.75, 1), ("heavy", None, None)]


def test_a_cheap_baseline_does_not_set_the_amount():
    rows = [*ROWS, row("linear", 0.5, 0.1, role="baseline")]
    found = views(rows, RECORDS | {"linear": [record(10, [(1, 0.5)])]})
    assert by_name(found["equal samples seen"])["heavy"] == 0.90


def test_replicates_give_an_interval():
    records = {**RECORDS, "heavy": [record(100, [(10, score)]) for score in (0.88, 0.90, 0.92)]}
    [heavy, _] = views(ROWS, records)["equal samples seen"]
    assert heavy.score == pytest.approx(0.90)
    assert heavy.low == pytest.approx(0.90 - 4.3027 * 0.02 / 3**0.5, abs=1e-4)
