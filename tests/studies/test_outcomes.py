"""What each example got: kept beside the ledger, read back exactly, refused when changed."""

import json

import numpy as np
import pytest
import torch

from bicameral.errors import StudyError
from bicameral.studies.compare import compare
from bicameral.studies.record.outcomes import Outcomes, read_outcomes, rounded
from bicameral.tasks import Classify, Forecast, Regress

CLASSES = tuple("abc")
MANY = tuple(f"c{number}" for number in range(100))
TASKS = [
    (Classify(classes=CLASSES), (3,)),
    (Classify(classes=CLASSES, metric="auroc"), (3,)),
    (Classify(classes=MANY), (100,)),
    (Classify(classes=MANY, metric="auroc"), (100,)),
    (Regress(columns=("y",), mean=(5e4,), deviation=(0.1,)), (1,)),
    (Forecast(lookback=4, horizon=2, columns=("x",), channels=(0,), mean=(0.0,), deviation=(1.0,)), (2, 1)),
]


def made(task, shape, count=120) -> Outcomes:
    generator = torch.Generator().manual_seed(0)
    output = torch.randn(count, *shape, generator=generator)
    if task.name == "classify":
        y = torch.arange(count) % len(task.classes)
    else:
        y = torch.randn(count, *shape, generator=generator) * task.deviation[0] + task.mean[0]
    rows = np.arange(count) * 3
    return Outcomes(task=task, rows=rows, units=rows // 9, statistics=rounded(task.statistics(output, y)))


@pytest.mark.parametrize(("task", "shape"), TASKS)
def test_what_is_read_gives_the_numbers_of_what_was_kept(tmp_path, task, shape):
    kept = made(task, shape)
    line = {"key": "replicate/gru/0", "outcomes": kept.save(tmp_path / "outcomes" / "replicate-gru-0.npz")}
    found = read_outcomes(tmp_path, line)
    assert found.task == task
    assert found.score() == kept.score()
    assert found.metrics().items() <= kept.metrics().items()
    assert (found.rows == kept.rows).all()
    assert (found.units == kept.units).all()
    assert (found.per_example() == kept.per_example()).all()


@pytest.mark.parametrize(("task", "shape"), TASKS)
def test_rounding_changes_no_metric_that_anybody_reads(task, shape):
    generator = torch.Generator().manual_seed(0)
    output = torch.randn(120, *shape, generator=generator)
    y = torch.arange(120) % len(task.classes) if task.name == "classify" else output + 1e-3
    statistics = task.statistics(output, y)
    assert task.score_from(rounded(statistics)) == pytest.approx(task.score_from(statistics), rel=1e-5)


def test_the_file_is_small(tmp_path):
    place = tmp_path / "outcomes" / "one.npz"
    made(Classify(classes=MANY), (100,), count=1000).save(place)
    assert place.stat().st_size < 30_000


def test_the_mean_of_the_examples_is_the_score():
    kept = made(*TASKS[0])
    assert kept.per_example().mean() == pytest.approx(kept.score())
    assert kept.take(np.array([0, 0, 1])).rows.tolist() == [0, 0, 3]


def test_a_changed_file_is_refused(tmp_path):
    line = {"key": "replicate/gru/0", "outcomes": made(*TASKS[0]).save(tmp_path / "outcomes" / "one.npz")}
    made(*TASKS[0], count=60).save(tmp_path / "outcomes" / "one.npz")
    with pytest.raises(StudyError, match=r"one\.npz was changed"):
        read_outcomes(tmp_path, line)
    (tmp_path / "outcomes" / "one.npz").unlink()
    with pytest.raises(StudyError, match=r"one\.npz is missing"):
        read_outcomes(tmp_path, line)


def test_a_trial_without_outcomes_says_why(tmp_path):
    with pytest.raises(StudyError, match="older version"):
        read_outcomes(tmp_path, {"key": "replicate/gru/0"})


def test_every_judged_trial_of_a_study_keeps_its_outcomes(tmp_path):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 90)
    x = rng.normal(size=(90, 6, 2)).astype(np.float32) + y[:, None, None]
    study = compare(
        (x, y),
        folder=tmp_path,
        budget="4steps",
        models=["gru", "mlp"],
        replicates=2,
        settings=1,
        probe_seconds=0,
    )
    judged = [line for line in study.ledger.all("trial") if line["stage"] != "tune"]
    assert len(judged) == 6
    for line in judged:
        found = read_outcomes(study.folder, line)
        assert found.metrics() == pytest.approx(line["metrics"], rel=1e-12)
        assert found.score() == line["score"]
        assert len(found.rows) == line["num_judged"]
        assert json.loads(json.dumps(line["outcomes"])) == line["outcomes"]
