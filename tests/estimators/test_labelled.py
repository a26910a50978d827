"""Classifier and Regressor: scikit-learn's own contract, and what it does not ask."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, make_blobs
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from bicameral import Classifier, Regressor
from bicameral.errors import BicameralError

UNMET: dict[str, str] = {}  # checks of scikit-learn that cannot hold here, each with its reason


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(
    [Classifier("mlp", random_state=0, max_iter=60), Regressor("mlp", random_state=0, max_iter=60)],
    expected_failed_checks=lambda _: UNMET,
)
def test_contract_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(
    [Classifier(random_state=0, max_iter=5), Regressor(random_state=0, max_iter=5)],
    expected_failed_checks=lambda _: UNMET,
)
def test_contract_of_a_race(estimator, check):
    check(estimator)


def test_auto_takes_what_wins_and_gives_it_every_example():
    X, y = make_blobs(60, centers=3, random_state=0)
    model = Classifier(random_state=0, max_iter=1).fit(X, y)
    assert model.score(X, y) >= 0.9
    assert model.race_["majority"] < 0.6
    assert max(model.race_.values()) > 0.8
    again = Classifier(random_state=0, max_iter=1).fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_auto_answers_with_numbers_too():
    X = np.random.default_rng(0).normal(size=(80, 4))
    model = Regressor(random_state=0, max_iter=1).fit(X, X @ [1.0, 2.0, 0.0, 0.0])
    assert model.score(X, X @ [1.0, 2.0, 0.0, 0.0]) > 0.8


def test_overrides_belong_to_one_model():
    with pytest.raises(BicameralError, match="name it with model="):
        Classifier(overrides={"width": 3}).fit(*make_blobs(60, random_state=0))


@pytest.fixture(scope="module")
def digits():
    """400 training and 200 test digits (n, 8, 8), drawn at random: the file is ordered by writer."""
    images, classes = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8)
    return train_test_split(images, classes, train_size=400, test_size=200, random_state=0)


def waves(seed: int, gaps: bool = False):
    """Slow and fast sines of random phase; some values missing if asked for."""
    rng = np.random.default_rng(seed)
    fast = rng.integers(0, 2, 80)
    phase = rng.uniform(0, 2 * np.pi, (80, 1))
    X = np.sin(np.linspace(0, 6, 40) * (1 + 2 * fast[:, None]) + phase)[..., None]
    X[rng.random(X.shape) < 0.1 * gaps] = np.nan
    return X, np.where(fast, "fast", "slow")


@pytest.mark.parametrize("gaps", [False, True], ids=["whole", "with gaps"])
def test_series_are_told_apart(gaps):
    model = Classifier("fcn", overrides={"width": 8}, max_iter=20, batch_size=16, random_state=0).fit(
        *waves(0, gaps)
    )
    assert model.score(*waves(1, gaps)) > 0.9


def test_pictures_are_told_apart(digits):
    images, unseen, classes, truth = digits
    model = Classifier("lenet5", max_iter=15, batch_size=16, random_state=0)
    assert model.fit(images[:, None], classes).score(unseen[:, None], truth) > 0.9


def test_rows_of_a_picture_are_a_sequence(digits):
    images, unseen, classes, truth = digits
    model = Classifier("gru", overrides={"width": 32}, max_iter=15, batch_size=16, random_state=0)
    assert model.fit(images, classes).score(unseen, truth) > 0.8


@pytest.mark.parametrize("shape", [(5,), (6, 2), (1, 8, 8), (4, 1, 8, 8)], ids=len)
def test_auto_has_a_model_for_every_shape(shape):
    X, y = np.random.default_rng(0).normal(size=(8, *shape)), np.arange(8) % 2
    model = Classifier(max_iter=1, random_state=0).fit(X, y)
    assert set(model.predict(X)) <= {0, 1}


def test_probabilities_follow_the_classes():
    X, y = waves(0)
    model = Classifier("mlp", max_iter=3, random_state=0).fit(X, y)
    assert list(model.classes_) == ["fast", "slow"]
    np.testing.assert_array_equal(model.classes_[model.predict_proba(X).argmax(1)], model.predict(X))


def test_several_targets_keep_their_units():
    X, y = load_diabetes(return_X_y=True)
    targets = np.stack([y, 1000 - 2 * y], axis=1)
    model = Regressor("linear", random_state=0).fit(X, targets)
    answers = model.predict(X)
    assert answers.shape == targets.shape
    assert model.score(X, targets) > 0.4
    np.testing.assert_allclose(answers.mean(0), targets.mean(0), rtol=0.05)


def test_works_in_a_search_and_a_pipeline():
    X, y = make_blobs(60, centers=3, random_state=0)
    pipeline = make_pipeline(StandardScaler(), Classifier(max_iter=5, random_state=0))
    search = GridSearchCV(pipeline, {"classifier__model": ["linear", "mlp"]}, cv=2).fit(X, y)
    assert search.best_score_ > 0.8


def test_a_clone_is_unfitted_and_equal():
    model = Classifier("gru", overrides={"width": 8}, random_state=3)
    assert clone(model).get_params() == model.get_params()


def test_a_pickled_model_answers_alike():
    X, y = waves(0)
    model = Classifier("gru", overrides={"width": 8}, max_iter=2, random_state=0).fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), model.predict_proba(X))


def test_seed_decides_everything():
    X, y = waves(0)
    one, two, other = (Classifier("mlp", max_iter=2, random_state=seed).fit(X, y) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))
    assert not np.allclose(one.predict_proba(X), other.predict_proba(X))


def test_the_artifact_can_be_kept(tmp_path):
    from bicameral import Artifact, read

    X, y = waves(0)
    model = Classifier("gru", overrides={"width": 8}, max_iter=2, random_state=0).fit(X, y)
    model.artifact_.save_pretrained(tmp_path / "kept")
    answers = Artifact.from_pretrained(tmp_path / "kept").predict(read((X.astype(np.float32), y)))
    assert [answer["class"] for answer in answers] == list(model.predict(X))


def test_a_budget_in_seconds_ends_training():
    model = Classifier("linear", budget_seconds=0.05, random_state=0).fit(*waves(0))
    assert model.n_iter_ >= 1


@pytest.mark.parametrize(
    ("model", "message"), [("lstn", "did you mean 'lstm'"), ("gru", "no GRUConfig field called 'widht'")]
)
def test_mistakes_get_the_nearest_name(model, message):
    overrides = {"widht": 3} if model == "gru" else None
    with pytest.raises(BicameralError, match=message):
        Classifier(model, overrides=overrides).fit(*waves(0))


def test_six_axes_are_refused():
    with pytest.raises(BicameralError, match="expected"):
        Classifier().fit(np.zeros((4, 1, 1, 1, 1, 1)), [0, 1, 0, 1])
