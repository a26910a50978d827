"""Numbers as people read them."""

import pytest

from bicameral.studies.judge import words

PERCENT = {"metric": "accuracy", "unit": "%", "scale": 100, "higher_is_better": True}
ERROR = {"metric": "mse", "unit": "", "scale": 1, "higher_is_better": False}


def test_percentages_differ_by_points() -> None:
    assert words.amount(PERCENT, 0.026) == "2.6 points"
    assert words.interval(PERCENT, 0.011, 0.04) == "[1.1, 4.0]"
    assert words.level_with_unit(PERCENT, 0.971) == "97.1 %"
    assert words.axis(PERCENT) == "accuracy, %"


def test_an_error_scored_negative_is_written_positive() -> None:
    assert words.amount(ERROR, 0.04) == "0.0400 mse"
    assert words.level_with_unit(ERROR, -0.3) == "0.300"
    assert words.level_interval(ERROR, -0.43, -0.39) == "[0.390, 0.430]"
    assert words.level_interval(ERROR, None, None) == ""
    assert (words.tick(ERROR, -0.2), words.axis(ERROR)) == ("0.2", "mse")


@pytest.mark.parametrize(
    ("value", "digits", "written"),
    [(0.00669, 2, "0.0067"), (99.7, 2, "100"), (99.4, 2, "99"), (999.7, 3, "1000"), (12.345, 3, "12.3")],
)
def test_differences_without_unit_have_so_many_digits(value: float, digits: int, written: str) -> None:
    assert words.number(ERROR, value, digits) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0.0031, "3.1 ms"), (45, "45 s"), (660, "11 min"), (7500, "2 h 5 min"), (86400, "24 h 0 min")],
)
def test_durations(seconds: float, written: str) -> None:
    assert words.duration(seconds) == written


@pytest.mark.parametrize(
    ("value", "written"), [(812, "812"), (35_400, "35.4 k"), (1.2e6, "1.2 M"), (3.4e9, "3.4 G")]
)
def test_counts(value: float, written: str) -> None:
    assert words.count(value) == written


@pytest.mark.parametrize(
    ("probability", "written"),
    [(0.97, "P(x) = 0.97"), (0.999, "P(x) > 0.99"), (0.001, "P(x) < 0.01"), (0.5, "P(x) = 0.50")],
)
def test_chances_never_claim_certainty(probability: float, written: str) -> None:
    assert words.chance_of("x", probability) == written


def test_listings_and_plurals() -> None:
    assert words.listing(["a"]) == "a"
    assert words.listing(["a", "b", "c"]) == "a, b and c"
    assert words.plural(1, "replicate") == "1 replicate"
    assert words.plural(1200, "trial") == "1,200 trials"
