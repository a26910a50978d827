"""Preprocessing equals independent oracles, sees training rows only and survives JSON bit for bit."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy import signal

from bicameral.data.dataset import Dataset
from bicameral.data.preprocessing import fit_preprocessing, preprocessing_from_dict
from bicameral.data.preprocessing.sound import MOST_FRAMES, fft_size, mel_filters
from bicameral.data.preprocessing.statistics import moments, sampled
from bicameral.errors import ConfigError, DataError

KINDS = ("image", "clip", "sound", "text", "series")
TRAIN = np.array([8, 1, 4, 6, 2, 0])


def items_of(kind, rng, num=10):
    def size():
        return rng.integers(9, 20, 2)

    make = {
        "image": lambda: rng.integers(0, 256, (3, *size()), dtype=np.uint8),
        "clip": lambda: rng.integers(0, 256, (rng.integers(2, 24), 1, *size()), dtype=np.uint8),
        "sound": lambda: rng.normal(size=rng.integers(300, 3000)).astype(np.float32),
        "text": lambda: " ".join(rng.choice(["red", "Green", "blue", "teal"], rng.integers(4, 9))),
        "series": lambda: rng.normal(5, 2, (rng.integers(1, 9), 3)).astype(np.float32),
    }[kind]
    return [make() for _ in range(num)]


def dataset_of(kind, items=None, seed=0):
    items = items_of(kind, np.random.default_rng(seed)) if items is None else items
    return Dataset(name=kind, kind=kind, items=items, rate=8000.0)


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_given_rows_are_seen(kind):
    dataset, other = dataset_of(kind), dataset_of(kind, seed=1)
    mixed = [dataset.items[row] if row in TRAIN else other.items[row] for row in range(10)]
    assert fit_preprocessing(dataset, TRAIN) == fit_preprocessing(replace(dataset, items=mixed), TRAIN)
    assert fit_preprocessing(dataset, TRAIN) != fit_preprocessing(dataset, np.arange(10))


@pytest.mark.parametrize("kind", KINDS)
def test_json_gives_back_the_same_preprocessing(kind):
    dataset = dataset_of(kind)
    fitted = fit_preprocessing(dataset, TRAIN)
    again = preprocessing_from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert again == fitted
    np.testing.assert_array_equal(again(dataset.items[3]), fitted(dataset.items[3]))


@pytest.mark.parametrize("kind", KINDS)
def test_the_layout_is_that_of_the_longest_training_example(kind):
    dataset = dataset_of(kind)
    fitted = fit_preprocessing(dataset, TRAIN)
    prepared = [fitted(dataset.items[row]) for row in TRAIN]
    assert max(x.shape for x in prepared) == fitted.layout.shape
    assert {x.dtype for x in prepared} == {np.dtype(np.int64 if kind == "text" else np.float32)}


@pytest.mark.parametrize("kind", ["image", "clip", "sound", "series"])
def test_training_examples_have_mean_zero_and_deviation_one(kind):
    dataset = dataset_of(kind)
    fitted = fit_preprocessing(dataset, TRAIN)
    axis = {"image": 0, "clip": 1, "sound": 1, "series": 1}[kind]
    channels = [np.moveaxis(fitted(dataset.items[row]), axis, -1) for row in TRAIN]
    values = np.concatenate([x.reshape(-1, x.shape[-1]) for x in channels]).astype(np.float64)
    np.testing.assert_allclose(values.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(values.std(0), 1, atol=1e-5)


def test_moments_survive_a_large_offset_and_ignore_gaps():
    rng = np.random.default_rng(0)
    arrays = [rng.normal(1e7, 1, (n, 2)) for n in (5, 1, 40)]
    arrays[0][2, 1] = np.nan
    mean, deviation = moments(arrays)
    np.testing.assert_allclose(mean, np.nanmean(np.concatenate(arrays), 0), rtol=1e-12)
    np.testing.assert_allclose(deviation, np.nanstd(np.concatenate(arrays), 0), rtol=1e-6)


def test_pictures_are_resized_as_pillow_does():
    picture = np.random.default_rng(0).random((1, 60, 90)).astype(np.float32)
    fitted = fit_preprocessing(dataset_of("image", [picture]), [0], size=30)
    assert fitted.layout.shape == (1, 20, 30)  # the longer side is bounded, the ratio kept
    resized = np.array(Image.fromarray(picture[0], "F").resize((30, 20), Image.Resampling.BILINEAR))
    expected = (resized - resized.mean()) / resized.std()
    np.testing.assert_allclose(fitted(picture)[0], expected, atol=1e-4)


def test_pictures_of_one_size_are_only_standardised():
    pictures = np.random.default_rng(0).integers(0, 256, (7, 2, 5, 6), dtype=np.uint8)
    fitted = fit_preprocessing(dataset_of("image", list(pictures)), np.arange(7))
    unit = pictures / 255
    expected = (unit - unit.mean((0, 2, 3), keepdims=True)) / unit.std((0, 2, 3), keepdims=True)
    np.testing.assert_allclose(np.stack([fitted(x) for x in pictures]), expected, rtol=1e-4, atol=1e-5)


def test_bytes_and_their_fractions_are_the_same_picture():
    picture = np.random.default_rng(0).integers(0, 256, (1, 5, 6), dtype=np.uint8)
    fitted = fit_preprocessing(dataset_of("image", [picture]), [0])
    np.testing.assert_allclose(fitted(picture.astype(np.float32) / 255), fitted(picture), atol=1e-6)


def test_colours_become_those_of_training():
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 256, (3, 8, 8), dtype=np.uint8)
    grey = np.array(Image.fromarray(np.moveaxis(colour, 0, -1)).convert("L"))[None]
    of_colour = fit_preprocessing(dataset_of("image", [colour]), [0])
    of_grey = fit_preprocessing(dataset_of("image", [grey]), [0])
    opaque = np.concatenate([colour, np.full((1, 8, 8), 255, np.uint8)])
    np.testing.assert_array_equal(of_colour(opaque), of_colour(colour))
    np.testing.assert_array_equal(of_colour(grey), of_colour(np.repeat(grey, 3, 0)))
    byte = 1 / 255 / of_grey.deviation[0]  # pillow rounds to bytes
    np.testing.assert_allclose(of_grey(colour), of_grey(grey), atol=byte)
    with pytest.raises(DataError, match="5 channels"):
        of_colour(np.zeros((5, 8, 8), np.uint8))


def test_clips_are_thinned_evenly_from_first_to_last_frame():
    clip = np.arange(40, dtype=np.float32)[:, None, None, None] * np.ones((1, 1, 2, 2), np.float32)
    fitted = fit_preprocessing(dataset_of("clip", [clip, clip[:5]]), [0, 1], frames=16)
    number = fitted(clip)[:, 0, 0, 0] * fitted.deviation[0] + fitted.mean[0]
    assert number.round().tolist() == [round(k * 39 / 15) for k in range(16)]
    assert len(fitted(clip[:5])) == 5


def mel_by_hand(x, rate, window, hop, bands):
    """The textbook formula, loop by loop, on scipy's transform."""
    fft = 2 ** int(np.ceil(np.log2(window)))
    hann = signal.get_window("hann", window)
    _, _, spectrum = signal.stft(
        x, rate, hann, window, window - hop, fft, boundary=None, padded=False, detrend=False
    )
    power = np.abs(spectrum * hann.sum()) ** 2
    edges = [
        700 * (10 ** (m / 2595) - 1) for m in np.linspace(0, 2595 * np.log10(1 + rate / 2 / 700), bands + 2)
    ]
    energy = np.zeros((power.shape[1], bands))
    for band in range(bands):
        low, centre, high = edges[band : band + 3]
        for line in range(len(power)):
            frequency = line * rate / fft
            weight = min((frequency - low) / (centre - low), (high - frequency) / (high - centre))
            energy[:, band] += max(weight, 0) * power[line]
    return np.log(energy + 1e-6)


