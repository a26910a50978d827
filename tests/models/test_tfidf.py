"""TF-IDF: inner products of texts, and classes, are those of scikit-learn's vectorizers."""

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_union
from sklearn.svm import LinearSVC

from bicameral.artifact import Artifact
from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Dataset
from bicameral.data.preprocessing import fit_preprocessing
from bicameral.models import tfidf
from bicameral.tasks import Classify
from bicameral.tasks.network import Network
from bicameral.training import solve

WORDS = ["red", "blue", "green", "ink", "inkling", "a", "of", "greenish", "redden", "tea"]


def made(rows=60, classes=2, words=True):
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, rng.integers(5, 12))) for _ in range(rows)]
    if not words:
        texts = ["".join(rng.choice(list("abcde"), rng.integers(3, 9))) for _ in range(rows)]
    y = np.array([("red" in text) + ("tea" in text) * (classes > 2) for text in texts], np.int64)
    y = y if words else np.array([int(text.endswith("a")) for text in texts], np.int64)
    names = ("a", "b", "c")[:classes]
    dataset = Dataset(name="made", kind="text", items=texts, targets=y, classes=names)
    return texts, Classify(classes=names), Prepared(dataset, fit_preprocessing(dataset, np.arange(rows)))


def solved(task, train):
    network = Network(train.layout, task, "tfidf").eval()
    solve(network, task, train)
    return network


def by_scikit_learn():
    options = {"sublinear_tf": True, "lowercase": False}
    return make_union(
        TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\S+", **options),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), **options),
    )


def test_inner_products_are_scikit_learns():
    texts, task, train = made()
    network, batch = solved(task, train), train.batch(np.arange(60))
    ours = network.backbone.double().bags(*network.read(batch.x, batch.lengths))
    theirs = by_scikit_learn().fit_transform(texts)
    np.testing.assert_allclose((ours @ ours.T).toarray(), (theirs @ theirs.T).toarray(), atol=1e-6)


@pytest.mark.parametrize("classes", [2, 3])
def test_classes_are_scikit_learns(classes, monkeypatch):
    monkeypatch.setattr(tfidf, "CANDIDATES", (("svm", 1.0),))
    texts, task, train = made(classes=classes)
    network, batch = solved(task, train), train.batch(np.arange(60))
    theirs = by_scikit_learn().fit(texts)
    found = LinearSVC(C=1, random_state=0).fit(theirs.transform(texts), train.targets)
    output = network(batch.x, batch.lengths)
    assert np.array_equal(output.argmax(1), found.predict(theirs.transform(texts)))


def test_a_text_of_characters_shows_its_end(tmp_path):
    _, task, train = made(rows=150, words=False)
    network = solved(task, train)
    batch = train.batch(np.arange(150))
    output = network(batch.x, batch.lengths)
    assert task.score(output, batch.y) > 0.95
    Artifact(network, train.preprocessing, task).save_pretrained(tmp_path / "saved")
    again = Artifact.from_pretrained(tmp_path / "saved").network
    torch.testing.assert_close(again(batch.x, batch.lengths), output)


def test_letters_of_a_short_word():
    assert list(tfidf.letter_runs("a")) == [" ", "a", " ", " a", "a ", " a "]
