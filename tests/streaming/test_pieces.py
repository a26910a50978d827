"""However the data are cut into pieces, the answers are the same; what is no data is refused."""

import re
import sys
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from streaming.material import KINDS, STREAMABLE, TEXT, artifact, dataset, items

from bicameral import registry
from bicameral.data.preprocessing.text import END, LONGEST, split
from bicameral.errors import ConfigError, DataError
from bicameral.streaming.runner import check_streamable

trained = cache(artifact)
CUTS = st.lists(st.integers(0, 60), max_size=8).map(sorted)
LETTERS = st.text(alphabet="aΣ'.,: İx!1\n", max_size=60)


@settings(deadline=None, max_examples=15)
@given(cuts=st.lists(st.integers(0, 700), max_size=8).map(sorted))
def test_sound_may_be_cut_anywhere(cuts):
    """To the bit: a frame is computed when its window is full, one by one."""
    sound = items("sound")[0]
    whole, parts = trained("sound").stream(), trained("sound").stream()
    for piece in np.split(sound, cuts):
        parts.feed(piece)
    assert torch.equal(parts.answer().outputs, whole.step(sound).outputs)
    assert parts.frames == whole.frames


@settings(deadline=None, max_examples=20)
@given(text=LETTERS, cuts=CUTS)
@example(text=TEXT, cuts=[3, 14, 15])
@pytest.mark.parametrize("tokens", ["words", "characters"])
def test_text_may_be_cut_anywhere(tokens, text, cuts):
    whole, parts = (trained("text", "gru", tokens=tokens).stream() for _ in range(2))
    ends = [0, *cuts, len(text)]
    for start, end in pairwise(ends):
        parts.feed(text[start:end])
    assert torch.equal(parts.answer().outputs, whole.step(text).outputs)


@settings(deadline=None, max_examples=100)
@given(text=LETTERS)
def test_words_come_out_as_the_whole_text_has_them(text):
    framer = trained("text", "gru", tokens="words").preprocessing.framer(1)
    found = []
    for character in text:
        ended, framer.pending[0] = framer._ended(framer.pending[0] + character)
        found += ended
    assert found + split(framer.pending[0], "words") == split(text, "words")


def test_no_end_of_a_word_touches_its_neighbours():
    """None stands inside a word, and a capital sigma before or behind it is written as at the end of all."""
    ends = [chr(code) for code in range(sys.maxunicode + 1) if END.match(chr(code))]
    assert len(ends) > 20
    for end in ends:
        assert split(f"aΣ{end}Σa", "words") == split("aΣ", "words") + split(end, "words") + split(
            "Σa", "words"
        )


def test_a_word_without_end_is_not_kept_without_end():
    framer = trained("text", "gru", tokens="words").preprocessing.framer(1)
    for _ in range(50):
        list(framer.push(np.array(["x" * 99], object), np.array([0])))
        assert len(framer.pending[0]) < LONGEST


def test_unknown_tokens_are_the_unknown_token():
    stream = trained("text", "gru", tokens="words").stream()
    one, other = stream.step("the zyzzyva ").outputs, stream.reset()
    other = stream.step("the qwertz ").outputs
    assert torch.equal(one, other)


def test_a_missing_value_is_read_as_in_a_file():
    artifact = trained("series", "gru")
    stream = artifact.stream()
    for value in (np.nan, np.inf, 1e300):
        stream.reset()
        stream.feed([3, 4])
        expected = artifact.outputs(dataset("series", [np.array([[3, 4], [np.nan, 1]], np.float32)]))
        torch.testing.assert_close(stream.step([value, 1]).outputs, expected)


@pytest.mark.parametrize("kind", ["series", "sound"])
def test_numbers_of_any_type_are_the_same(kind):
    stream, outputs = trained(kind, "gru").stream(), []
    numbers = np.array([3, 4]) if kind == "series" else np.arange(300)
    for same in (
        numbers,
        numbers.astype(np.float64),
        numbers.astype(np.int16),
        torch.tensor(numbers),
        numbers.tolist(),
    ):
        stream.reset()
        outputs.append(stream.step(same).outputs)
    assert all(torch.equal(output, outputs[0]) for output in outputs)


def test_a_frame_of_bytes_is_its_fractions():
    stream, frame = trained("clip", "lrcn").stream(), items("clip")[0][0]
    one = stream.step(frame).outputs
    stream.reset()
    torch.testing.assert_close(stream.step(frame.astype(np.float32) / 255).outputs, one, atol=1e-5, rtol=1e-5)


WRONG = {
    "three values of two channels": ("series", [1, 2, 3], "expected (t, 2)"),
    "a number": ("series", 3, "expected a row of channels"),
    "two rows for one stream": ("series", [[1, 2], [3, 4]], "shape (2, 2) was given for 1 streams"),
    "words for numbers": ("series", ["a", "b"], "could not convert"),
    "rows of unequal length": ("series", [[1], [2, 3]], "cannot be read as numbers"),
    "samples that are no numbers": ("sound", [0.0, np.nan], "samples that are no numbers"),
    "infinite samples": ("sound", [np.inf], "samples that are no numbers"),
    "pixels that are no numbers": ("clip", np.full((3, 10, 12), np.nan), "pixels that are no numbers"),
    "too many channels": ("clip", np.zeros((7, 10, 12)), "7 channels"),
    "numbers for text": ("text", 3, "expected str"),
    "bytes for text": ("text", b"abc", "expected str"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_data_is_refused_and_changes_nothing(case):
    kind, piece, reason = WRONG[case]
    stream = trained(kind, "lrcn").stream()
    before = stream.state_dict()
    with pytest.raises(DataError, match=re.escape(reason)):
        stream.step(piece)
    assert all(torch.equal(part, before[name]) for name, part in stream.state_dict().items())


OTHERS = [entry for entry in registry.entries() if entry.name not in STREAMABLE]


@pytest.mark.parametrize("entry", OTHERS, ids=lambda entry: entry.name)
def test_what_must_see_the_end_is_refused(entry):
    reason = "whole look-back" if entry.gives == "forecast" else "the whole input"
    with pytest.raises(
        ConfigError, match=f"{entry.name} .* cannot be streamed: .*{reason}.* recurrent: .*gru"
    ):
        check_streamable(entry)


def test_an_artifact_of_such_a_model_has_no_stream():
    with pytest.raises(ConfigError, match=r"transformer .* cannot be streamed"):
        artifact("series", "transformer").stream()


def test_pictures_are_refused():
    from bicameral.artifact import Artifact
    from bicameral.data.dataset import Dataset
    from bicameral.data.preprocessing import fit_preprocessing
    from bicameral.tasks import Classify
    from bicameral.tasks.network import Network

    data = Dataset(name="photos", kind="image", items=[np.zeros((1, 8, 8), np.uint8)])
    fitted, task = fit_preprocessing(data, [0]), Classify(classes=("a", "b"))
    with pytest.raises(DataError, match="image come whole"):
        Artifact(Network(fitted.layout, task, "gru"), fitted, task).stream()


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_in_is_not_written_to(kind):
    piece = items(kind)[0] if kind == "sound" else items(kind)[0][0]
    kept = np.array(piece)
    trained(kind, "gru").stream().step(piece)
    np.testing.assert_array_equal(kept, np.array(piece))
