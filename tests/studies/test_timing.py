"""Lengths of trials from a ledger written by hand: the plan spends the budget, what is too slow gives way."""

from pathlib import Path

import pytest

from bicameral import registry
from bicameral.errors import StudyError
from bicameral.studies.record.ledger import Ledger
from bicameral.studies.record.plan import Plan
from bicameral.studies.run import timing, tune
from bicameral.studies.run.study import Study

STEP = {"gru": 0.01, "mlp": 0.002, "majority": 0.0}
OTHER = {"gru": 0.1, "mlp": 0.05, "majority": 0.2, "transformer": 0.1}
DRAW = 0.5


def written(path: Path, *, steps=STEP, slowdown=1.0, schedule=None, **changes) -> Study:
    """A study that has timed its models and trained nothing yet."""
    roles = {name: "baseline" if name in ("mlp", "majority") else "candidate" for name in steps}
    fields = {"source": "nowhere", "models": tuple(steps), "roles": roles, "replicates": 4, "settings": 4}
    path.mkdir(exist_ok=True)
    study = object.__new__(Study)  # without data: nothing is trained here
    study.plan = Plan(**{**fields, "budget_seconds": 400.0, **changes})
    study.ledger = Ledger(path / "ledger.jsonl")
    study.elapsed = study.spent
    study.log("data", "", {"draw_seconds": DRAW, "wall_seconds": 3.0})
    for name, seconds in steps.items():
        for growth, size in enumerate(registry.entry(name).sizes):
            timed = {"step_seconds": 4**growth * seconds, "other_seconds": OTHER[name], "slowdown": slowdown}
            study.log("calibration", f"{name}/{size}", {**timed, "wall_seconds": 1.0})
    if schedule is not None:
        study.log("schedule", "", {"trial_steps": None, "trial_seconds": schedule, "left_out": []})
    return study


def first(name: str) -> str:
    return next(iter(registry.entry(name).sizes))


def whole_cost(study: Study, slowdown: float) -> float:
    """Wall seconds of the whole study, trial by trial."""
    rounds = dict(zip(tune.RUNGS, tune.survivors(study.plan.settings), strict=True))
    trials = [(name, 1.0) for name in study.models for _ in range(study.plan.replicates)]
    trained = [name for name in study.models if STEP[name]]
    trials += [(name, part) for name in trained for part, alive in rounds.items() for _ in range(alive)]
    training = sum(timing.steps_of(study, name, first(name), part) * STEP[name] for name, part in trials)
    finals = 2 * timing.steps_of(study, "gru", first("gru")) * STEP["gru"]
    beside = sum(OTHER[name] for name, _ in trials) + (study.plan.replicates + 2) * DRAW
    measuring = timing.MEASURE_SECONDS + timing.PER_ARTIFACT * len(study.models)
    ending = sum(sorted(OTHER[name] for name in study.models)[-2:]) + measuring
    return study.spent() + slowdown * (training + finals + ending) + beside


@pytest.mark.parametrize("slowdown", [1.0, 1.7])
@pytest.mark.parametrize("settings", [1, 4, 7])
def test_the_trials_of_a_schedule_cost_what_the_budget_holds(tmp_path, slowdown, settings):
    study = written(tmp_path, slowdown=slowdown, settings=settings)
    timing.schedule(study)
    assert whole_cost(study, slowdown) == pytest.approx(timing.USABLE * 400, rel=2e-3)


def test_families_get_the_same_seconds_whatever_a_step_costs(tmp_path):
    study = written(tmp_path)
    seconds = {name: timing.steps_of(study, name, first(name)) * STEP[name] for name in ("gru", "mlp")}
    assert seconds["gru"] == pytest.approx(seconds["mlp"], rel=1e-3)
    assert timing.steps_of(study, "majority", first("majority")) == 0
    assert not timing.is_iterated(study, "majority")


