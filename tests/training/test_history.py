"""The record survives JSON, also where numbers are none."""

import json

import pytest

from bicameral.training.history import History, Point, finite, history_from_dict


def test_a_history_survives_strict_json():
    history = History(
        train=[Point(1, 0.5, finite(float("nan")))], val=[Point(1, 0.5, 2.0, 0.25)], best_step=1
    )
    assert history_from_dict(json.loads(json.dumps(history.to_dict(), allow_nan=False))) == history


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (Point(1, 0.0, 9.0, 0.8), Point(2, 0.0, 1.0, 0.7)),
        (Point(1, 0.0, 1.0, 0.7), Point(2, 0.0, 9.0, 0.7)),
        (Point(1, 0.0, 1.0, 0.7), Point(2, 0.0, None, 0.7)),
        (Point(1, 0.0, 9.0, -8.0), Point(2, 0.0, 1.0, None)),
    ],
    ids=["score first", "then loss", "a loss is better than none", "a score is better than none"],
)
def test_merit(better, worse):
    assert better.merit > worse.merit
