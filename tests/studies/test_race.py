"""Who is still compared: constants in one repetition, who is out of reach in no more rounds."""

from types import SimpleNamespace

import numpy as np
import pytest

from bicameral.studies.record.ledger import Ledger
from bicameral.studies.record.outcomes import Outcomes
from bicameral.studies.record.plan import Plan
from bicameral.studies.run import race
from bicameral.studies.run.study import Study
from bicameral.tasks import Classify

TASK = Classify(classes=("a", "b"))
FOLDS, JUDGED = 4, 100


def raced(folder, accuracies, *, rounds=4, **changes) -> Study:
    """A study in a budget of time whose models were right on such shares of the examples."""
    roles = {name: "baseline" if name in ("mlp", "majority") else "candidate" for name in accuracies}
    study = object.__new__(Study)  # without data: nothing is trained here
    fields = {"source": "nowhere", "models": tuple(accuracies), "roles": roles, **changes}
    study.plan, study.folder = Plan(**fields), folder
    study.ledger, study.problem = Ledger(folder / "ledger.jsonl"), SimpleNamespace(folds=FOLDS)
    study.elapsed = lambda: 1.0
    study.log("schedule", "", {"trial_steps": None, "trial_seconds": 1.0, "left_out": [], "rounds": 12})
    for name in accuracies:
        size = "default" if name == "majority" else "small"
        study.log("calibration", f"{name}/{size}", {"step_seconds": 0.0 if name == "majority" else 0.1})
    for number in range(rounds):
        for name, accuracy in accuracies.items():
            fit(study, name, number, accuracy)
    return study


def fit(study, name, number, accuracy) -> None:
    rng = np.random.default_rng([number, len(name)])
    rows = np.arange(JUDGED) + number % FOLDS * JUDGED
    correct = (rng.random(JUDGED) < accuracy).astype(float)
    kept = Outcomes(task=TASK, rows=rows, units=rows, statistics={"correct": correct})
    place = study.folder / "outcomes" / f"replicate-{name}-{number}.npz"
    line = {"stage": "replicate", "model": name, "replicate": number, "status": "ok", "score": kept.score()}
    study.log("trial", f"replicate/{name}/{number}", line | {"outcomes": kept.save(place)})


def test_who_is_out_of_reach_is_left_behind_and_who_is_close_goes_on(tmp_path):
    study = raced(tmp_path, {"gru": 0.95, "lenet5": 0.94, "mlp": 0.3})
    race.leave_behind(study, 4)
    assert race.alive(study, 4) == ["gru", "lenet5"]
    assert race.alive(study, 3) == ["gru", "lenet5", "mlp"]
    assert [(line["model"], line["after"]) for line in study.ledger.all("left_behind")] == [("mlp", 4)]


def test_a_look_is_taken_once(tmp_path):
    study = raced(tmp_path, {"gru": 0.95, "mlp": 0.3})
    race.leave_behind(study, 4)
    race.leave_behind(study, 4)
    assert len(study.ledger.all("look")) == len(study.ledger.all("left_behind")) == 1


def test_two_fits_leave_nobody_behind(tmp_path):
    study = raced(tmp_path, {"gru": 0.95, "mlp": 0.3}, rounds=2)
    race.leave_behind(study, 2)
    assert race.alive(study, 2) == ["gru", "mlp"]


def test_constants_take_part_in_one_repetition(tmp_path):
    study = raced(tmp_path, {"gru": 0.9, "mlp": 0.88, "majority": 0.5}, rounds=1)
    assert race.alive(study, FOLDS - 1) == ["gru", "mlp", "majority"]
    assert race.alive(study, FOLDS) == ["gru", "mlp"]


def test_a_budget_in_steps_runs_every_model_alike(tmp_path):
    budget = {"budget_seconds": None, "trial_steps": 10}
    study = raced(tmp_path, {"gru": 0.95, "mlp": 0.3, "majority": 0.1}, **budget)
    race.leave_behind(study, 4)
    assert race.alive(study, 6) == ["gru", "mlp", "majority"]


@pytest.mark.slow
def test_equal_models_are_seldom_left_behind(tmp_path):
    wrong = 0
    for seed in range(60):
        place = tmp_path / str(seed)
        place.mkdir()
        study = raced(place, {"gru": 0.0, "mlp": 0.0}, rounds=0)
        rng = np.random.default_rng(seed)
        for done in range(0, 12, 3):
            for number in range(done, done + 3):
                for name in ("gru", "mlp"):
                    fit_with(study, name, number, rng)
            race.leave_behind(study, done + 3)
        wrong += bool(study.ledger.all("left_behind"))
    assert wrong <= 6  # 5 % are allowed: 3 of 60


def fit_with(study, name, number, rng) -> None:
    rows = np.arange(JUDGED) + number % FOLDS * JUDGED
    correct = (rng.random(JUDGED) < 0.8).astype(float)
    kept = Outcomes(task=TASK, rows=rows, units=rows, statistics={"correct": correct})
    place = study.folder / "outcomes" / f"replicate-{name}-{number}.npz"
    line = {"stage": "replicate", "model": name, "replicate": number, "status": "ok", "score": kept.score()}
    study.log("trial", f"replicate/{name}/{number}", line | {"outcomes": kept.save(place)})
