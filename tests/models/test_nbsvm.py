"""N-grams, ratios and logits against scikit-learn's counts and regression; what texts may look like."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from bicameral.artifact import Artifact
from bicameral.data.dataset import Dataset, Layout
from bicameral.data.read import read
from bicameral.errors import ConfigError
from bicameral.models import nbsvm
from bicameral.models.nbsvm import NBSVM, NBSVMConfig, n_grams
from bicameral.probes.recommend import candidates
from bicameral.problems.problem import Problem
from bicameral.tasks import Classify, Regress
from bicameral.tasks.answering import answer
from bicameral.tasks.network import Network
from bicameral.testing import lengths_laws
from bicameral.testing.examples import SHAPES, assert_same, examples, ready
from bicameral.training.train import train

NUM_TOKENS = 30  # made texts: two tokens of the class, among others of Zipf's frequencies


def made_texts(count=120, classes=3, seed=0):
    """Padded tokens (n t 1), lengths and classes; a text may have a single token."""
    rng = np.random.default_rng(seed)
    zipf = 1 / np.arange(1, NUM_TOKENS)
    lengths, y = rng.integers(1, 25, count), np.arange(count) % classes
    tokens = rng.choice(np.arange(1, NUM_TOKENS), (count, 24), p=zipf / zipf.sum())
    tokens[:, 3], tokens[:, 4] = 20 + y, 25 + y
    x = torch.from_numpy(tokens).double()[..., None]
    x[torch.arange(24) >= torch.from_numpy(lengths)[:, None]] = torch.nan
    return x, torch.from_numpy(lengths), y


def entropy(y, output, rows):
    return torch.nn.functional.cross_entropy(output, torch.from_numpy(y[rows])).item()


def fitted(x, lengths, y, order=None, classes=3):
    model = NBSVM((24, 1), NBSVMConfig(order=order, num_outputs=classes)).double()
    model.fit(x, lengths, np.eye(classes, dtype=bool)[y], partial(entropy, y))
    return model


def as_words(x, lengths):
    return [
        " ".join(f"w{int(token)}" for token in row[:length, 0])
        for row, length in zip(x, lengths, strict=True)
    ]


def by_scikit_learn(texts, y, new, order, penalty):
    """Logits of every class against the rest, in the words of scikit-learn."""
    counter = CountVectorizer(ngram_range=(1, order), token_pattern=r"\S+", binary=True, min_df=2)
    counts, unseen, logits = counter.fit_transform(texts), counter.transform(new), []
    for number in range(y.max() + 1):
        p = 1 + np.asarray(counts[y == number].sum(0))[0]
        q = 1 + np.asarray(counts[y != number].sum(0))[0]
        ratio = np.log((p / p.sum()) / (q / q.sum()))
        linear = LogisticRegression(C=penalty, max_iter=1000)
        linear.fit(normalize(counts.multiply(ratio).tocsr()), y == number)
        logits.append(linear.decision_function(normalize(unseen.multiply(ratio).tocsr())))
    return np.stack(logits, 1)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("order", [1, 2, 4])
def test_logits_are_those_of_scikit_learn(order, classes, monkeypatch):
    monkeypatch.setattr(nbsvm, "PENALTIES", (4.0,))
    monkeypatch.setattr(nbsvm, "SCALES", (1.0,))
    x, lengths, y = made_texts(classes=classes)
    new, new_lengths, _ = made_texts(count=40, seed=1)
    new[:5, 0] = NUM_TOKENS + 7  # never seen
    found = fitted(x, lengths, y, order, classes)(new, new_lengths)
    expected = by_scikit_learn(as_words(x, lengths), y, as_words(new, new_lengths), order, 4.0)
    np.testing.assert_allclose(found, expected, atol=2e-3)
    assert abs(expected).max() > 1


def test_numbers_tell_all_n_grams_apart():
    tokens = torch.cartesian_prod(*[torch.arange(16)] * 4)
    levels = list(n_grams(tokens[..., None].double(), None, 4))
    assert [len(level[level != nbsvm.NONE].unique()) for level in levels] == [16, 16**2, 16**3, 16**4]
    assert len(torch.cat([level.flatten() for level in levels]).unique()) == 16 + 16**2 + 16**3 + 16**4 + 1


def test_an_n_gram_counts_once_a_text():
    first, second = n_grams(torch.tensor([5.0, 6, 5, 6, 5])[None, :, None], None, 2)
    assert [(level != nbsvm.NONE).sum().item() for level in (first, second)] == [2, 2]


@pytest.mark.parametrize("law", list(lengths_laws(lambda: fitted_to_examples(), SHAPES["sequence"], 1, None)))
def test_laws_of_padding_hold_when_fitted(law):
    law[1]()


def fitted_to_examples():
    x = examples(SHAPES["sequence"]).repeat(4, 1, 1)
    return fitted(x, None, np.arange(len(x)) % 3)


def test_padding_is_inert_while_fitting():
    x, lengths, y = made_texts()
    assert_same(
        list(fitted(x, lengths, y).state_dict().values()),
        list(fitted(x.nan_to_num(7), lengths, y).state_dict().values()),
    )


@pytest.mark.parametrize(("order", "blind"), [(1, True), (2, False)])
def test_single_tokens_are_blind_to_order(order, blind):
    x, lengths, y = made_texts()
    model, text = fitted(x, lengths, y, order), x[lengths == 24][:1]
    assert torch.allclose(model(text), model(text.flip(1))) == blind


def test_the_order_follows_from_the_texts():
    rng = np.random.default_rng(0)
    letters = np.array([[(start + step) % 9 for step in range(24)] for start in rng.integers(0, 9, 60)])
    names = rng.permutation(60 * 24).reshape(60, 24)
    for tokens, order in ((letters, nbsvm.LONGEST), (names, 1)):
        model = fitted(torch.from_numpy(tokens).double()[..., None], None, np.arange(60) % 3)
        assert int(model.order) == order


def test_fitting_twice_gives_the_same_whatever_was_fitted_before():
    model, other = fitted(*made_texts()), fitted(*made_texts(seed=5), order=None)
    other.fit(*made_texts()[:2], np.eye(3, dtype=bool)[made_texts()[2]], partial(entropy, made_texts()[2]))
    assert_same(list(model.state_dict().values()), list(other.state_dict().values()))


def test_another_fit_is_loaded_whatever_its_size():
    one, other = fitted(*made_texts()), ready(lambda: NBSVM((9, 1), NBSVMConfig(num_outputs=3)))
    other.load_state_dict(one.state_dict())
    x, lengths, _ = made_texts(seed=2)
    assert_same(one(x, lengths), other(x, lengths))


def test_texts_held_out_choose_by_the_loss():
    x, lengths, y = made_texts()
    y.sort()
    asked, sizes = [], []

    def likes_the_largest(output, rows):
        asked.append(rows)
        sizes.append(output.abs().max().item())
        return -sizes[-1]

    model = NBSVM((24, 1), NBSVMConfig(num_outputs=3)).double()
    model.fit(x, lengths, np.eye(3, dtype=bool)[y], likes_the_largest)
    assert np.bincount(y[asked[0]]).tolist() == [8, 8, 8]
    assert len(asked) == len(nbsvm.PENALTIES) * len(nbsvm.SCALES)
    assert model(x, lengths).abs().max() > 0.5 * max(sizes)


def test_scales_are_of_whole_logits(monkeypatch):
    x, lengths, y = made_texts()
    monkeypatch.setattr(nbsvm, "PENALTIES", (4.0,))
    monkeypatch.setattr(nbsvm, "SCALES", (1.0,))
    plain = fitted(x, lengths, y)(x, lengths)
    monkeypatch.setattr(nbsvm, "SCALES", (10.0,))
    assert_same(fitted(x, lengths, y)(x, lengths), 10 * plain)


def test_probabilities_are_calibrated():
    x, lengths, y = made_texts(count=600)
    new, new_lengths, truth = made_texts(count=600, seed=3)
    output = fitted(x, lengths, y)(new, new_lengths)
    losses = [entropy(truth, scale * output, np.arange(600)) for scale in (0.7, 1.0, 1.4)]
    assert losses[1] < min(losses[0], losses[2])


def test_what_is_rare_is_left_out_beyond_a_bound(monkeypatch):
    x, lengths, y = made_texts()
    monkeypatch.setattr(nbsvm, "MOST_WEIGHTS", 3 * 50)
    keys = fitted(x, lengths, y, order=3).keys
    known, counts = torch.cat(list(n_grams(x, lengths, 3)), 1).unique(return_counts=True)
    known, counts = known[known != nbsvm.NONE], counts[known != nbsvm.NONE]
    kept = torch.isin(known, keys)
    assert len(keys) == kept.sum() == 50
    assert counts[kept].min() >= counts[~kept].max()


def test_of_very_many_texts_some_are_read(monkeypatch):
    x, lengths, y = made_texts()
    half = fitted(x[::2], lengths[::2], y[::2])
    monkeypatch.setattr(nbsvm, "MOST_PLACES", 120 * 24 // 2 + 1)
    assert_same(list(half.state_dict().values()), list(fitted(x, lengths, y).state_dict().values()))


@pytest.mark.parametrize("y", [[0, 0, 0, 1] * 6, [0] * 23 + [1], [1] * 24], ids=["some", "one", "none"])
def test_rare_and_missing_classes(y):
    x, lengths, _ = made_texts(count=24)
    output = fitted(x, lengths, np.array(y))(x, lengths)
    assert output.isfinite().all()
    assert (output[:, 2] < output[:, y[0]]).all()


def test_texts_with_nothing_in_common_leave_the_common_class():
    x = torch.arange(40.0).double().view(10, 4, 1)
    output = fitted(x, None, np.array([0, 1, 1, 1, 2] * 2))(x)
    assert output.argmax(1).tolist() == [1] * 10


def test_a_single_text_is_enough_to_be_fitted_to():
    x = torch.ones(1, 1, 1).double()
    output = fitted(x, None, np.array([1]), order=3)(x)
    np.testing.assert_allclose(output, np.log([[1 / 2, 2, 1 / 2]]))


def labelled(count=90, several=False):
    good, bad = ["fine good film", "a good one , really fine"], ["a bad film", "really bad , not fine at all"]
    texts = [(good if row % 3 else bad)[row % 2] + f" {row}" for row in range(count)]
    y = np.array([int(row % 3 > 0) for row in range(count)])
    y = np.stack([y, np.arange(count) % 2], 1) if several else y
    return Dataset(name="films", kind="text", items=texts, targets=y, classes=("bad", "good"))


@pytest.mark.parametrize("several", [False, True], ids=["one label", "several labels"])
def test_an_artifact_answers_alike_after_loading(several, tmp_path):
    dataset = labelled(several=several)
    artifact = train(dataset, "nbsvm", folder=tmp_path / "a", budget="1epochs", progress=False)
    loaded = Artifact.from_pretrained(tmp_path / "a")
    assert artifact.card["test macro_f1" if several else "test accuracy"] == 1
    new = read(["not fine , bad", "good", "", "words never seen"])
    assert loaded.predict(new) == artifact.predict(new)
    if not several:
        assert [answer["class"] for answer in loaded.predict(new)][:2] == ["bad", "good"]


def test_texts_are_brought_to_where_the_table_is():
    class Elsewhere(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("table", torch.zeros(1, device="meta"))

        def forward(self, x, lengths):
            assert x.device == self.table.device
            return torch.zeros(len(x), 2)

    train = Problem(labelled()).draw(0).train
    assert answer(Elsewhere(), train)[0].shape == (len(train), 2)


def test_characters_may_be_asked_for():
    draw = Problem(labelled(), task_options={"unit": "characters"}).draw(0)
    assert draw.preprocessing.tokens == "characters"
    with pytest.raises(ConfigError, match="unit is 'letters'; expected characters or words"):
        Problem(labelled(), task_options={"unit": "letters"})


@pytest.mark.parametrize("order", [0, -1, True])
def test_an_order_is_a_count(order):
    with pytest.raises(ConfigError, match="order"):
        NBSVMConfig(order=order)


def test_only_classes_of_texts_are_answered():
    classes, number = Classify(classes=("a", "b")), Regress(columns=("y",), mean=(0.0,), deviation=(1.0,))
    for layout, task in ((Layout("series", (9, 3)), classes), (Layout("text", (9,), 5), number)):
        with pytest.raises(ConfigError, match="nbsvm only tells classes of text data apart; leave it out"):
            Network(layout, task, "nbsvm")


def test_a_comparison_of_texts_has_it_where_there_are_classes():
    dataset = labelled()
    assert "nbsvm" in candidates(dataset)
    numbers = Dataset(name="n", kind="text", items=dataset.items, targets=np.ones((90, 1), np.float32))
    assert "nbsvm" not in candidates(numbers)


def test_questions_are_told_apart(shared_data, tmp_path):
    home = shared_data("text_classification")
    source = {part: home / f"trec_{part}.tsv" for part in ("train", "test")}
    settings = {"budget": "1epochs", "progress": False, "override_audit": True}
    artifact = train(read(source), "nbsvm", folder=tmp_path / "a", **settings)
    assert artifact.card["test accuracy"] > 0.87
