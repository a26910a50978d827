"""CTC against the sum over every path, and a small CRNN that learns to read."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from bicameral.models.crnn import CRNN, CRNNConfig
from bicameral.nn.ctc import beam_search, ctc_loss, greedy, merged


def by_reading(path):
    """What a path says: groups of equal symbols, then no blanks."""
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != 0)


def likelihoods(logits):
    """Every text and its likelihood, one path after another."""
    p, found = logits.double().softmax(-1).numpy(), {}
    for path in itertools.product(range(p.shape[1]), repeat=len(p)):
        text = by_reading(path)
        found[text] = found.get(text, 0) + np.prod([p[t, symbol] for t, symbol in enumerate(path)])
    return found


def random_logits(num_steps=5, num_symbols=3, seed=0):
    return 2 * torch.randn(1, num_steps, num_symbols, generator=torch.Generator().manual_seed(seed))


def test_repeats_are_merged_before_blanks_are_dropped():
    assert merged([0, 1, 1, 0, 1, 2, 2, 0, 0]) == [1, 1, 2]
    assert merged([]) == merged([0, 0]) == []
    for path in itertools.product(range(3), repeat=4):
        assert tuple(merged(list(path))) == by_reading(path)


@pytest.mark.parametrize("text", [(1,), (1, 1), (1, 2, 1), (2, 2)])
def test_loss_is_the_likelihood_of_all_paths(text):
    logits = random_logits()
    loss = ctc_loss(logits, None, torch.tensor([text]), torch.tensor([len(text)]))
    assert loss.item() == pytest.approx(-np.log(likelihoods(logits[0])[text]) / len(text), rel=1e-5)


def test_an_impossible_text_costs_nothing_and_breaks_nothing():
    logits = random_logits(num_steps=2).requires_grad_()
    loss = ctc_loss(logits, None, torch.tensor([[1, 1]]), torch.tensor([2]))  # "11" takes three steps
    loss.backward()
    assert loss == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_steps_behind_the_length_do_not_count():
    logits, longer = random_logits(), random_logits(8, seed=1)
    longer[:, :5] = logits
    texts, sizes, lengths = torch.tensor([[1, 2]]), torch.tensor([2]), torch.tensor([5])
    torch.testing.assert_close(ctc_loss(longer, lengths, texts, sizes), ctc_loss(logits, None, texts, sizes))
    assert greedy(longer, lengths) == greedy(logits)
    assert beam_search(longer, lengths) == beam_search(logits)


@pytest.mark.parametrize("seed", range(8))
def test_a_wide_beam_finds_the_likeliest_text(seed):
    logits = random_logits(seed=seed)
    found = likelihoods(logits[0])
    assert tuple(beam_search(logits, width=1000)[0]) == max(found, key=lambda text: found[text])


def test_beam_search_sees_what_the_likeliest_path_does_not():
    """Two steps, blank .6 and a letter .4: the best path is empty (.36), the best text the letter (.64)."""
    logits = torch.tensor([[[0.6, 0.4], [0.6, 0.4]]]).log()
    assert greedy(logits) == [[]]
    assert beam_search(logits) == [[1]]


class Reader(nn.Module):
    """A CRNN with a letter, or nothing, at every step."""

    def __init__(self, shape, num_symbols, config):
        super().__init__()
        self.backbone = CRNN(shape, config)
        self.head = nn.Linear(self.backbone.width, 1 + num_symbols)

    def forward(self, x):
        return self.head(self.backbone(x))


def test_pictures_of_unequal_width_count_alone():
    torch.manual_seed(0)
    reader = Reader((1, 16, 32), 2, CRNNConfig(width=8, channels=4)).eval()
    x, texts, widths = torch.randn(2, 1, 16, 32), torch.tensor([[1, 2], [2, 2]]), torch.tensor([32, 21])
    lengths, sizes = reader.backbone.output_lengths(widths), torch.tensor([2, 2])
    together = ctc_loss(reader.head(reader.backbone(x, widths)), lengths, texts, sizes)
    alone = [
        ctc_loss(reader(x[row : row + 1, ..., :width]), None, texts[row : row + 1], sizes[:1])
        for row, width in enumerate(widths.tolist())
    ]
    torch.testing.assert_close(together, torch.stack(alone).mean())


def learn(reader, batches, learning_rate):
    optimizer = torch.optim.Adam(reader.parameters(), lr=learning_rate)
    for x, texts in batches:
        sizes = torch.full((len(x),), texts.shape[1])
        loss = ctc_loss(reader(x), None, texts, sizes)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 5.0)
        optimizer.step()


def read_share(reader, x, texts):
    reader.eval()
    with torch.no_grad():
        return np.mean([said == text for said, text in zip(greedy(reader(x)), texts.tolist(), strict=True)])


def strings(num_rows, generator):
    """Three of two symbols, a bar up or a bar across, 8 columns each, equal neighbours included."""
    texts = torch.randint(1, 3, (num_rows, 3), generator=generator)
    x = 0.1 * torch.randn(num_rows, 1, 16, 32, generator=generator)
    for row, place in itertools.product(range(num_rows), range(3)):
        at = 4 + 8 * place
        if texts[row, place] == 1:
            x[row, 0, 3:13, at + 3 : at + 5] += 2
        else:
            x[row, 0, 7:9, at + 1 : at + 7] += 2
    return x, texts


def test_a_small_crnn_learns_to_read():
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    reader = Reader((1, 16, 32), 2, CRNNConfig(width=16, channels=4))
    learn(reader, (strings(16, generator) for _ in range(120)), 5e-3)
    assert read_share(reader, *strings(100, generator)) > 0.8
