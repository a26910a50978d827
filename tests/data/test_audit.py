"""Every check finds its planted fault, names it, and stays silent on the same data without it.

Long because all of them plant their faults in the same made data.
"""

from dataclasses import replace

import numpy as np
import pytest

from bicameral.data.audit import CHECKS, audit
from bicameral.data.audit.gate import raise_on_failure
from bicameral.data.audit.neighbours import SMALL, close_pairs
from bicameral.data.audit.signature import agreeing
from bicameral.data.dataset import Dataset, Fault
from bicameral.data.examples.windows import windows
from bicameral.data.preprocessing import fit_preprocessing
from bicameral.data.read import read
from bicameral.errors import ConfigError, DataError
from bicameral.problems.options import asked_of

SPEAKERS = ("ann", "bob", "cid", "dan")
PARTS = np.array(["train"] * 80 + ["val"] * 20 + ["test"] * 20)


def random(seed=0):
    return np.random.default_rng(seed)


def smooth_pictures(count, seed=0):
    """Random blobs, so that neighbouring pixels agree as in photographs."""
    noise = random(seed).normal(size=(count, 1, 36, 36))
    for axis in (2, 3):
        noise = sum(np.roll(noise, shift, axis) for shift in range(-4, 5))
    noise = noise[..., 4:-4, 4:-4]
    span = np.ptp(noise, axis=(1, 2, 3), keepdims=True)
    return (255 * (noise - noise.min((1, 2, 3), keepdims=True)) / span).astype(np.uint8)


def pictures():
    labels = np.arange(120) % 3
    ids = [f"{'abc'[label]}/{row}.png" for row, label in enumerate(labels)]
    return Dataset(
        name="blobs", kind="image", items=list(smooth_pictures(120)), targets=labels, ids=ids,
        classes=("a", "b", "c"), split=PARTS,
    )  # fmt: skip


def walks(channels=2, steps=60):
    series = random().normal(size=(120, steps, channels)).cumsum(1).astype(np.float32)
    labels = random(1).integers(0, 2, 120)
    return Dataset(
        name="walks", kind="series", items=list(series), targets=labels, classes=("no", "yes"),
        columns=tuple(f"sensor{j}" for j in range(channels)), split=PARTS,
    )  # fmt: skip


def sentences():
    words = np.array([f"word{index}" for index in range(400)])
    texts = [" ".join(random(row).choice(words, 14)) for row in range(120)]
    labels = np.arange(120) % 2
    return Dataset(name="said", kind="text", items=texts, targets=labels, classes=("n", "p"), split=PARTS)


def sounds():
    items = [random(row).normal(size=900).astype(np.float32) for row in range(120)]
    labels = np.arange(120) % 2
    return Dataset(
        name="noise", kind="sound", items=items, targets=labels, classes=("x", "y"), split=PARTS, rate=8000.0
    )


def clips():
    items = list(smooth_pictures(120 * 6, seed=3).reshape(120, 6, 1, 28, 28))
    labels = np.arange(120) % 2
    return Dataset(name="films", kind="clip", items=items, targets=labels, classes=("x", "y"), split=PARTS)


def with_items(dataset, changes):
    items = list(dataset.items)
    for row, item in changes.items():
        items[row] = item
    return replace(dataset, items=items)


def finding(dataset, check, **options):
    assert check in CHECKS
    return next(found for found in audit(dataset, **options).findings if found.check == check)


def assert_found(dataset, check, level, *named, **options):
    found = finding(dataset, check, **options)
    assert found.level == level, found
    for name in named:
        assert any(name in where for where in found.where), found
    return found


@pytest.mark.parametrize("make", [pictures, walks, sentences, sounds, clips])
def test_clean_data_raise_nothing(make):
    assert not audit(make()).at("FAIL")
    assert not audit(make()).at("WARN")


@pytest.mark.parametrize("make", [pictures, walks, sentences, sounds, clips])
def test_same_example_in_two_parts(make):
    data = make()
    planted = with_items(replace(data, ids=[f"file{row}" for row in range(120)]), {110: data.items[3]})
    assert_found(planted, "exact duplicates across parts", "FAIL", "file3 (train) = file110 (test)")


def test_same_example_in_one_part_and_under_two_labels():
    planted = with_items(pictures(), {4: pictures().items[3]})
    assert_found(planted, "exact duplicates in one part", "WARN", "a/3.png (train) = b/4.png (train)")
    assert_found(planted, "duplicates with other labels", "WARN", "a/3.png")
    assert finding(planted, "exact duplicates across parts").level == "PASS"


