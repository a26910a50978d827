"""All randomness is in the replicate: each tunes on its own draw, the same way for every model."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bicameral.studies.compare import compare
from bicameral.studies.run.trial import FINAL


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 120)
    x = rng.normal(size=(120, 6, 2)).astype(np.float32) + y[:, None, None]
    quick = {"budget": "30steps", "models": ["gru", "mlp"], "replicates": 4, "probe_seconds": 0, "jobs": 2}
    return compare((x, y), folder=tmp_path_factory.mktemp("runs"), **quick)


def tuning(study, name: str) -> dict[int, list[dict]]:
    lines = [line for line in study.ledger.all("trial") if (line["stage"], line["model"]) == ("tune", name)]
    numbers = {line["replicate"] for line in lines}
    return {
        number: sorted((x for x in lines if x["replicate"] == number), key=lambda x: x["setting"])
        for number in numbers
    }


def test_every_replicate_draws_its_settings_anew_and_alike_for_all(study):
    one, other = tuning(study, "gru"), tuning(study, "mlp")
    assert one.keys() >= set(range(4))
    drawn = {}
    for number in range(4):
        rates = [[line["recipe"]["learning_rate"] for line in found[number]] for found in (one, other)]
        assert rates[0] == rates[1]
        drawn[number] = tuple(rates[0])
    assert len({rates[0] for rates in drawn.values()}) == 1  # the sane one
    assert len(set(drawn.values())) == 4


def test_each_replicate_is_trained_with_what_its_own_tuning_chose(study):
    judged = [line for line in study.ledger.all("trial") if line["stage"] == "replicate"]
    for line in judged:
        tried = tuning(study, line["model"])[line["replicate"]]
        best = max(tried, key=lambda one: one["score"])
        sure = best["above_guessing"] is None or best["above_guessing"] > 2
        chosen = best if sure else tried[0]
        assert (line["setting"], line["recipe"]) == (chosen["setting"], chosen["recipe"])
        assert line["seed"] == chosen["seed"]


def test_the_final_training_tunes_on_what_is_not_sealed(study):
    finals = [line for line in study.ledger.all("trial") if line["stage"] == "final"]
    assert all(FINAL in tuning(study, line["model"]) for line in finals)
    draw = study.problem.final_draw()
    assert not set(draw.val.index.tolist()) & set(study.problem.test.tolist())


def test_every_line_says_how_far_the_model_was_trained(study):
    for line in study.ledger.all("trial"):
        trained = line["trained"]
        assert trained["steps"] == line["steps"]
        assert trained["epochs"] > 0
        assert isinstance(trained["best_is_last"], bool)
        assert line["above_guessing"] is None or np.isfinite(line["above_guessing"])


@pytest.mark.slow
def test_a_network_is_never_called_different_from_itself():
    script = Path(__file__).parents[2] / "benchmarks" / "same.py"
    command = [sys.executable, str(script), "--studies", "2", "--steps", "40"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    false, _, pairs = done.stdout.strip().splitlines()[-1].split()[:3]
    assert int(pairs) == 30
    assert int(false) <= 2