def test_a_budget_in_steps_is_the_same_for_all_and_never_shortened(tmp_path):
    study = written(tmp_path, budget_seconds=None, trial_steps=120)
    assert [timing.steps_of(study, name, first(name), 0.5) for name in STEP] == [60, 60, 0]
    assert timing.pace(study, 3) == 1.0


def test_a_schedule_is_made_once(tmp_path):
    study = written(tmp_path)
    made = timing.schedule(study)
    study.log("trial", "tune/gru/0/0", {"wall_seconds": 300.0})
    assert timing.schedule(study) == made
    assert len(study.ledger.all("schedule")) == 1


def test_the_slowest_is_left_out_where_the_plan_lets_it_go(tmp_path):
    slow = {**STEP, "transformer": 5.0}
    study = written(tmp_path, steps=slow, leave_out_slow=True)
    assert timing.schedule(study)["left_out"] == ["transformer"]
    assert study.models == ["gru", "mlp", "majority"]
    assert whole_cost(study, 1.0) == pytest.approx(timing.USABLE * 400, rel=2e-3)


@pytest.mark.parametrize("short", [400.0, 2.0])  # of two seconds less than nothing is left for trials
def test_a_budget_too_short_names_the_slowest_and_a_budget_that_would_do(tmp_path, short):
    slow = {"gru": 2.0 if short == 400.0 else 0.02, "mlp": 0.002, "majority": 0.0}
    with pytest.raises(StudyError, match="too short for 20 steps of gru") as refused:
        timing.schedule(written(tmp_path / "short", steps=slow, budget_seconds=short))
    enough = float(str(refused.value).split("give about ")[1].split("s,")[0])
    assert timing.schedule(written(tmp_path / "long", steps=slow, budget_seconds=enough))["left_out"] == []
    with pytest.raises(StudyError):
        timing.schedule(written(tmp_path / "half", steps=slow, budget_seconds=enough / 2))


def test_the_last_candidate_is_never_left_out(tmp_path):
    with pytest.raises(StudyError, match="too short"):
        timing.schedule(written(tmp_path, steps={"gru": 9.0, "mlp": 0.002}, leave_out_slow=True))


def test_sizes_too_slow_for_a_first_round_are_not_tuned(tmp_path):
    sizes = list(registry.entry("gru").sizes)  # a step costs 0.01, 0.04 and 0.16 s
    for seconds, affordable in ((100.0, 3), (12.0, 2), (3.0, 1), (0.1, 1)):
        study = written(tmp_path / str(seconds), schedule=seconds)
        assert timing.affordable_sizes(study, "gru") == sizes[:affordable]


def test_timing_stops_at_a_size_no_trial_could_afford(tmp_path, monkeypatch):
    study = written(tmp_path, steps={}, models=("gru", "mlp"), roles={"gru": "candidate", "mlp": "baseline"})
    cost = dict(zip(registry.entry("gru").sizes, (0.01, 2.0, 8.0), strict=True))
    facts = {"other_seconds": 0.1, "slowdown": 1.0}
    monkeypatch.setattr(timing, "_calibrate", lambda _, name, size: facts | {"step_seconds": cost[size]})
    timing.calibrate(study)
    small, medium, _ = registry.entry("gru").sizes
    timed = [line["key"] for line in study.ledger.all("calibration")]
    assert timed == [f"gru/{small}", f"mlp/{small}", f"gru/{medium}", f"mlp/{medium}"]


def test_timing_has_a_share_of_the_budget(tmp_path, monkeypatch):
    study = written(tmp_path, steps={}, models=("gru", "majority"), roles={"gru": "candidate"})
    for name in ("gru", "majority"):
        seconds = timing.MOST_TIMING * 400
        timed = {"step_seconds": STEP[name], "other_seconds": 0.1, "slowdown": 1.0, "wall_seconds": seconds}
        study.log("calibration", f"{name}/{first(name)}", timed)
    timing.calibrate(study)
    assert [line["key"] for line in study.ledger.all("calibration")] == ["gru/small", "majority/default"]