def brighter(item):
    return np.clip(item * 0.7 + 30, 0, 255).astype(item.dtype)


def louder(item):
    return (3 * item + 0.01 * random().normal(size=item.shape)).astype(np.float32)


def in_capitals(text):
    return text.upper() + "!"


def one_word_longer(text):
    return text + " indeed"


@pytest.mark.parametrize(
    ("make", "alter"),
    [(pictures, brighter), (clips, brighter), (walks, louder), (sounds, louder), (sentences, in_capitals),
     (sentences, one_word_longer)],
)  # fmt: skip
def test_near_copies(make, alter):
    planted = with_items(make(), {110: alter(make().items[3]), 5: alter(make().items[6])})
    across = assert_found(planted, "near duplicates across parts", "FAIL")
    assert len(across.where) == 1
    assert_found(planted, "near duplicates in one part", "WARN")


def test_hashing_finds_what_comparing_all_pairs_finds():
    """The oracle is construction: 20 copies with a little noise among many unrelated vectors."""
    x = random().normal(size=(SMALL + 1000, 64)).astype(np.float32)
    x[-20:] = x[:20] + 0.02 * random(1).normal(size=(20, 64))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    found = {tuple(pair) for pair in close_pairs(x, np.arange(len(x))).tolist()}
    planted = {(row, len(x) - 20 + row) for row in range(20)}
    assert found <= planted
    assert len(found) >= 19


def test_validation_equal_to_test():
    data = pictures()
    planted = with_items(data, {80 + row: data.items[100 + row] for row in range(20)})
    assert_found(planted, "validation equals test", "FAIL")


def test_speaker_on_both_sides():
    clean = replace(sounds(), groups=np.array(["ann"] * 40 + ["bob"] * 40 + ["cid"] * 20 + ["dan"] * 20))
    assert finding(clean, "groups across parts").level == "PASS"
    torn = replace(clean, groups=np.array(["ann", "bob", "cid", "dan"] * 30))
    assert_found(torn, "groups across parts", "FAIL", "ann", "dan")


def test_speaker_only_the_file_names_know():
    names = [f"{row % 2}_{SPEAKERS[row // 2 % 4]}_{row}.wav" for row in range(120)]
    assert_found(replace(sounds(), ids=names), "undeclared groups", "WARN", "ann")