@pytest.mark.parametrize(("rate", "bands"), [(8000.0, 40), (16000.0, 64)])
def test_log_mel_equals_the_formula(rate, bands):
    x = np.random.default_rng(0).normal(size=int(rate / 4)).astype(np.float32)
    fitted = fit_preprocessing(replace(dataset_of("sound", [x]), rate=rate), [0])
    assert (fitted.window, fitted.hop) == (rate * 0.025, rate * 0.01)
    expected = mel_by_hand(x.astype(np.float64), rate, fitted.window, fitted.hop, bands)
    np.testing.assert_allclose(fitted(x) * fitted.deviation + fitted.mean, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 32000, 44100, 48000])
def test_no_mel_band_is_empty(rate):
    fft = fft_size(round(0.025 * rate))
    assert (mel_filters(float(rate), fft, 40 if rate < 16000 else 64).sum(0) > 0).all()


def test_long_sounds_get_a_wider_hop_and_the_end_is_cut_and_counted():
    rng = np.random.default_rng(0)
    sounds = [rng.normal(size=n).astype(np.float32) for n in (160_000, 40_000)]
    dataset = dataset_of("sound", sounds)
    fitted = fit_preprocessing(dataset, [0, 1], seconds=20.0)
    assert 0.9 * MOST_FRAMES < fitted.layout.shape[0] <= MOST_FRAMES
    assert fitted.window >= fitted.hop
    assert fitted.truncated == 0
    short = fit_preprocessing(dataset, [0, 1], seconds=2.0)
    assert short.truncated == 2
    np.testing.assert_array_equal(short(sounds[0]), short(sounds[0][:16_000]))


def test_a_sound_shorter_than_a_window_is_one_frame():
    dataset = dataset_of("sound")
    silence = fit_preprocessing(dataset, TRAIN)(np.zeros(3, np.float32))
    assert silence.shape == (1, 40)
    assert np.isfinite(silence).all()


