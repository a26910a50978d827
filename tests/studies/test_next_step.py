"""Comparing what predicts the next step: a text and music, from the question to the page."""

from dataclasses import replace

import numpy as np
import pytest

from bicameral.artifact import Artifact
from bicameral.data.examples.segments import continued
from bicameral.data.read import read
from bicameral.errors import ConfigError, DataError
from bicameral.probes import probe
from bicameral.probes.recommend import candidates, recommend
from bicameral.studies.compare import compare
from bicameral.studies.verify import verify

LENGTH = 2500


def story():
    """Sentences of a grammar: the noun at the end is the one at the beginning."""
    rng = np.random.default_rng(0)
    nouns, verbs = ("cat", "dog", "cow"), ("sees", "hears")
    said = ""
    while len(said) < LENGTH:
        noun, other, verb = rng.choice(nouns), rng.choice(nouns), rng.choice(verbs)
        said += f"the {noun} {verb} the {other} and the {other} {verb} the {noun}.\n"
    return said


def rolls():
    """Scales that go up a key a frame, from anywhere."""
    starts = np.random.default_rng(0).integers(0, 12, 40)
    return [np.eye(12, dtype=np.float32)[(start + np.arange(20)) % 12] for start in starts]


@pytest.fixture(scope="module")
def text_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "story.txt"
    path.write_text(story())
    return path


@pytest.fixture(scope="module")
def study(text_file, tmp_path_factory):
    return compare(
        text_file, answer="next", context=32, models=["gru", "ngram", "frequencies"], budget="8steps",
        replicates=2, settings=1, name="story", folder=tmp_path_factory.mktemp("runs"), threads=1,
    )  # fmt: skip


def test_the_question_is_asked_in_nats(study):
    question = study.results["question"]
    assert (question["task"], question["metric"]) == ("next_token", "nats")
    assert not question["higher_is_better"]


def test_counts_take_part_as_baselines(study):
    roles = {row["name"]: row["role"] for row in study.results["leaderboard"]}
    assert roles == {"gru": "candidate", "ngram": "baseline", "frequencies": "baseline"}
    assert set(study.results["test"]["baseline"]["metrics"]) == {"nats", "bits", "perplexity", "accuracy"}


def test_probes_say_why_they_do_not_apply(study):
    assert all("every step" in probe["skipped"] for probe in study.results["probes"])


def test_the_page_shows_loss_by_position_and_what_is_written(study):
    errors = study.results["errors"]
    assert [(one["first"], one["last"]) for one in errors["by_position"]] == [
        (1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (17, 32),
    ]  # fmt: skip
    assert len(errors["written"]) == 3
    page = (study.folder / "report.html").read_text()
    assert "Loss by how much has been read" in page
    assert "perplexity" in page


def test_every_number_is_found_again(study, text_file):
    assert [
        check.name for check in verify(study.folder, read(text_file, answer="next")) if check.ok is False
    ] == []


def test_another_text_is_not_taken_for_the_same(study, text_file):
    other = replace(read(text_file, answer="next"), items=[story().replace("cat", "cap")])
    checks = verify(study.folder, continued(replace(other, targets=None)))
    assert [check.name for check in checks if check.ok is False] == ["data unchanged"]


def test_models_that_see_the_future_are_refused_before_anything_is_trained(text_file, tmp_path):
    with pytest.raises(ConfigError, match="transformer is not causal"):
        compare(text_file, answer="next", models=["transformer", "ngram"], folder=tmp_path, dry_run=True)
    with pytest.raises(ConfigError, match="ngram cannot answer anything but the next step"):
        compare((np.zeros((40, 9, 1), np.float32), ["a", "b"] * 20), models=["gru", "ngram"], folder=tmp_path)


def test_texts_without_labels_say_how_to_ask(text_file, tmp_path):
    with pytest.raises(DataError, match="answer=next"):
        compare(read(["some text", "more text"]), models=["gru", "majority"], folder=tmp_path)


@pytest.mark.slow
def test_music_is_compared_by_its_likelihood(tmp_path):
    study = compare(
        read(rolls(), answer="next"), models=["gru", "frequencies", "key_markov"], budget="8steps",
        replicates=2, settings=1, name="scales", folder=tmp_path, threads=1,
    )  # fmt: skip
    assert study.results["question"]["metric"] == "nll"
    assert study.results["errors"]["by_position"][-1]["last"] == 19
    saved = tmp_path / "music.npz"
    music = Artifact.from_pretrained(study.folder / "best").generate(rolls()[0][:4], 6, seed=1)
    np.savez(saved, x=music[None].astype(np.float32), lengths=[6])
    np.testing.assert_array_equal(read(saved, answer="next").items[0], music)


def test_probes_and_ranking_of_the_next_step(text_file):
    dataset = read(text_file, answer="next")
    assert all(found.skipped for found in probe(dataset, seconds=1))
    ranked = [place["model"] for place in recommend(dataset, task_options={"context": 32})]
    assert "gru" in ranked
    assert "transformer" not in candidates(dataset)
    assert {"frequencies", "key_markov"} <= set(candidates(read(rolls(), answer="next")))
