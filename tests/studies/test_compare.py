"""A whole comparison on a few digits: it answers, resumes to the same ledger, and is verified."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine

from bicameral.cli.compare import forecast
from bicameral.data.read import read
from bicameral.errors import ConfigError, DataError, StudyError
from bicameral.probes.bench import ENOUGH_STEPS, FEWEST_STEPS
from bicameral.studies.compare import compare, resume
from bicameral.studies.question import roles_of, what_changed
from bicameral.studies.record.folder import read_plan
from bicameral.studies.run import stages, timing
from bicameral.studies.run.study import Study, jsonable
from bicameral.studies.verify import differences, verify

QUESTION = {
    "budget": "12steps",
    "models": ["lenet5", "gru", "mlp", "majority"],
    "replicates": 3,
    "settings": 2,
}
QUICK = {**QUESTION, "probe_seconds": 0}


@pytest.fixture(scope="module")
def digits(tmp_path_factory) -> Path:
    images, classes = load_digits(return_X_y=True)
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    np.savez(path, X=(images[:240].reshape(-1, 1, 8, 8) * 15).astype(np.uint8), y=classes[:240])
    return path


@pytest.fixture(scope="module")
def study(digits, tmp_path_factory) -> Study:
    return compare(digits, folder=tmp_path_factory.mktemp("runs"), name="whole", **QUICK)


def timeless(folder: Path) -> list[dict]:
    """The ledger without clocks: seals, seconds, measurements, sessions; in the order of keys."""
    lines = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
    kept = [line for line in lines if line["kind"] not in ("session", "canary", "measured", "shipped", "end")]
    return sorted((strip(line) for line in kept), key=lambda line: (line["kind"], line["key"]))


def strip(value):
    if isinstance(value, dict):
        clocks = ("seal", "traceback", "slowdown", "time")
        return {k: strip(v) for k, v in value.items() if k not in clocks and "seconds" not in k}
    return [strip(item) for item in value] if isinstance(value, list) else value


def test_the_answer_is_complete(study):
    results = study.results
    rows = {row["name"]: row for row in results["leaderboard"]}
    assert set(rows) == set(QUICK["models"])
    assert all(len(row["scores"]) == 3 for row in rows.values())
    assert rows["majority"]["role"] == "baseline"
    assert results["verdict"]["best_candidate"] in ("lenet5", "gru")
    assert results["verdict"]["best"] == results["leaderboard"][0]["name"]
    assert rows["gru"]["latency_ms"]["tag"] == "measured"
    assert results["test"]["best"]["metric_value"] == pytest.approx(results["test"]["best"]["score"])
    assert len(results["pairs"]) == 6
    assert (study.folder / "best" / "model.safetensors").is_file()


def test_no_row_of_the_sealed_test_is_trained_or_judged_on(study):
    sealed = set(study.problem.test.tolist())
    for replicate in range(-1, 4):
        draw = study.problem.draw(replicate)
        seen = [set(part.index.tolist()) for part in (draw.train, draw.val, draw.judged)]
        assert not sealed & set.union(*seen)
        assert sum(map(len, seen)) == len(set.union(*seen)) == len(study.problem.rest)


def test_families_are_paired(study):
    trials = [line for line in study.ledger.all("trial") if line["stage"] == "replicate"]
    for replicate in range(3):
        sizes = {(line["num_train"], line["seed"]) for line in trials if line["replicate"] == replicate}
        assert len(sizes) == 1


def test_it_is_verified(study, digits):
    checks = verify(study.folder)
    assert [check.name for check in checks if not check.ok] == []
    assert any(check.name.endswith("judged anew") for check in checks)


@pytest.mark.parametrize("name", ["results.json", "ledger.jsonl", "plan.json"])
def test_a_forged_number_is_found(study, tmp_path, name):
    copy = tmp_path / "forged"
    shutil.copytree(study.folder, copy)
    text = (copy / name).read_text()
    forged = (
        text.replace('"rope": 0.01', '"rope": 0.02')
        if name != "ledger.jsonl"
        else text.replace("0.1", "0.2", 1)
    )
    assert forged != text
    (copy / name).write_text(forged)
    assert not all(check.ok for check in verify(copy))


@pytest.fixture
def unmeasured(monkeypatch):
    """Spare the process that measures artifacts; one study of this file has it."""
    monkeypatch.setattr(stages, "measure", lambda folders, threads: {})


@pytest.mark.parametrize("share", [0.15, 0.5, 0.9])
@pytest.mark.usefixtures("unmeasured")
def test_a_killed_study_goes_on_to_the_same_ledger(study, tmp_path, share):
    copy = tmp_path / "killed"
    shutil.copytree(study.folder, copy, ignore=shutil.ignore_patterns("best", "baseline", "results*"))
    raw = (copy / "ledger.jsonl").read_bytes()
    (copy / "ledger.jsonl").write_bytes(raw[: int(share * len(raw))])
    again = resume(copy)
    assert timeless(copy) == timeless(study.folder)
    assert again.results["verdict"]["best"] == study.results["verdict"]["best"]


@pytest.mark.parametrize(
    ("budget", "seconds", "asked"),
    [
        ("400steps", None, {"steps": ENOUGH_STEPS}),
        ("40steps", 5.0, {"steps": 40}),
        ("12steps", None, {"steps": FEWEST_STEPS}),
        ("100s", None, {"seconds": pytest.approx(12)}),
        ("100s", 5.0, {"seconds": 5.0}),
        ("400steps", 0, None),
        ("100s", 0, None),
    ],
)
def test_no_clock_decides_the_probes_of_a_budget_in_steps(
    digits, tmp_path, monkeypatch, budget, seconds, asked
):
    def stop(study):
        raise KeyboardInterrupt

    seen = []
    monkeypatch.setattr(stages, "probe", lambda data, seed, task_options, **length: seen.append(length) or [])
    monkeypatch.setattr(stages, "recommend", lambda *_, **__: [])
    monkeypatch.setattr(timing, "calibrate", stop)
    with pytest.raises(KeyboardInterrupt):
        compare(digits, folder=tmp_path, **{**QUESTION, "budget": budget, "probe_seconds": seconds})
    assert seen == ([asked] if asked else [])


def test_another_question_in_the_same_folder_is_refused(study, digits):
    with pytest.raises(StudyError, match=r"another question.*replicates"):
        compare(digits, folder=study.folder.parent, name="whole", **{**QUICK, "replicates": 4})


def test_changed_data_is_refused(study, digits):
    dataset = read(digits)
    dataset.targets[:5] = 0
    with pytest.raises(ConfigError, match="not what the plan was frozen on"):
        resume(study.folder, dataset=dataset)


def test_pixels_that_were_replaced_are_neither_resumed_nor_certified(study, digits):
    dataset = read(digits)
    noise = np.random.default_rng(0).integers(0, 255, (len(dataset), 1, 8, 8), np.uint8)
    replaced = replace(dataset, items=list(noise))
    with pytest.raises(ConfigError, match="not what the plan was frozen on"):
        resume(study.folder, dataset=replaced)
    assert "data unchanged" in [check.name for check in verify(study.folder, replaced) if not check.ok]


def test_a_digest_of_the_older_rule_is_not_taken_for_the_data(study, digits):
    plan = replace(read_plan(study.folder), data_digest="576138bb7757c9aa")
    assert "made by an older rule" in what_changed(plan, read(digits))
    assert what_changed(read_plan(study.folder), read(digits)) == ""


def test_a_budget_too_small_says_what_would_do(digits, tmp_path):
    with pytest.raises(StudyError, match=r"too short for 200 steps of \w+, .* give about \d+s"):
        compare(digits, folder=tmp_path, **{**QUICK, "budget": "1s"})


def test_a_dry_run_writes_nothing(digits, tmp_path):
    cost = compare(digits, folder=tmp_path, dry_run=True, **QUICK)
    assert cost["trials"] == 3 * (4 + 3 * 2) + 2 * (1 + 2)
    assert cost["training"]["gru"]["steps"] == 12
    assert cost["training"]["majority"] is None
    assert (cost["rounds"], cost["left_out"], cost["refused"]) == (3, [], "")
    assert 0.01 < cost["half_width"] < 0.3
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_says_which_budget_would_do(digits, tmp_path):
    cost = compare(digits, folder=tmp_path, dry_run=True, **{**QUICK, "budget": "1s"})
    assert "give about" in cost["refused"]
    assert any("refused" in line for line in forecast(cost))


@pytest.mark.usefixtures("unmeasured")
def test_a_failed_audit_ends_the_study_unless_overridden(tmp_path):
    images, classes = load_digits(return_X_y=True)
    x = np.concatenate([images[:200], images[:40]]).reshape(-1, 1, 8, 8).astype(np.float32)
    y = np.concatenate([classes[:200], classes[:40]])
    split = np.array(["train"] * 160 + ["val"] * 40 + ["test"] * 40)
    path = tmp_path / "leaky.npz"
    np.savez(path, X=x, y=y, split=split)
    with pytest.raises(DataError, match="duplicates"):
        compare(path, folder=tmp_path, **QUICK)
    study = compare(path, folder=tmp_path, name="anyway", override_audit=True, **QUICK)
    assert any("audit was overridden" in caveat for caveat in study.results["verdict"]["caveats"])


def test_on_a_table_of_features_what_learns_more_than_a_line_is_a_candidate():
    x, y = load_wine(return_X_y=True)
    roles = roles_of(read((x.astype(np.float32), y)), None, None)
    assert {name for name, role in roles.items() if role == "baseline"} == {"majority", "logistic"}
    assert {"mlp", "gradient_boosting", "extra_trees"} <= roles.keys()


@pytest.mark.slow
@pytest.mark.usefixtures("unmeasured")
def test_a_table_of_features_is_compared_without_naming_models(tmp_path):
    x, y = load_wine(return_X_y=True)
    path = tmp_path / "wine.npz"
    np.savez(path, X=x[::2, :4].astype(np.float32), y=y[::2])
    study = compare(path, folder=tmp_path, budget="12steps", replicates=3, settings=1, probe_seconds=0)
    assert "(baseline)" not in study.results["verdict"]["sentence"]


def test_json_has_no_nan():
    assert jsonable({"a": np.float32("nan"), "b": (1, np.int64(2))}) == {"a": None, "b": [1, 2]}


def test_differences_are_located():
    assert list(differences({"a": [1.0, 2.0]}, {"a": [1.0, 2.5]})) == ["a[1]"]
    assert list(differences({"a": 1.0}, {"a": 1.0 + 1e-12})) == []