def test_what_is_solved_at_once_has_one_size_to_time(tmp_path, monkeypatch):
    study = written(tmp_path, steps={}, models=("mini_rocket",), roles={"mini_rocket": "baseline"})
    facts = {"other_seconds": 2.0, "slowdown": 1.0, "step_seconds": 0.0}
    monkeypatch.setattr(timing, "_calibrate", lambda _, name, size: facts)
    timing.calibrate(study)
    assert len(study.ledger.all("calibration")) == 1


def rounds_done(study: Study, count: int, speed: float) -> None:
    """Book all tuning and `count` rounds, each trial `speed` times as slow as planned."""
    length = timing.schedule(study)["trial_seconds"]
    for name, seconds in STEP.items():
        parts = [0.25] * 4 + [0.5] * 2 if seconds else []
        for number, part in enumerate([*parts, *[1.0] * count]):
            steps = timing.steps_of(study, name, first(name), part)
            wall = speed * (length * part * bool(seconds) + OTHER[name])
            line = {"model": name, "size": first(name), "steps": steps, "wall_seconds": wall}
            study.log("trial", f"{name}/{number}", line)


@pytest.mark.parametrize("done", [0, 2, 3])
def test_a_steady_machine_runs_every_round_in_full(tmp_path, done):
    study = written(tmp_path)
    rounds_done(study, done, speed=1.0)
    assert timing.pace(study, done) == 1.0


def test_a_slow_machine_shortens_rounds_to_keep_the_budget(tmp_path):
    study = written(tmp_path)
    rounds_done(study, 0, speed=1.4)
    part = timing.pace(study, 0)
    assert 0.5 < part < 1
    length = 1.4 * timing.schedule(study)["trial_seconds"]
    to_come = 4 * (part * 2 * length + 1.4 * sum(OTHER[name] for name in STEP)) + 2 * length
    assert study.spent() + to_come == pytest.approx(timing.PACED * 400, rel=0.06)


def test_a_crawling_machine_runs_the_least_rounds_at_half_length_and_then_stops(tmp_path):
    study = written(tmp_path)
    rounds_done(study, 0, speed=6.0)
    assert [timing.pace(study, replicate) for replicate in range(4)] == [0.5, 0.5, 0.0, 0.0]


def test_a_pace_once_told_is_kept(tmp_path):
    study = written(tmp_path)
    assert timing.pace(study, 0) == 1.0
    rounds_done(study, 0, speed=6.0)
    assert timing.pace(study, 0) == 1.0


def test_the_canary_sings_once_a_round(tmp_path):
    study = written(tmp_path)
    for replicate in (0, 0, 1):
        timing.canary(study, replicate)
    sung = study.ledger.all("canary")
    assert [line["key"] for line in sung] == ["0", "1"]
    assert all(0 < line["seconds"] < 1 for line in sung)


@pytest.mark.parametrize(("examples", "size"), [(100, 16), (499, 16), (500, 32), (3999, 32), (60_000, 64)])
def test_batches_grow_with_the_data(examples, size):
    assert timing.batch_size(examples) == size


def test_noise_never_makes_a_step_cost_nothing(tmp_path, monkeypatch):
    study = written(tmp_path, steps={}, models=("gru",), roles={"gru": "candidate"})
    wall = {
        "status": "ok",
        "history": [],
        "train_wall_seconds": 0.2,
        "wall_seconds": 0.3,
        "prepare_seconds": 0.0,
    }
    seconds = iter([0.3, 0.2, 0.19])  # the longer run seems to cost less than the short one
    monkeypatch.setattr(timing, "_timed", lambda *_: wall | {"train_seconds": next(seconds)})
    monkeypatch.setattr(timing, "_facts", lambda *_: {})
    found = timing._calibrate(study, "gru", "small")
    assert found["step_seconds"] == pytest.approx(0.3 * 0.19 / 6)
