"""Every forgery of a finished study is noticed: of numbers, words, pictures, weights and whole ledgers."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from sklearn.datasets import load_digits

from bicameral.artifact import Artifact
from bicameral.data.dataset import Dataset
from bicameral.data.read import read
from bicameral.disk import write_json
from bicameral.studies.compare import compare
from bicameral.studies.judge.summary import summarise
from bicameral.studies.record.folder import read_plan, read_results
from bicameral.studies.record.ledger import Ledger, seal
from bicameral.studies.record.outcomes import read_outcomes
from bicameral.studies.report import write_report
from bicameral.studies.run import stages
from bicameral.studies.verify import Check, verdict, verify

MODELS = ["lenet5", "gru", "linear", "majority"]


@pytest.fixture(scope="module")
def digits() -> Dataset:
    images, classes = load_digits(return_X_y=True)
    return read(((images[:240].reshape(-1, 1, 8, 8) * 15).astype(np.uint8), classes[:240]))


@pytest.fixture(scope="module")
def study(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "measure", lambda folders, threads: {})  # a process of its own, seconds
        asked: dict[str, Any] = {"replicates": 3, "settings": 2, "probe_seconds": 0}
        yield compare(
            digits, folder=tmp_path_factory.mktemp("runs"), name="a", budget="40steps", models=MODELS, **asked
        ).folder


@pytest.fixture
def copy(study: Path, tmp_path: Path) -> Path:
    shutil.copytree(study, tmp_path / "copy")
    return tmp_path / "copy"


def wrong(checks: list[Check]) -> set[str]:
    return {check.name for check in checks if check.ok is False}


def printed(folder: Path) -> str:
    return read_results(folder)["provenance"]["hashes"]["ledger"]


def rewrite(folder: Path, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    """Forge the ledger as a whole: change its lines, seal them anew, make results and report from them."""
    path = folder / "ledger.jsonl"
    before, lines = "", change([json.loads(line) for line in path.read_text().splitlines()])
    for line in lines:
        line.pop("seal", None)
        line["seal"] = before = seal(before, line)
    path.write_text("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines))
    regenerate(folder, read_results(folder)["question"])


def regenerate(folder: Path, question: dict[str, Any]) -> None:
    results = summarise(read_plan(folder), Ledger(folder / "ledger.jsonl"), question).to_json()
    write_json(folder / "results.json", results)
    write_report(read_results(folder), folder)


def without(kind: str) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    return lambda lines: [line for line in lines if line["kind"] != kind]


def test_an_honest_study_holds_in_full(study: Path, digits: Dataset) -> None:
    checks = verify(study, digits, seal=printed(study))
    assert [check for check in checks if check.ok is not True] == []
    assert {"best/ judged anew", "candidate/ judged anew", "baseline/ judged anew"} <= {
        c.name for c in checks
    }
    assert verdict(checks) is True


def test_a_replicate_trained_again_comes_back(study: Path, digits: Dataset) -> None:
    again = [check for check in verify(study, digits, rerun=2) if check.name.endswith("trained again")]
    assert [check.ok for check in again] == [True, True]


def test_without_the_data_it_is_not_certified(study: Path) -> None:
    checks = verify(study)
    assert wrong(checks) == set()
    assert verdict(checks) is None
    assert {check.name for check in checks if check.ok is None} >= {"data unchanged", "best/ judged anew"}


def test_a_score_changed_in_the_ledger(copy: Path, digits: Dataset) -> None:
    text = (copy / "ledger.jsonl").read_text()
    (copy / "ledger.jsonl").write_text(text.replace('"score": 0.', '"score": 0.9', 1))
    assert "ledger sealed" in wrong(verify(copy, digits))


def test_a_number_changed_in_the_results(copy: Path, digits: Dataset) -> None:
    results = read_results(copy)
    results["leaderboard"][0]["mean"] += 0.01
    write_json(copy / "results.json", results)
    assert wrong(verify(copy, digits)) == {"results recomputed", "report rebuilt"}


def test_a_plan_edited(copy: Path, digits: Dataset) -> None:
    plan = json.loads((copy / "plan.json").read_text())
    (copy / "plan.json").write_text(json.dumps(plan | {"rope": 0.2}))
    assert "plan frozen before training" in wrong(verify(copy, digits))


def test_a_rewritten_headline(copy: Path, digits: Dataset) -> None:
    page = (copy / "report.html").read_text()
    headline = page.split("<h1>")[1].split("</h1>")[0]
    (copy / "report.html").write_text(page.replace(headline, "Gru beats mlp by 17.0 points."))
    assert wrong(verify(copy, digits)) == {"report rebuilt"}


@pytest.mark.parametrize("change", [{"rope": 0.2}, {"budget_seconds": 36000.0}, {"data": "another"}])
def test_another_question_with_everything_recomputed_from_it(
    copy: Path, digits: Dataset, change: dict[str, Any]
) -> None:
    regenerate(copy, read_results(copy)["question"] | change)
    assert wrong(verify(copy, digits)) == {"question follows from the plan"}


def test_pictures_replaced_by_noise(study: Path, digits: Dataset) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (240, 1, 8, 8), dtype=np.uint8)
    other = read((noise, digits.targets))
    assert other.classes == digits.classes
    assert "data unchanged" in wrong(verify(study, other))


@pytest.mark.parametrize("noise", [0.3, 0.001])
@pytest.mark.parametrize("role", ["best", "baseline"])
def test_weights_changed_and_saved_anew(copy: Path, digits: Dataset, role: str, noise: float) -> None:
    resaved(copy / role, lambda values, rng: values * (1 + noise * rng.standard_normal(values.shape)))
    assert "files as they were saved" in wrong(verify(copy, digits))


def test_weights_of_the_baseline_all_zero(copy: Path, digits: Dataset) -> None:
    resaved(copy / "baseline", lambda values, rng: np.zeros_like(values))
    assert {"files as they were saved", "baseline/ judged anew"} <= wrong(verify(copy, digits))


def resaved(folder: Path, change: Callable[[np.ndarray, np.random.Generator], np.ndarray]) -> None:
    artifact = Artifact.from_pretrained(folder)
    path, rng = folder / "model.safetensors", np.random.default_rng(0)
    weights = {
        name: change(values, rng).astype(values.dtype) if values.dtype.kind == "f" else values
        for name, values in load_file(path).items()
    }
    save_file(weights, path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({k: v for k, v in config.items() if k != "sha256"}))
    assert Artifact.from_pretrained(folder).network is not artifact.network


def test_scores_raised_and_everything_sealed_and_made_anew(copy: Path, digits: Dataset) -> None:
    def raised(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        ours = [line for line in lines if line["kind"] == "trial" and line["model"] == "gru"]
        for line in ours:
            line["score"] = 0.985
        return lines

    noted = printed(copy)
    rewrite(copy, raised)
    assert "scores follow from outcomes" in wrong(verify(copy, digits))
    assert "ledger sealed" in wrong(verify(copy, digits, seal=noted))


def test_an_outcome_changed(copy: Path, digits: Dataset) -> None:
    path = next((copy / "outcomes").glob("replicate-gru-*"))
    with np.load(path) as found:
        held = dict(found)
    held["statistics/correct"] = np.ones_like(held["statistics/correct"])
    np.savez_compressed(path, **held)
    assert "scores follow from outcomes" in wrong(verify(copy, digits))


def test_outcomes_scores_and_seals_all_forged_do_not_come_back(copy: Path, digits: Dataset) -> None:
    def forged(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for line in lines:
            if line["kind"] == "trial" and line["stage"] == "replicate" and line["model"] == "gru":
                kept = read_outcomes(copy, line)
                truth = kept.statistics["truth"]
                better = {**kept.statistics, "correct": np.ones_like(truth), "predicted": truth}
                made = replace(kept, statistics=better)
                line["outcomes"] = made.save(copy / line["outcomes"]["file"])
                line["score"] = line["metric_value"] = made.score()
        return lines

    rewrite(copy, forged)
    found = wrong(verify(copy, digits, rerun=12))
    assert not found & {
        "ledger sealed",
        "scores follow from outcomes",
        "results recomputed",
        "report rebuilt",
    }
    assert {name.split("/")[1] for name in found if "again" in name} == {"gru"}


def test_a_ledger_written_anew_has_another_seal(copy: Path, digits: Dataset) -> None:
    def other_plan(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [line | ({"plan": digest} if line["kind"] == "session" else {}) for line in lines]

    def no_tuning(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [line for line in lines if line.get("stage") != "tune" or line["model"] != "gru"]

    noted, original = printed(copy), (copy / "ledger.jsonl").read_bytes()
    plan = json.loads((copy / "plan.json").read_text()) | {"settings": 5}
    (copy / "plan.json").write_text(json.dumps(plan))
    digest = read_plan(copy).digest()
    for change in (other_plan, no_tuning, without("audit"), without("canary")):
        (copy / "ledger.jsonl").write_bytes(original)
        rewrite(copy, change)
        assert "ledger sealed" in wrong(verify(copy, digits, seal=noted)), change
        assert printed(copy) != noted


def test_no_file_is_missing(copy: Path, digits: Dataset) -> None:
    (copy / "best" / "card.md").unlink()
    assert wrong(verify(copy, digits)) == {"files as they were saved"}
