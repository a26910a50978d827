"""Models that answer by themselves: scikit-learn's predictions to the digit, saved as arrays."""

import numpy as np
import pytest
import torch
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from bicameral.artifact import Artifact
from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Dataset
from bicameral.data.preprocessing import fit_preprocessing
from bicameral.models.rbf_svm import RBFSVM
from bicameral.nn.answers import LABELS, NUMBERS, ONE_CLASS, AnswerConfig
from bicameral.nn.trees import Trees
from bicameral.tasks import Classify, MultiLabel, Regress
from bicameral.tasks.network import Network
from bicameral.training import solve
from bicameral.training.closed_form import out_of_fold
from bicameral.training.folds import folds

NAMES = ["summary_trees", "extra_trees", "gradient_boosting", "knn", "logistic", "rbf_svm"]
FEW = {"summary_trees": {"num_trees": 20}, "extra_trees": {"num_trees": 20}}


def made_classes(classes, rows=90):
    x, y = make_classification(
        rows, 8, n_informative=5, n_classes=classes, n_clusters_per_class=1, random_state=0
    )
    return x.astype(np.float32), y


def one_hot(y, classes):
    return np.eye(classes, dtype=bool)[y]


@pytest.mark.parametrize("classes", [2, 3])
def test_randomized_trees_are_scikit_learns(classes):
    x, y = made_classes(classes)
    trees = Trees(classes).double()
    trees.grow_randomized(x, one_hot(y, classes), ONE_CLASS, 15, 3)
    theirs = ExtraTreesClassifier(15, random_state=3).fit(x, y).predict_proba(x + 0.1)
    np.testing.assert_allclose(trees(torch.from_numpy(x + 0.1)), theirs, atol=1e-6)


@pytest.mark.parametrize("classes", [2, 3])
def test_boosted_trees_are_scikit_learns(classes):
    x, y = made_classes(classes)
    trees = Trees(classes)
    trees.grow_boosted(x, one_hot(y, classes), ONE_CLASS, 3)
    theirs = HistGradientBoostingClassifier(random_state=3, early_stopping=False, min_samples_leaf=4)
    found = trees(torch.from_numpy(x + 0.1)).softmax(-1)
    np.testing.assert_allclose(found, theirs.fit(x, y).predict_proba(x + 0.1), atol=1e-5)


def test_boosted_numbers_are_scikit_learns():
    x, y = make_regression(80, 6, n_targets=2, random_state=0)
    trees = Trees(2)
    trees.grow_boosted(x.astype(np.float32), y / 100, NUMBERS, 3)
    for column in range(2):
        theirs = HistGradientBoostingRegressor(random_state=3, early_stopping=False, min_samples_leaf=4)
        expected = theirs.fit(x.astype(np.float32), y[:, column] / 100).predict(x.astype(np.float32))
        np.testing.assert_allclose(trees(torch.from_numpy(x))[:, column], expected, atol=1e-5)


@pytest.mark.parametrize("classes", [2, 4])
def test_support_vectors_are_scikit_learns(classes):
    x, y = made_classes(classes)
    model = RBFSVM((1, 8), AnswerConfig(num_outputs=classes, question=ONE_CLASS)).double()
    x = torch.from_numpy(x).double()[:, None]
    model.fit(x, None, one_hot(y, classes), lambda output, _: 0.0, np.arange(90) % 5)
    model.scale.fill_(1)
    scaler = StandardScaler().fit(x[:, 0])
    theirs = SVC(C=10).fit(scaler.transform(x[:, 0]), y).decision_function(scaler.transform(x[:, 0] + 0.1))
    found = model(x + 0.1).numpy()
    if classes > 2:
        np.testing.assert_allclose(found, theirs, atol=1e-6)
    else:
        assert np.array_equal(found.argmax(1), (theirs > 0).astype(int))


def test_support_vectors_of_numbers_are_scikit_learns():
    x, y = make_regression(60, 5, random_state=0)
    model = RBFSVM((1, 5), AnswerConfig(num_outputs=1, question=NUMBERS)).double()
    model.fit(torch.from_numpy(x)[:, None], None, y[:, None] / 100, lambda *_: 0.0, np.arange(60) % 5)
    z = StandardScaler().fit_transform(x)
    expected = SVR(C=10).fit(z, y / 100).predict(z)
    np.testing.assert_allclose(model(torch.from_numpy(x)[:, None])[:, 0], expected, atol=1e-6)


def prepared(question, rows=80):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 12, 2)).astype(np.float32)
    x[:, :, 0] += np.sin(np.arange(12)) * (np.arange(rows) % 3)[:, None]
    y, classes = (np.arange(rows) % 3).astype(np.int64), ("a", "b", "c")
    task = Classify(classes=classes)
    if question == NUMBERS:
        y, classes = np.stack([y, -y], 1).astype(np.float32), ()
        task = Regress(columns=("u", "v"), mean=(1.0, -1.0), deviation=(1.0, 1.0))
    elif question == LABELS:
        y, task = np.stack([y > 0, y > 1, y < 2], 1).astype(np.uint8), MultiLabel(classes=("a", "b", "c"))
    columns = ("u", "v") if question == NUMBERS else ()
    dataset = Dataset(
        name="made", kind="series", items=list(x), targets=y, classes=classes, target_columns=columns
    )
    return task, Prepared(dataset, fit_preprocessing(dataset, np.arange(rows)))


@pytest.mark.parametrize("question", [ONE_CLASS, LABELS, NUMBERS])
@pytest.mark.parametrize("name", NAMES)
def test_every_question_is_answered_and_saved(name, question, tmp_path):
    task, train = prepared(question)
    network = Network(train.layout, task, name, FEW.get(name)).eval()
    solve(network, task, train)
    batch = train.batch(np.arange(len(train)))
    output = network(batch.x)
    assert task.score(output, batch.y) > 0.6
    Artifact(network, train.preprocessing, task).save_pretrained(tmp_path / "saved")
    again = Artifact.from_pretrained(tmp_path / "saved").network
    torch.testing.assert_close(again(batch.x), output)


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_decides_and_rows_left_out_are_unseen(name):
    task, train = prepared(ONE_CLASS)
    found = []
    for _ in range(2):
        network = Network(train.layout, task, name, FEW.get(name))
        found.append(out_of_fold(network, task, train, folds(task, train), seed=4))
    assert torch.equal(*found)
    seen = network(train.batch(np.arange(80)).x)
    y = train.targets
    assert task.loss(found[0], y) >= task.loss(seen, y)


@pytest.mark.parametrize("name", NAMES)
def test_a_class_that_no_example_has_is_never_answered(name):
    task, train = prepared(ONE_CLASS)
    network = Network(train.layout, task, name, FEW.get(name)).eval()
    for missing in ([2], [1, 2]):
        rows = np.flatnonzero(~np.isin(train.targets.numpy(), missing))
        solve(network, task, train.subset(rows))
        assert not np.isin(network(train.batch(np.arange(80)).x).argmax(1), missing).any()
