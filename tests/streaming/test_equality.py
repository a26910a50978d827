"""After every piece the answer is that of `predict` on all that came before, for whatever can be streamed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from streaming.material import (
    KINDS,
    POOLED,
    STEPWISE,
    STREAMABLE,
    artifact,
    continues,
    dataset,
    forecast,
    items,
    keys,
    pieces,
    prefixes,
    regress,
    stepwise,
)

from bicameral import registry
from bicameral.errors import ConfigError


def batch(trained, kind, item):
    """Outputs on every prefix, computed the ordinary way."""
    return trained.outputs(dataset(kind, prefixes(kind, item)))


def assert_streams_like(trained, kind, expected, item=None):
    stream = trained.stream()
    item = items(kind)[0] if item is None else item
    outputs = [stream.step(piece).outputs for piece in pieces(kind, item)]
    torch.testing.assert_close(torch.cat(outputs).float(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", POOLED)
def test_every_model_on_every_kind(model, kind):
    trained = artifact(kind, model, double=True)
    assert_streams_like(trained, kind, batch(trained, kind, items(kind)[0]))


@pytest.mark.parametrize("kind", KINDS)
def test_answers_read_like_those_of_predict(kind):
    trained, item = artifact(kind, "gru"), items(kind)[0]
    stream = trained.stream()
    for piece in pieces(kind, item):
        stream.feed(piece)
    (said,), (expected,) = stream.answer(), trained.predict(dataset(kind, [item]))
    assert said["class"] == expected["class"]
    assert said["probabilities"] == pytest.approx(expected["probabilities"], rel=1e-5)


def test_regression():
    trained = artifact("series", "lstm", regress(), double=True)
    assert_streams_like(trained, "series", batch(trained, "series", items("series")[0]))
    assert set(trained.stream().step([1, 2])[0]) == {"u", "v"}


@pytest.mark.parametrize(
    ("model", "quantiles"), [*((model, ()) for model in POOLED), ("gru", (0.1, 0.5, 0.9))]
)
def test_a_forecast_is_that_from_the_history_so_far(model, quantiles):
    trained = artifact("series", model, forecast(quantiles=quantiles), double=True)
    expected = batch(trained, "series", items("series")[0])
    stream = trained.stream()
    answers = [stream.step(row) for row in items("series")[0]]
    assert [len(answer) for answer in answers] == [0, 0, 0, 1, 1, 1, 1, 1, 1]  # a look-back of four
    assert list(answers[0]) == []
    torch.testing.assert_close(
        torch.cat([a.outputs for a in answers]).float(), expected[3:], rtol=1e-5, atol=1e-6
    )


def test_a_forecast_at_the_look_back_is_that_of_predict():
    trained = artifact("series", "gru", forecast())
    history = items("series")[0][:4]
    stream = trained.stream()
    for row in history:
        answer = stream.step(row)
    (expected,) = trained.predict(dataset("series", [history]))
    assert answer[0]["b"] == pytest.approx(expected["b"], rel=1e-5)


UNLIMITED = {"text": {"max_length": 10**6}, "sound": {"seconds": 1e6}, "clip": {"frames": 10**6}}
LIMITED = {"text": {"max_length": 5}, "sound": {"seconds": 0.05}, "clip": {"frames": 2}}


@pytest.mark.parametrize("kind", UNLIMITED)
def test_a_stream_goes_on_where_predict_cuts(kind):
    """It is `predict` without the limit, which only the length of a whole example can apply."""
    trained = artifact(kind, "gru", double=True, **LIMITED[kind])
    without = replace(trained, preprocessing=replace(trained.preprocessing, **UNLIMITED[kind]))
    assert_streams_like(trained, kind, batch(without, kind, items(kind)[0]))


@pytest.mark.parametrize("kind", ["series", "text", "sound"])
def test_nothing_is_answered_like_an_empty_example(kind):
    empty = {"series": np.empty((0, 2), np.float32), "text": "", "sound": np.empty(0, np.float32)}[kind]
    trained = artifact(kind, "gru")
    torch.testing.assert_close(trained.stream().answer().outputs, trained.outputs(dataset(kind, [empty])))


def test_a_clip_without_frames_has_no_answer():
    assert len(artifact("clip", "lrcn").stream().answer()) == 0


def test_training_on_does_not_reach_a_running_stream():
    trained = artifact("series", "tcn")
    stream, untouched = trained.stream(), trained.stream()
    with torch.no_grad():
        for weight in trained.network.parameters():
            weight.add_(1)
    trained.network.train()
    assert torch.equal(stream.step([1, 2]).outputs, untouched.step([1, 2]).outputs)
    assert trained.network(torch.zeros(2, 3, 4)).requires_grad


def test_every_streamable_model_is_tried():
    assert set(POOLED) | set(STEPWISE) == set(STREAMABLE)


@pytest.mark.parametrize("kind", ["text", "series"])
@pytest.mark.parametrize("model", STEPWISE)
def test_the_next_step_is_that_of_the_whole_sequence(model, kind):
    if kind not in (registry.entry(model).kinds or (kind,)):
        with pytest.raises(ConfigError):
            stepwise(kind, model)
        return
    trained = stepwise(kind, model)
    item = items("text")[0] if kind == "text" else keys()[0]
    x = torch.from_numpy(trained.preprocessing(item))[None]
    expected = trained.network(x.double() if x.is_floating_point() else x)[0]
    stream = trained.stream()
    outputs = [stream.step(piece).outputs for piece in item[: len(expected)]]
    torch.testing.assert_close(torch.cat(outputs), expected)


def test_the_next_token_is_named():
    trained = stepwise("text", "gru")
    stream = trained.stream()
    answer = stream.step("th")
    probabilities = answer.outputs.softmax(-1)[0, 2:]
    assert answer[0]["token"] == trained.preprocessing.vocabulary[int(probabilities.argmax())]
    assert answer[0]["probability"] == pytest.approx(probabilities.max().item())
    assert list(answer[0]["probabilities"].values()) == sorted(answer[0]["probabilities"].values())[::-1]


def test_the_next_keys_are_named():
    answer = stepwise("series", "gru").stream().step([1, 0])
    expected = answer.outputs[0].sigmoid().tolist()
    assert list(answer[0]["probabilities"].values()) == pytest.approx(expected)
    assert answer[0]["on"] == [key for key, value in zip("ab", expected, strict=True) if value > 0.5]


@pytest.mark.parametrize("model", [name for name in POOLED if registry.entry(name).gives == "frames"])
def test_a_clip_is_continued_from_the_frames_so_far(model):
    trained = continues(model)
    item = items("clip")[0][:, :1]
    stream = trained.stream()
    answers = [stream.step(frame) for frame in item]
    assert [len(answer) for answer in answers] == [0, 0, 1, 1, 1]
    for end in (3, 5):
        x = torch.from_numpy(trained.preprocessing(item[:end]))[None].double()
        torch.testing.assert_close(answers[end - 1].outputs, trained.network(x))
    expected = trained.predict(dataset("clip", [item[:3]]))
    np.testing.assert_array_equal(answers[2][0]["frames"], expected[0]["frames"])