def test_a_sound_without_a_rate_is_refused():
    with pytest.raises(DataError, match=r"Dataset\.rate"):
        fit_preprocessing(replace(dataset_of("sound"), rate=None), TRAIN)


def test_words_are_numbered_by_frequency_and_the_rest_is_unknown():
    texts = ["The cat, the dog and the bird!", "A cat and a fish walked on", "Unseen words entirely, here"]
    fitted = fit_preprocessing(dataset_of("text", texts), [0, 1], tokens="words")
    assert fitted.vocabulary == ("the", "a", "and", "cat")  # three; two each, by alphabet
    assert fitted(texts[0]).tolist() == [2, 5, 1, 2, 1, 4, 2, 1, 1]
    assert fitted(texts[2]).tolist() == [1, 1, 1, 1, 1]
    assert fitted("").tolist() == [1]
    assert fitted.layout.vocabulary == 6


def test_long_texts_are_cut_at_the_99th_percentile_and_counted():
    texts = ["a b c d e"] * 990 + ["a b c d e f g h i j"] * 10
    fitted = fit_preprocessing(dataset_of("text", texts), np.arange(1000))
    assert (fitted.layout.shape, fitted.truncated) == ((6,), 10)
    assert len(fitted(texts[-1])) == 6
    bounded = fit_preprocessing(dataset_of("text", texts), np.arange(1000), max_length=3, max_vocabulary=4)
    assert (bounded.layout.shape, bounded.layout.vocabulary, bounded.truncated) == ((3,), 4, 1000)


def test_names_are_read_as_characters_with_their_case():
    fitted = fit_preprocessing(dataset_of("text", ["Anna", "Nan", "Otto"]), [0, 1, 2])
    assert (fitted.tokens, fitted.vocabulary) == ("characters", ("n", "a", "t"))
    assert fitted("aNt").tolist() == [3, 1, 4]


def test_what_is_missing_is_marked_and_never_filled_from_elsewhere():
    rng = np.random.default_rng(0)
    series = [rng.normal(3, 2, (6, 3)).astype(np.float32) for _ in range(3)]
    series[1][2:4, 1] = np.nan
    fitted = fit_preprocessing(dataset_of("series", series), [0, 1, 2])
    x = fitted(series[1])
    assert fitted.marked == (1,)
    np.testing.assert_array_equal(x[:, 3], [0, 0, 1, 1, 0, 0])
    np.testing.assert_array_equal(x[2:4, 1], 0)
    changed = series[1].copy()
    changed[4:] = 100
    np.testing.assert_array_equal(fitted(changed)[:4], x[:4])
    elsewhere = np.full((1, 3), np.nan, np.float32)  # a gap where training had none is the mean
    np.testing.assert_array_equal(fitted(elsewhere), [[0, 0, 0, 1]])
    np.testing.assert_array_equal(fitted(series[1][:0]), [[0, 0, 0, 1]])


def test_a_constant_channel_stays_finite():
    series = np.stack([np.full(9, 0.1, np.float32), np.arange(9, dtype=np.float32)], 1)
    fitted = fit_preprocessing(dataset_of("series", [series, series[:4]]), [0, 1])
    np.testing.assert_allclose(fitted(series)[:, 0], 0, atol=1e-6)
    assert fitted.deviation[0] == 1


def test_a_series_of_other_channels_is_refused():
    with pytest.raises(DataError, match=r"\(4, 2\).*\(t, 3\)"):
        fit_preprocessing(dataset_of("series"), TRAIN)(np.zeros((4, 2), np.float32))


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("image", {"sise": 3}, "did you mean 'size'"),
        ("image", {"size": 0}, "size=0; expected a positive"),
        ("clip", {"frames": "many"}, "frames='many'"),
        ("text", {"tokens": "word"}, "did you mean 'words'"),
        ("series", {"size": 3}, "it takes none"),
    ],
)
def test_wrong_options_are_named(kind, options, message):
    with pytest.raises(ConfigError, match=message):
        fit_preprocessing(dataset_of(kind), TRAIN, **options)


def test_nothing_to_fit_on_is_refused():
    with pytest.raises(DataError, match="no training examples"):
        fit_preprocessing(dataset_of("image"), [])


@pytest.mark.parametrize(
    ("change", "message"),
    [({"kind": "imag"}, "did you mean 'image'"), ({"menn": 1}, "did you mean 'mean'")],
)
def test_a_record_of_something_else_is_refused(change, message):
    record = fit_preprocessing(dataset_of("image"), TRAIN).to_dict()
    with pytest.raises(ConfigError, match=message):
        preprocessing_from_dict(record | change)
    with pytest.raises(ConfigError, match="lacks mean"):
        preprocessing_from_dict({name: value for name, value in record.items() if name != "mean"})


def test_a_sample_of_many_examples_is_spread_evenly_over_them():
    seen = [int(item) for item in sampled(range(1000), np.arange(100, 300), 5)]
    assert seen == [100, 150, 200, 249, 299]
    assert len(list(sampled(range(1000), np.arange(7), 5000))) == 7