def test_takes_of_one_recording_are_guessed_from_numbers_in_the_names():
    order = random().permutation(120)
    takes = [f"1-{104089 + 7 * (row // 2)}-{'AB'[row % 2]}" for row in order]
    labels = order // 2 % 2
    planted = replace(sounds(), ids=takes, targets=labels)
    found = assert_found(planted, "undeclared groups", "WARN")
    assert "number 2" in found.message
    counters = replace(sounds(), ids=[f"{'xy'[row % 2]}_{1000 + row // 2}" for row in range(120)])
    assert finding(counters, "undeclared groups").level == "PASS"
    apart = [f"1-{104089 + 7 * (row // 2)}-{'AB'[row % 2]}" for row in range(120)]
    whole = replace(sounds(), ids=apart, targets=np.arange(120) // 2 % 2)
    assert finding(whole, "undeclared groups").level == "PASS"


@pytest.mark.parametrize("kind", ["series", "sound", "clip"])
def test_overlapping_windows(kind):
    make = {"series": walks, "sound": sounds, "clip": clips}[kind]
    recording = np.concatenate(make().items)
    size = len(make().items[0])
    starts = (np.arange(120) * size) // 2
    planted = replace(make(), items=[recording[start : start + size] for start in starts])
    assert_found(planted, "overlapping windows", "FAIL", "row 79 (train) = row 80 (val)")
    assert_found(replace(planted, split=None), "overlapping windows", "WARN")


def test_windows_side_by_side_do_not_overlap():
    recording = np.concatenate(walks().items)
    planted = replace(walks(), items=[recording[60 * row : 60 * row + 60] for row in range(120)])
    assert finding(planted, "overlapping windows").level == "PASS"


def test_flat_and_repeating_series_do_not_look_like_windows():
    planted = replace(walks(), items=[np.full((60, 2), row % 2, np.float32) for row in range(120)])
    assert finding(planted, "overlapping windows").level == "PASS"


def stamped(stamps):
    series = random().normal(size=(len(stamps), 1)).astype(np.float32)
    return Dataset(name="log", kind="series", items=[series], times=[stamps])


def test_time_stamps():
    clean = np.datetime64("2020-01-01T00", "h") + np.arange(100)
    assert audit(stamped(clean)).passed
    swapped = clean.copy()
    swapped[[40, 41]] = swapped[[41, 40]]
    assert_found(stamped(swapped), "order of time stamps", "FAIL", "row 0:41")
    twice = clean.copy()
    twice[7] = twice[6]
    assert_found(stamped(twice), "repeated time stamps", "FAIL", "row 0:7")
    assert_found(stamped(clean + np.timedelta64(365 * 24 * 500, "h")), "future time stamps", "WARN")


def test_training_on_what_came_after_the_test_part():
    times = [np.datetime64("2020-01-01", "D") + np.arange(60) + 60 * row for row in range(120)]
    assert finding(replace(walks(), times=times), "training before testing").level == "PASS"
    backwards = replace(walks(), times=times[::-1])
    assert_found(backwards, "training before testing", "WARN", "row 0")


@pytest.mark.parametrize("axes", [(0, 1), 0], ids=["by channel", "by step"])
def test_scaler_fitted_on_everything(axes):
    x = np.stack(walks().items).astype(np.float64)
    x[100:] += 1  # the test part is shifted, as later data are
    scaled = (x - x.mean(axes)) / x.std(axes)
    assert_found(
        replace(walks(), items=list(scaled.astype(np.float32))), "scaler fitted on everything", "FAIL"
    )
    train = x[:80]
    honest = (x - train.mean(axes)) / train.std(axes)
    assert finding(replace(walks(), items=list(honest)), "scaler fitted on everything").level == "PASS"


def test_series_standardised_over_its_future():
    walk = random().normal(size=(500, 1)).cumsum(0)
    data = Dataset(name="walk", kind="series", items=[(walk - walk.mean()) / walk.std()])
    assert_found(data, "scaler fitted on everything", "WARN")
    assert finding(replace(data, items=[walk]), "scaler fitted on everything").level == "PASS"


@pytest.mark.parametrize(
    "leak", [lambda label: np.full(60, label), lambda label: np.append(np.zeros(59), label)]
)
def test_label_in_a_column(leak):
    data = walks()
    items = [np.c_[item, leak(label)] for item, label in zip(data.items, data.targets, strict=True)]
    planted = replace(data, items=items, columns=("sensor0", "sensor1", "diagnosis"))
    found = assert_found(planted, "label leaked into a column", "FAIL", "diagnosis")
    assert len(found.where) == 1


def test_label_in_a_noisy_column():
    data = walks()
    noisy = [np.c_[item, label + 0.05 * random(row).normal(size=60)]
             for row, (item, label) in enumerate(zip(data.items, data.targets, strict=True))]  # fmt: skip
    planted = replace(data, items=noisy, columns=("sensor0", "sensor1", "diagnosis"))
    assert_found(planted, "label leaked into a column", "WARN", "diagnosis")


def test_label_in_the_size_of_the_picture():
    labels = pictures().targets
    sizes = {"height": 28 + 4 * labels, "bytes": random().integers(900, 1000, 120)}
    assert_found(replace(pictures(), properties=sizes), "label leaked into the files", "FAIL", "height")
    shuffled = {"height": random().permutation(sizes["height"]), "bytes": sizes["bytes"]}
    assert finding(replace(pictures(), properties=shuffled), "label leaked into the files").level == "PASS"


def test_class_missing_in_a_part():
    split = pictures().split.copy()
    split[(pictures().targets == 2) & (split == "val")] = "train"
    assert_found(pictures(), "class missing in a part", "WARN", "class c in val", split=split)


def test_counting():
    few = pictures().subset(np.arange(8))
    assert_found(few, "number of examples", "FAIL")
    one = replace(pictures(), targets=np.zeros(120, int))
    assert_found(one, "several classes", "FAIL", "a")
    rare = replace(pictures(), targets=np.where(np.arange(120) < 3, 2, np.arange(120) % 2))
    assert_found(rare, "class balance", "WARN", "class c")
    assert_found(rare, "tiny classes", "WARN", "class c: 3")
    drifted = replace(
        pictures(), targets=np.where(np.arange(120) < 80, np.arange(120) % 3 % 2, 1 + np.arange(120) % 2)
    )
    assert_found(drifted, "class shares across parts", "WARN", "test")


def test_broken_and_empty():
    fault = Fault("a/broken.png", "truncated picture (90 of 400 bytes)")
    assert_found(replace(pictures(), faults=(fault,)), "unreadable files", "WARN", "a/broken.png: truncated")
    assert_found(replace(pictures(), faults=(fault,) * 20), "unreadable files", "FAIL")
    blank = with_items(pictures(), {3: np.zeros((1, 28, 28), np.uint8)})
    assert_found(blank, "blank examples", "WARN", "a/3.png")
    holes = [np.where([[True, False]], item, np.nan) for item in walks().items]
    assert_found(replace(walks(), items=holes), "dead channels", "WARN", "sensor1: mostly missing")
    dead = [np.where([[True, False]], item, 7) for item in walks().items]
    assert_found(replace(walks(), items=dead), "dead channels", "WARN", "sensor1: constant")
    targets = np.where(np.arange(120) == 5, np.nan, 1.0)
    assert_found(replace(walks(), targets=targets, classes=()), "NaN and infinity", "FAIL", "row 5")


def forecast_windows(gap):
    walk = random().normal(size=(400, 1)).cumsum(0)
    series = Dataset(
        name="walk", kind="series", items=[walk], ids=["walk"], columns=("x",), target_columns=("x",)
    )
    cut = windows(series, lookback=16, horizon=8)
    starts = np.arange(len(cut))
    split = np.where(starts < 200, "train", np.where(starts < 200 + gap, "left out", "test"))
    return replace(cut, split=split)


def test_windows_to_be_forecast():
    """Look-backs overlap by design; what must not overlap are the targets of two parts."""
    assert audit(forecast_windows(gap=8)).passed
    assert_found(forecast_windows(gap=0), "overlapping windows", "FAIL", "walk:")


def test_a_note_about_a_table_is_not_a_broken_series():
    note = Fault("log.csv, column No", "left out: it numbers the rows")
    data = replace(stamped(np.datetime64("2020-01-01T00", "h") + np.arange(100)), faults=(note,))
    assert_found(data, "unreadable files", "WARN", "column No")


def test_the_summary_reads_well_and_survives_json():
    import json

    result = audit(with_items(pictures(), {110: pictures().items[3]}))
    assert not result.passed
    told = json.loads(json.dumps(result.to_dict()))
    assert told["findings"][0]["check"] == "exact duplicates across parts"
    assert "a/3.png (train) = c/110.png (test)" in str(result)


REAL = ["ArrowHead", "Coffee", "GunPoint", "ItalyPowerDemand", "OliveOil", "Trace"]


@pytest.mark.parametrize("name", REAL)
def test_real_series_raise_no_failure(shared_data, name):
    import gzip

    folder = shared_data("ucr_a") / name
    with (
        gzip.open(folder / f"{name}_TRAIN.tsv.gz", "rt") as train,
        gzip.open(folder / f"{name}_TEST.tsv.gz", "rt") as test,
    ):
        tables = [np.loadtxt(file, delimiter="\t") for file in (train, test)]
    rows = np.concatenate(tables)
    classes, labels = np.unique(rows[:, 0], return_inverse=True)
    split = np.repeat(["train", "test"], [len(table) for table in tables])
    data = Dataset(
        name=name, kind="series", items=list(rows[:, 1:, None]), targets=labels, split=split,
        classes=tuple(map(str, classes)),
    )  # fmt: skip
    result = audit(data)
    assert result.passed, result
    assert {found.check for found in result.at("WARN")} <= {"tiny classes", "exact duplicates in one part"}


def test_texts_that_are_cut_are_counted():
    texts = [f"word number {row} " * (400 if row % 4 == 0 else 3) for row in range(40)]
    finding = next(f for f in audit((texts, ["a", "b"] * 20)).findings if f.check == "texts cut short")
    assert finding.level == "WARN"
    assert finding.message.startswith("25% of the texts are longer than 512 words")
    assert "max_length=1200" in finding.message
    short = next(f for f in audit((texts[1:4] * 9, list("aab") * 9)).findings if f.check == "texts cut short")
    assert short.level == "PASS"


def test_as_much_of_a_text_is_read_as_is_asked_for():
    texts = read((["one two three " * 400] * 4, ["a", "b"] * 2))
    assert fit_preprocessing(texts, np.arange(4)).layout.shape == (512,)
    task, asked = asked_of(texts, {"max_length": 1000})
    assert task.fit_preprocessing(texts, np.arange(4), asked).layout.shape == (1000,)


def test_the_share_of_the_test_part_decides_between_a_warning_and_a_stop():
    split = np.array(["train"] * 100 + ["val"] * 40 + ["test"] * 100)
    texts = [f"text number {row} of many other texts here" for row in range(240)]
    data = Dataset(
        name="t", kind="text", items=texts, targets=np.arange(240) % 2, classes=("a", "b"), split=split
    )
    assert_found(with_items(data, {200: texts[1]}), "exact duplicates across parts", "WARN")
    planted = with_items(data, {200 + row: texts[row] for row in range(3)})
    found = assert_found(planted, "exact duplicates across parts", "FAIL")
    assert "3.00% of test" in found.message
    in_val = with_items(data, {100 + row: texts[row] for row in range(8)})
    assert_found(in_val, "exact duplicates across parts", "WARN")


def test_a_short_text_that_recurs_is_no_leak():
    data = with_items(sentences(), {3: "very good indeed", 110: "very good indeed"})
    assert_found(data, "exact duplicates across parts", "WARN")
    more = with_items(
        data, {row: text for at in range(4) for row, text in ((at, f"so {at}"), (111 + at, f"so {at}"))}
    )
    assert_found(more, "exact duplicates across parts", "FAIL")


def chords():
    return [(random(row).random((60, 88)) < 0.05).astype(np.float32) for row in range(120)]


@pytest.mark.parametrize("shared", [0.2, 0.3])
def test_tunes_that_share_some_chords_are_no_near_copies(shared):
    rolls = chords()
    rolls[110] = rolls[3].copy()
    rolls[110][int(60 * shared) :] = random(5).random((60 - int(60 * shared), 88)) < 0.05
    assert len(agreeing(rolls, np.array([[3, 110]]))) == 0
    almost = rolls[3].copy()
    almost[::20] = 0
    assert len(agreeing([*rolls, almost], np.array([[3, 120]]))) == 1


def test_a_class_that_training_never_sees_stops_and_one_that_validation_lacks_warns():
    rare = np.where(np.arange(120) % 3 == 2, 2, np.arange(120) % 2)
    untrained = np.where((rare == 2) & (PARTS == "train"), 0, rare)
    found = assert_found(
        replace(pictures(), targets=untrained), "class missing in a part", "FAIL", "class c in train"
    )
    assert "of test has a class that training never sees" in found.message
    one = np.where(PARTS == "val", 0, pictures().targets)
    assert_found(replace(pictures(), targets=one), "several classes", "WARN", "a")


def test_one_check_is_overridden_and_the_others_still_stop():
    failed = audit(with_items(pictures(), {110: pictures().items[3]})).to_dict()
    raise_on_failure(failed, override="duplicates,groups")
    raise_on_failure(failed, override=True)
    for override in (False, ["groups"]):
        with pytest.raises(DataError, match="exact duplicates across parts"):
            raise_on_failure(failed, override=override)
    with pytest.raises(ConfigError, match="did you mean 'duplicates'"):
        raise_on_failure(failed, override="duplicats")


def test_folders_inside_a_class_are_no_declared_groups():
    ids = [f"{'abc'[row % 3]}/batch{row % 2}/{row}.png" for row in range(120)]
    folders = np.array([name.rsplit("/", 1)[0] for name in ids])
    assert_found(replace(pictures(), ids=ids, groups=folders), "groups across parts", "WARN", "batch0")
    people = np.array([f"person{row % 7}" for row in range(120)])
    assert_found(replace(pictures(), ids=ids, groups=people), "groups across parts", "FAIL", "person0")


def test_rounding_and_holes_raise_no_warning_from_the_arithmetic_of_scalers():
    huge = [np.full((60, 2), 1e8 + row % 2, np.float64) for row in range(120)]
    holed = [np.where(random(row).random((60, 2)) < 0.5, np.nan, 1.0) for row in range(120)]
    holed = [np.where(np.arange(60)[:, None] == 0, np.nan, item) for item in holed]
    infinite = [np.where(np.arange(60)[:, None] == 1, np.inf, item) for item in huge]
    for items in (huge, holed, infinite):
        assert finding(replace(walks(), items=items), "scaler fitted on everything").level == "PASS"
