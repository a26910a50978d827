"""What a step costs, and lengths of trials from a ledger written by hand: the plan spends the budget."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from bicameral import registry
from bicameral.errors import ConfigError, StudyError
from bicameral.studies.record.ledger import Ledger
from bicameral.studies.record.plan import Plan
from bicameral.studies.run import schedule, timing, tune
from bicameral.studies.run.amendments import amend
from bicameral.studies.run.study import Study

STEP = {"gru": 0.01, "mlp": 0.002, "majority": 0.0}
OTHER = {"gru": 0.1, "mlp": 0.05, "majority": 0.2, "transformer": 0.1}
DRAW = 0.5
SPENT = 10.0  # seconds before the schedule is made


def written(path: Path, *, steps=STEP, slowdown=1.0, length=None, jobs=1, **changes) -> Study:
    """A study that has timed its models and trained nothing yet."""
    roles = {name: "baseline" if name in ("mlp", "majority") else "candidate" for name in steps}
    fields = {"source": "nowhere", "models": tuple(steps), "roles": roles, "replicates": 4, "settings": 3}
    path.mkdir(exist_ok=True)
    study = object.__new__(Study)  # without data: nothing is trained here
    study.plan = Plan(**{**fields, "budget_seconds": 1000.0, **changes})
    study.ledger = Ledger(path / "ledger.jsonl")
    study.engine = SimpleNamespace(jobs=jobs)
    study.problem = SimpleNamespace(rest=range(1000), folds=4)
    study.elapsed = lambda: SPENT
    study.log("data", "", {"draw_seconds": DRAW, "split": {"train": 600}})
    for name, seconds in steps.items():
        for growth, size in enumerate(registry.entry(name).sizes):
            timed = {"step_seconds": 4**growth * seconds, "other_seconds": OTHER[name], "slowdown": slowdown}
            study.log("calibration", f"{name}/{size}", {**timed, "wall_seconds": 1.0})
    if length is not None:
        fixed = {"trial_steps": None, "trial_seconds": length, "left_out": [], "rounds": 4}
        study.log("schedule", "", fixed)
    return study


def first(name: str) -> str:
    return next(iter(registry.entry(name).sizes))


def whole_cost(study: Study, slowdown: float, rounds: int, jobs: int) -> float:
    """Wall seconds of the whole study, trial by trial."""
    parts = [part for part, alive in tune.rungs(study.plan.settings) for _ in range(alive)]

    def cost(name: str) -> float:
        lengths = [*parts, 1.0] if STEP.get(name, 1.0) else [1.0]
        step = study.need("calibration", f"{name}/{first(name)}")["step_seconds"]
        return sum(schedule.steps_of(study, name, first(name), part) * step + OTHER[name] for part in lengths)

    a_round = DRAW + sum(cost(name) for name in study.models)
    final = DRAW + max(cost(name) for name in study.models)
    measuring = schedule.MEASURE_SECONDS + schedule.PER_ARTIFACT * len(study.models)
    return SPENT + slowdown * (rounds * a_round / jobs + -(-2 // jobs) * final + measuring)


@pytest.mark.parametrize("slowdown", [1.0, 1.7])
@pytest.mark.parametrize("settings", [1, 3, 7])
def test_the_trials_of_a_schedule_cost_what_the_budget_holds(tmp_path, slowdown, settings):
    study = written(tmp_path, slowdown=slowdown, settings=settings)
    assert schedule.schedule(study)["rounds"] == 4
    assert whole_cost(study, slowdown, 4, 1) == pytest.approx(schedule.USABLE * 1000, rel=5e-3)


def test_twice_the_workers_give_twice_the_rounds_of_trained_models(tmp_path):
    one, two = (written(tmp_path / str(jobs), jobs=jobs) for jobs in (1, 2))
    assert schedule.schedule(two)["trial_seconds"] == schedule.schedule(one)["trial_seconds"]
    assert schedule.schedule(two)["rounds"] in (8, 9)  # the final trials run side by side too
    assert whole_cost(two, 1.0, schedule.schedule(two)["rounds"], 2) < schedule.USABLE * 1000


def test_workers_lengthen_trials_that_would_train_nobody_enough(tmp_path):
    one, four = (
        written(tmp_path / str(jobs), jobs=jobs, budget_seconds=60.0, leave_out_slow=True) for jobs in (1, 4)
    )
    assert schedule.steps_of(one, "gru", first("gru")) < schedule.floor_steps(one)
    assert schedule.schedule(four)["left_out"] == []
    assert schedule.steps_of(four, "gru", first("gru")) == schedule.floor_steps(four)


def test_families_get_the_same_seconds_whatever_a_step_costs(tmp_path):
    study = written(tmp_path)
    seconds = {name: schedule.steps_of(study, name, first(name)) * STEP[name] for name in ("gru", "mlp")}
    assert seconds["gru"] == pytest.approx(seconds["mlp"], rel=1e-3)
    assert schedule.steps_of(study, "majority", first("majority")) == 0
    assert not timing.is_iterated(study, "majority")


def test_a_budget_in_steps_is_the_same_for_all_and_knows_no_clock(tmp_path):
    study = written(tmp_path, budget_seconds=None, trial_steps=120)
    assert [schedule.steps_of(study, name, first(name), 0.5) for name in STEP] == [60, 60, 0]
    assert schedule.wave(study, 0, study.models)["rounds"] == 4
    assert schedule.wave(study, 4, study.models)["rounds"] == 0


def test_a_schedule_is_made_once(tmp_path):
    study = written(tmp_path)
    made = schedule.schedule(study)
    study.elapsed = lambda: 300.0
    assert schedule.schedule(study) == made
    assert len(study.ledger.all("schedule")) == 1


@pytest.mark.parametrize(("train", "floor"), [(100, 200), (4000, 375), (20_000, 600)])
def test_a_trained_model_has_made_200_steps_or_three_epochs_but_never_needs_over_600(tmp_path, train, floor):
    study = written(tmp_path)
    study.log("data", "", {"draw_seconds": DRAW, "split": {"train": train}})
    assert schedule.floor_steps(study) == floor


def test_the_slowest_is_left_out_where_the_plan_lets_it_go(tmp_path):
    slow = {**STEP, "transformer": 5.0}
    study = written(tmp_path, steps=slow, leave_out_slow=True)
    assert schedule.schedule(study)["left_out"] == ["transformer"]
    assert study.models == ["gru", "mlp", "majority"]


@pytest.mark.parametrize("short", [300.0, 2.0])  # of two seconds less than nothing is left for trials
def test_a_budget_too_short_names_the_slowest_and_a_budget_that_would_do(tmp_path, short):
    slow = {"gru": 0.5 if short == 300.0 else 0.02, "mlp": 0.002, "majority": 0.0}
    with pytest.raises(StudyError, match="short for 200 steps of gru") as refused:
        schedule.schedule(written(tmp_path / "short", steps=slow, budget_seconds=short))
    enough = float(str(refused.value).split("give about ")[1].split("s,")[0])
    assert schedule.schedule(written(tmp_path / "long", steps=slow, budget_seconds=enough))["left_out"] == []
    with pytest.raises(StudyError):
        schedule.schedule(written(tmp_path / "half", steps=slow, budget_seconds=enough / 2))


def test_where_nobody_was_named_nothing_is_refused(tmp_path):
    study = written(tmp_path, steps={"gru": 9.0, "mlp": 0.002}, leave_out_slow=True)
    made = schedule.schedule(study)
    assert (made["left_out"], made["stretched"]) == ([], True)
    assert schedule.steps_of(study, "gru", first("gru")) == schedule.LEAST_STEPS


def test_sizes_that_cannot_be_trained_enough_are_not_tried(tmp_path):
    sizes = list(registry.entry("gru").sizes)  # a step costs 0.01, 0.04 and 0.16 s
    for seconds, affordable in ((100.0, 3), (12.0, 2), (3.0, 1), (0.1, 1)):
        study = written(tmp_path / str(seconds), length=seconds)
        assert schedule.affordable_sizes(study, "gru") == sizes[:affordable]


def test_timing_stops_at_a_size_no_trial_could_afford(tmp_path, monkeypatch):
    study = written(tmp_path, steps={}, models=("gru", "mlp"), roles={"gru": "candidate", "mlp": "baseline"})
    cost = dict(zip(registry.entry("gru").sizes, (0.01, 4.0, 8.0), strict=True))
    facts = {"other_seconds": 0.1, "slowdown": 1.0}
    monkeypatch.setattr(timing, "_calibrate", lambda _, name, size: facts | {"step_seconds": cost[size]})
    timing.calibrate(study)
    small, medium, _ = registry.entry("gru").sizes
    timed = [line["key"] for line in study.ledger.all("calibration")]
    assert timed == [f"gru/{small}", f"mlp/{small}", f"gru/{medium}", f"mlp/{medium}"]


def slowed(study: Study, speed: float) -> None:
    """Book a trial that was so many times as slow as planned."""
    length, steps = schedule.schedule(study)["trial_seconds"], schedule.steps_of(study, "gru", first("gru"))
    line = {
        "model": "gru",
        "size": first("gru"),
        "steps": steps,
        "wall_seconds": speed * (length + OTHER["gru"]),
    }
    study.log("trial", "replicate/gru/0", line)


def test_waves_of_half_a_repetition_follow_while_there_is_time(tmp_path):
    study = written(tmp_path)
    slowed(study, 1.0)
    assert schedule.wave(study, 0, study.models) | {"rounds": 2, "part": 1.0} == schedule.wave(
        study, 0, study.models
    )
    study.elapsed = lambda: 500.0
    assert schedule.wave(study, 2, study.models)["rounds"] in (1, 2)
    study.elapsed = lambda: 930.0
    assert schedule.wave(study, 4, study.models)["rounds"] == 0


def test_seconds_of_who_was_left_behind_go_to_the_others(tmp_path):
    study = written(tmp_path)
    slowed(study, 1.0)
    study.elapsed = lambda: 500.0
    both, one = (schedule._affordable_rounds(study, alive) for alive in (["gru", "mlp"], ["gru"]))
    assert one >= 2 * both - 1 >= 1


def test_where_nobody_is_left_to_compare_the_study_ends(tmp_path):
    assert schedule.wave(written(tmp_path), 4, ["gru"])["rounds"] == 0


def test_a_crawling_machine_runs_the_least_rounds_at_half_length_and_then_stops(tmp_path):
    study = written(tmp_path)
    slowed(study, 9.0)
    wave = schedule.wave(study, 0, study.models)
    assert (wave["rounds"], wave["part"]) == (schedule.LEAST_ROUNDS, schedule.LEAST_PART)
    assert schedule.wave(study, 2, study.models)["rounds"] == 0


def test_a_wave_once_told_is_kept_until_the_study_is_extended(tmp_path):
    study = written(tmp_path)
    slowed(study, 1.0)
    study.elapsed = lambda: 999.0
    assert schedule.wave(study, 4, study.models)["rounds"] == 0
    study.elapsed = lambda: 20.0
    assert schedule.wave(study, 4, study.models)["rounds"] == 0
    study.elapsed = lambda: 999.0
    amend(study, "+10min")
    assert study.budget_end() == 999 + 600
    assert schedule.wave(study, 4, study.models)["rounds"] > 0


def test_rounds_are_added_to_a_study_in_steps_and_time_to_one_in_time(tmp_path):
    steps = written(tmp_path / "steps", budget_seconds=None, trial_steps=120)
    assert schedule.wave(steps, 4, steps.models)["rounds"] == 0
    amend(steps, "+6rounds")
    assert schedule.wave(steps, 4, steps.models)["rounds"] == 6
    with pytest.raises(ConfigError, match=r"add rounds to it, such as \+6rounds"):
        amend(steps, "+10min")
    with pytest.raises(ConfigError, match=r"add time to it, such as \+10min"):
        amend(written(tmp_path / "time"), "6rounds")


def test_timing_has_a_share_of_the_budget(tmp_path, monkeypatch):
    study = written(tmp_path, steps={}, models=("gru", "majority"), roles={"gru": "candidate"})
    for name in ("gru", "majority"):
        seconds = timing.MOST_TIMING * 1000
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
