"""Models that count, against counting with a dictionary, one probability at a time."""

from collections import Counter

import numpy as np
import pytest
import scipy.io
import torch

from bicameral.models.frequencies import Frequencies, FrequenciesConfig
from bicameral.models.key_markov import KeyMarkov, KeyMarkovConfig
from bicameral.models.ngram import FEW, NGram, NGramConfig

NUM_TOKENS = 9


def streams():
    rng = np.random.default_rng(0)
    return [
        torch.from_numpy(rng.choice(np.arange(1, 8), size, p=np.arange(1, 8) / 28)) for size in (300, 90, 3)
    ]


def fitted(order):
    model = NGram((20, 1), NGramConfig(order=order, num_outputs=NUM_TOKENS)).double()
    model.count(streams())
    return model


class ByHand:
    """Kneser-Ney with a dictionary of n-grams and of the tokens that stand before them."""

    def __init__(self, texts, order):
        self.order = order
        self.grams, self.before = Counter(), {}
        for text in texts:
            for end in range(1, len(text) + 1):
                for size in range(1, min(order, end) + 1):
                    gram = text[end - size : end]
                    self.grams[gram] += 1
                    self.before.setdefault(gram, set()).add(text[end - size - 1] if end > size else "begin")
        self.counts = {
            gram: count if len(gram) == order else len(self.before[gram])
            for gram, count in self.grams.items()
        }
        self.discounts = {size: self._discounts(size) for size in range(1, order + 1)}

    def _discounts(self, size):
        found = Counter(count for gram, count in self.counts.items() if len(gram) == size)
        if not found[1] * found[2] * found[3]:
            return FEW, FEW, FEW
        y = found[1] / (found[1] + 2 * found[2])
        plain = [n - (n + 1) * y * found[n + 1] / found[n] for n in (1, 2, 3)]
        return [min(max(d, 0.1), n - 0.1) for n, d in enumerate(plain, 1)]

    def probability(self, token, context):
        size = len(context) + 1
        lower = self.probability(token, context[1:]) if context else (token > 0) / (NUM_TOKENS - 1)
        after = {gram[-1]: n for gram, n in self.counts.items() if len(gram) == size and gram[:-1] == context}
        if not after:
            return lower
        taken = {w: self.discounts[size][min(n, 3) - 1] for w, n in after.items()}
        kept = after.get(token, 0) - taken.get(token, 0)
        return (kept + sum(taken.values()) * lower) / sum(after.values())


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_every_probability_equals_counting_by_hand(order):
    truth = ByHand([tuple(stream.tolist()) for stream in streams()], order)
    text = (3, 7, 7, 8, 6, 7, 5, 7, 7, 6, 1, 2)  # 8 was never seen
    found = fitted(order)(torch.tensor(text, dtype=torch.float64)[None, :, None])[0][0].exp()
    for end in range(1, len(text) + 1):
        context = text[max(0, end - order + 1) : end] if order > 1 else ()
        expected = [truth.probability(token, context) for token in range(NUM_TOKENS)]
        np.testing.assert_allclose(found[end - 1], expected, atol=1e-12)
    np.testing.assert_allclose(found.sum(-1), 1)


def test_counts_of_another_text_are_loaded_whatever_their_number():
    one, other = fitted(4), NGram((20, 1), NGramConfig(order=4, num_outputs=NUM_TOKENS)).double()
    other.load_state_dict(one.state_dict())
    x = torch.randint(1, 8, (2, 15, 1)).double()
    torch.testing.assert_close(one(x)[0], other(x)[0])


def test_a_text_cut_anywhere_is_predicted_alike():
    model, x = fitted(4), torch.randint(1, 8, (2, 15, 1)).double()
    whole, _ = model(x)
    first, state = model(x[:, :7])
    torch.testing.assert_close(torch.cat([first, model(x[:, 7:], state)[0]], 1), whole)


def test_frequencies_are_shares_of_the_counts():
    model = Frequencies((1, 1), FrequenciesConfig(num_outputs=5)).double()
    model.count([torch.tensor([1, 2, 2]), torch.tensor([2])])
    expected = torch.tensor([0, 2, 4, 1, 1]).double() / 8  # one added to each but padding
    torch.testing.assert_close(model(torch.zeros(1, 1, 1).double())[0][0, 0].exp(), expected)


def test_keys_by_their_own_last_frame():
    frames = torch.tensor([[0, 1], [1, 1], [0, 1], [1, 0]]).float()
    model = KeyMarkov((4, 2), KeyMarkovConfig(num_outputs=2)).double()
    model.count([frames])
    after_off, after_on = model(torch.tensor([[[0.0, 0], [1, 1]]]).double())[0][0].sigmoid()
    torch.testing.assert_close(after_off, torch.tensor([2.5 / 3, 0.5]).double())
    torch.testing.assert_close(after_on, torch.tensor([0.5 / 2, 2.5 / 4]).double())


def test_yardsticks_of_the_chorales(shared_data):
    cells = scipy.io.loadmat(shared_data("jsb_chorales") / "JSB_Chorales.mat")
    train, test = (
        [torch.from_numpy(roll.astype("f4")) for roll in cells[f"{part}data"][0]]
        for part in ("train", "test")
    )
    found = [_nll(Frequencies((1, 88), FrequenciesConfig(num_outputs=88)), train, test)]
    found.append(_nll(KeyMarkov((1, 88), KeyMarkovConfig(num_outputs=88)), train, test))
    np.testing.assert_allclose(found, [11.09, 10.49], atol=0.005)


def _nll(model, train, test):
    model.count(train)
    total = sum(
        torch.nn.functional.binary_cross_entropy_with_logits(
            model(roll[None, :-1])[0][0], roll[1:], reduction="sum"
        )
        for roll in test
    )
    return float(total) / sum(len(roll) - 1 for roll in test)
