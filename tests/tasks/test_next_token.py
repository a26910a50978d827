"""The next step: losses by hand, states carried from segment to segment, and going on by oneself."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from bicameral import registry
from bicameral.artifact import Artifact
from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Layout
from bicameral.data.examples.segments import segments
from bicameral.data.preprocessing.continued import fit_continued
from bicameral.data.read import read
from bicameral.errors import ConfigError, DataError
from bicameral.problems.problem import Problem
from bicameral.tasks import NextNotes, NextToken, task_from_dict
from bicameral.tasks.answering import answer
from bicameral.tasks.network import Network

TOKENS = NextToken(num_tokens=5, context=8, unit="characters")
NOTES = NextNotes(keys=("A0", "B0", "C1"), context=8)
TEXT = "".join("abcde"[(n * n + n // 7) % 5] for n in range(700))


def test_tokens_by_hand():
    output = torch.tensor([[[0.0, 1, 2, 0, 0], [0, 0, 0, 3, 0]], [[0, 1, 0, 0, 0], [9, 9, 9, 9, 9]]])
    y = torch.tensor([[2, 4], [1, 0]])  # the last is padding
    nats = [
        math.log(3 + math.e + math.e**2) - 2,
        math.log(4 + math.e**3),
        math.log(4 + math.e) - 1,
    ]
    found = TOKENS.metrics(TOKENS.judged(output, y), y)
    assert TOKENS.loss(output, y).item() == pytest.approx(np.mean(nats))
    assert found["nats"] == pytest.approx(np.mean(nats))
    assert found["bits"] == pytest.approx(np.mean(nats) / math.log(2))
    assert found["perplexity"] == pytest.approx(math.exp(np.mean(nats)))
    assert found["accuracy"] == pytest.approx(2 / 3)
    told = TOKENS.decode(TOKENS.judged(output, y))
    assert [row["tokens"] for row in told] == [2, 1]
    assert told[1]["nats"] == pytest.approx(nats[2])


def test_notes_by_hand():
    chance = torch.tensor([[[0.5, 0.9, 0.2], [0.1, 0.5, 0.5]], [[0.8, 0.3, 0.6], [0.5, 0.5, 0.5]]])
    y = torch.tensor([[[1.0, 1, 0], [0, 0, 0]], [[1, 1, 0], [torch.nan] * 3]])
    nll = [
        -math.log(0.5 * 0.9 * 0.8),
        -math.log(0.9 * 0.5 * 0.5),
        -math.log(0.8 * 0.3 * 0.4),
    ]
    output = torch.logit(chance)
    found = NOTES.metrics(NOTES.judged(output, y), y)
    assert NOTES.loss(output, y).item() == pytest.approx(np.mean(nll))
    assert found["nll"] == pytest.approx(np.mean(nll))
    assert found["accuracy"] == pytest.approx(2 / (2 + 1 + 2))  # 0.5 counts as off


@pytest.mark.parametrize(("task", "y"), [(TOKENS, [[3, 1, 4]]), (NOTES, [[[1.0, 0, 0], [0, 1, 1]]])])
def test_who_knows_the_answer_loses_nothing(task, y):
    y = torch.tensor(y)
    hot = torch.nn.functional.one_hot(y, 5) if task is TOKENS else y
    output = 200 * (hot.float() - 0.5)
    assert task.loss(output, y).item() == pytest.approx(0, abs=1e-6)
    assert task.score(task.judged(output, y), y) == pytest.approx(0, abs=1e-6)
    assert task.metrics(task.judged(output, y), y)["accuracy"] == 1


@pytest.mark.parametrize("task", [TOKENS, NOTES])
def test_tasks_survive_json(task):
    assert task_from_dict(task.to_dict()) == task


@pytest.mark.parametrize("name", [name for name in registry.names() if not registry.entry(name).causal])
def test_models_that_see_the_future_are_refused(name):
    reason = "for clips" if registry.entry(name).reads == "frames" else "not causal"
    with pytest.raises(ConfigError, match=rf"{reason}.*choose from .*gru.*tcn"):
        Network(Layout("text", (9,), 5), TOKENS, name)


def test_counts_answer_nothing_but_the_next_step():
    with pytest.raises(ConfigError, match="key_markov cannot answer the next step of text data"):
        Network(Layout("text", (9,), 5), TOKENS, "key_markov")


@pytest.mark.parametrize("name", [name for name in registry.names() if registry.entry(name).causal])
def test_every_causal_model_answers_every_step_from_the_past_alone(name):
    kinds = registry.entry(name).kinds
    size = next(iter(registry.entry(name).sizes.values()))
    torch.manual_seed(0)
    if "text" in kinds:
        network, x = Network(Layout("text", (9,), 5), TOKENS, name, size), torch.randint(1, 5, (2, 9))
    else:
        network, x = (
            Network(Layout("series", (9, 3)), NOTES, name, size),
            torch.randint(0, 2, (2, 9, 3)).float(),
        )
    network.double().eval()
    x = x.double() if x.is_floating_point() else x
    whole, other = network(x), x.clone()
    assert whole.shape == (2, 9, *network.task.output_shape)
    other[:, 5:] = 1
    torch.testing.assert_close(network(other)[:, :5], whole[:, :5])
    state, steps = None, []
    for x_t in x.unbind(1):
        y_t, state = network.step(x_t, state)
        steps.append(y_t)
    torch.testing.assert_close(torch.stack(steps, 1), whole)


@pytest.mark.parametrize(("given", "window"), [({}, 8), ({"window": 12}, 12)])
def test_attention_looks_no_further_than_a_segment_of_training(given, window):
    network = Network(Layout("text", (9,), 5), TOKENS, "causal_transformer", given)
    assert network.backbone.initial_state(torch.zeros(1, 64))[1].k.shape[1] == window - 1


def prepared(context=8, name="gru", split=None, **overrides):
    dataset = replace(read([TEXT, TEXT[::-1], TEXT[3:30]], answer="next"), split=split)
    cut = segments(dataset, context=context)
    preprocessing = fit_continued(cut, np.arange(len(cut)), context=context, unit="characters")
    task = NextToken(num_tokens=preprocessing.layout.vocabulary, context=context, unit="characters")
    torch.manual_seed(1)
    return Network(preprocessing.layout, task, name, overrides).double(), cut, preprocessing


def by_hand(network, cut, preprocessing, sequence, first=0):
    """Log-probabilities of one sequence, read from `first` on in one go."""
    tokens = torch.tensor([preprocessing.numbers[letter] for letter in cut.items.items[sequence]])
    log_p = network.eval()(tokens[None, first:-1])[0].log_softmax(-1)
    return log_p.gather(-1, tokens[first + 1 :, None])[:, 0]


def test_the_state_is_carried_from_segment_to_segment():
    network, cut, preprocessing = prepared(200, split=np.array(["train", "val", "test"]), width=6)
    output, _ = answer(network, Prepared(cut, preprocessing))
    for sequence in range(3):
        found = output[cut.targets.sequence == sequence][..., 0].flatten()
        torch.testing.assert_close(found[~found.isnan()], by_hand(network, cut, preprocessing, sequence))


def test_a_part_is_read_from_a_segment_earlier_on():
    network, cut, preprocessing = prepared(context=64, width=6)
    rows = np.flatnonzero((cut.split == "test") & (cut.targets.sequence == 0))
    output, _ = answer(network, Prepared(cut, preprocessing, rows))
    before = cut.targets.begin[rows[0] - 1]
    expected = by_hand(network, cut, preprocessing, 0, before)[cut.targets.begin[rows[0]] - before :]
    found = output[..., 0].flatten()
    torch.testing.assert_close(found[~found.isnan()], expected)


def test_long_texts_are_gone_through_side_by_side():
    network, cut, preprocessing = prepared(16, "tcn", width=4, depth=2, kernel=3)  # sees 12 steps back
    output, _ = answer(
        network, Prepared(cut, preprocessing, np.random.default_rng(0).permutation(len(cut))), 3
    )
    assert len(output) == len(cut)
    whole, _ = answer(network, Prepared(cut, preprocessing), 256)
    found = whole[cut.targets.sequence == 1][..., 0].flatten()
    torch.testing.assert_close(found[~found.isnan()], by_hand(network, cut, preprocessing, 1))


def test_rows_come_back_in_their_order():
    network, cut, preprocessing = prepared(name="tcn", width=4, depth=2, kernel=3)
    order = np.random.default_rng(0).permutation(len(cut))
    whole, y = answer(network, Prepared(cut, preprocessing))
    mixed, mixed_y = answer(network, Prepared(cut, preprocessing, order))
    torch.testing.assert_close(mixed, whole[order], equal_nan=True)
    torch.testing.assert_close(mixed_y, y[order])


def trained(dataset, **options):
    problem = Problem(dataset, task_options={"context": 8, **options})
    draw = problem.draw(0)
    torch.manual_seed(2)
    network = Network(draw.preprocessing.layout, draw.task, "gru", {"width": 12})
    return Artifact(network, draw.preprocessing, draw.task)


def test_the_likeliest_continuation_is_that_of_reading_all_again_at_every_step():
    artifact = trained(read([TEXT], answer="next"))
    text = TEXT[:20]
    for _ in range(15):
        tokens = torch.tensor([artifact.preprocessing.numbers[letter] for letter in text])
        text += artifact.preprocessing.vocabulary[int(artifact.network(tokens[None])[0, -1, 2:].argmax())]
    assert artifact.generate(TEXT[:20], 15, temperature=0) == text[20:]


def test_a_seed_decides_what_is_written():
    artifact = trained(read([TEXT], answer="next"))
    one, again, other = (artifact.generate("abc?", 50, seed=seed) for seed in (1, 1, 2))
    assert one == again != other
    assert len(one) == 50
    assert set(one) <= set("abcde")


def test_words_are_written_with_spaces():
    artifact = trained(read(["one two three two one " * 80], answer="next"), unit="words")
    assert re.fullmatch(r"(one|two|three)( (one|two|three)){6}", artifact.generate("two one", 7))


def test_music_is_written_as_frames():
    rolls = [(np.random.default_rng(n).random((30, 4)) < 0.3).astype(np.float32) for n in range(12)]
    artifact = trained(read(rolls, answer="next"))
    frames = artifact.generate(rolls[0][:5], 9, seed=3)
    assert frames.shape == (9, 4)
    assert set(np.unique(frames)) == {0, 1}


def test_impossible_wishes_are_named():
    artifact = trained(read([TEXT], answer="next"))
    with pytest.raises(DataError, match="the prompt is empty"):
        artifact.generate("", 5)
    with pytest.raises(ConfigError, match="length is 0"):
        artifact.generate("a", 0)


def test_answers_are_one_a_text():
    texts = [TEXT[n : n + 50] for n in range(0, 600, 50)]
    dataset = read(texts, answer="next")
    artifact = trained(dataset)
    told = artifact.predict(replace(dataset, targets=None))
    assert [row["tokens"] for row in told] == [49] * 12
    assert np.mean([row["nats"] for row in told]) == pytest.approx(artifact.evaluate(dataset)["nats"])
