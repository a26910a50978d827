"""Numbers as people read them: scores and differences in the unit of the question, times, counts, chances."""

from collections.abc import Mapping, Sequence
from typing import Any

Question = Mapping[str, Any]
MINUS = "\N{MINUS SIGN}"


def amount(question: Question, difference: float) -> str:
    """Write a difference of scores: "2.6 points" for percentages, else "0.041 mae"."""
    return f"{number(question, difference)} {unit_of_difference(question)}"


def unit_of_difference(question: Question) -> str:
    """Return "points" for percentages, else the name of the metric."""
    return "points" if question["unit"] == "%" else question["metric"]


def axis(question: Question) -> str:
    """Name the metric and its unit, as on an axis: "accuracy, %"."""
    return ", ".join(filter(None, [question["metric"], question["unit"]]))


def number(question: Question, value: float, digits: int = 3) -> str:
    """Write a difference in the unit of the question, without the unit; per cents with one decimal."""
    scaled = value * question["scale"]
    if question["unit"] == "%":
        return f"{scaled:.1f}".replace("-0.0", "0.0").replace("-", MINUS)
    whole = 10**digits - 0.5 <= abs(scaled) < 1e6
    return (f"{scaled:.0f}" if whole else f"{scaled:#.{digits}g}".rstrip(".")).replace("-", MINUS)


def level(question: Question, score: float) -> str:
    """Write a score as the metric it stands for: an error that is scored negative comes out positive."""
    return number(question, score if question["higher_is_better"] else -score)


def tick(question: Question, score: float) -> str:
    """Write a round score on an axis, without needless zeros."""
    return f"{(score if question['higher_is_better'] else -score) * question['scale']:g}"


def level_with_unit(question: Question, score: float) -> str:
    """Write "97.1 %", or "0.412" for a metric without a unit."""
    return f"{level(question, score)} {question['unit']}".rstrip()


def level_interval(question: Question, low: float | None, high: float | None) -> str:
    """Write an interval of scores as one of the metric, smaller bound first; nothing where it is unknown."""
    if low is None or high is None:
        return ""
    first, last = (low, high) if question["higher_is_better"] else (high, low)
    return f"[{level(question, first)}, {level(question, last)}]"


def interval(question: Question, low: float, high: float) -> str:
    """Write an interval of differences: "[1.1, 4.0]"."""
    return f"[{number(question, low)}, {number(question, high)}]"


def significant(value: float) -> str:
    """Write three significant digits without an exponent where one can do without."""
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"


def chance(probability: float) -> str:
    """Write a probability: "0.97", "> 0.99" or "< 0.01"."""
    if probability > 0.995:
        return "> 0.99"
    return "< 0.01" if probability < 0.005 else f"{probability:.2f}"


def chance_of(event: str, probability: float) -> str:
    """Write "P(better by > 1 points) = 0.97", or with > and < near certainty."""
    text = chance(probability)
    return f"P({event}) {text}" if text[0] in "<>" else f"P({event}) = {text}"


def duration(seconds: float) -> str:
    """Write a time: "850 ms", "45 s", "11 min", "2 h 5 min"."""
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 100:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{minutes} min" if minutes < 100 else f"{hours} h {rest} min"


def count(value: float) -> str:
    """Write a large count in short: "812", "35.4 k", "1.2 M", "3.4 G"."""
    for suffix, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g} {suffix}"
    return f"{value:.0f}"


def plural(num: int, noun: str) -> str:
    """Write "1 replicate", "6 replicates"."""
    return f"{num:,} {noun}" + ("" if num == 1 else "s")


def listing(names: Sequence[str]) -> str:
    """Write "gru", "gru and tcn" or "gru, tcn and linear"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def times(ratio: float) -> str:
    """Write "1.4 times", "25 times"."""
    return f"{ratio:.1f} times" if ratio < 9.95 else f"{ratio:,.0f} times"


def probability(p: float) -> str:
    """Write a p value: "= 0.031", "< 0.001"."""
    return "< 0.001" if p < 0.001 else f"= {p:.2g}"
