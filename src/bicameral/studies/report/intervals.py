"""Figures along one axis: scores of the leaderboard and effects of the probes, each with its interval."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from bicameral.studies.judge import words
from bicameral.studies.report.svg import Scale, element, label, line, picture

Row = Mapping[str, Any]
HEIGHT, MIDDLE = 26, 13
BAR = 236


def judged(leaderboard: Sequence[Row]) -> list[Row]:
    """Return the contenders that have a score: not those that crashed every time."""
    return [row for row in leaderboard if not crashed(row)]


def crashed(row: Row) -> bool:
    """Whether every replicate of a model crashed."""
    return all(score is None for score in row["scores"])


def interval_of(row: Row) -> tuple[float, float]:
    """Return the interval of the mean, the mean alone where there is none."""
    mean = row["mean"]
    return (mean if row["low"] is None else row["low"]), (mean if row["high"] is None else row["high"])


def score_range(leaderboard: Sequence[Row]) -> tuple[float, float]:
    """Return the scores worth showing: a hopeless contender must not squeeze the close ones together."""
    rows = judged(leaderboard)
    best = rows[0]["mean"]
    floor = best - 3 * (best - statistics.median(row["mean"] for row in rows))
    lows = [interval_of(row)[0] for row in rows if row["mean"] >= floor]
    highs = [interval_of(row)[1] for row in rows]
    margin = 0.06 * (max(highs) - min(lows)) or abs(best) * 0.01 or 1.0
    return min(lows) - margin, max(highs) + margin


def score_bar(row: Row, leaderboard: Sequence[Row], question: Row, width: int = BAR) -> Markup:
    """Draw one contender: replicates as ticks, interval, mean, over the band of ± ROPE around the best."""
    scale = _score_scale(leaderboard, width)
    best, rope = judged(leaderboard)[0]["mean"], question["rope"]
    marks = [_band(scale, best - rope, best + rope, "rope"), *_rulers(scale)]
    told = f"{row['name']}: every replicate crashed"
    if not crashed(row):
        bounds = words.level_interval(question, row["low"], row["high"])
        told = f"{row['name']}: {words.level_with_unit(question, row['mean'])} {bounds}"
    if crashed(row) or row["mean"] < scale.low:
        marks.append(label(scale.start, MIDDLE + 5, "◂ off the scale", class_="tick"))
    else:
        marks += [_replicates(row, scale), interval_mark(scale, row["mean"], *interval_of(row))]
    return picture(width, HEIGHT, told, *marks, class_="bar")


def score_axis(leaderboard: Sequence[Row], question: Row, width: int = BAR) -> Markup:
    """Draw the axis the score bars share."""
    scale = _score_scale(leaderboard, width)
    ticks = [
        label(scale(value), MIDDLE + 4, words.tick(question, value), class_="tick", text_anchor="middle")
        for value in scale.ticks(4)
    ]
    return picture(width, 20, "axis of scores", *ticks, class_="bar")


def interval_mark(scale: Scale, mean: float, low: float, high: float, hollow: bool = False) -> Markup:
    """Draw an interval as a line and its mean as a dot."""
    span = line(scale.inside(low), MIDDLE, scale.inside(high), MIDDLE, "interval")
    dot = element("circle", cx=scale.inside(mean), cy=MIDDLE, r=5, class_="hollow" if hollow else "dot")
    return span + dot


def effect_range(probes: Sequence[Row]) -> tuple[float, float]:
    """Return the range of every effect, interval and null of probes in one unit, zero included."""
    keys = ("effect", "low", "high", "null_low", "null_high")
    values = [probe[key] for probe in probes for key in keys if probe.get(key) is not None]
    values += [probe["control"][key] for probe in probes if probe.get("control") for key in keys[:3]]
    low, high = min([0.0, *values]), max([0.0, *values])
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


def probe_bar(probe: Row, limits: tuple[float, float], width: int = 380) -> Markup:
    """Draw an effect over the band its null covers, and the control that should not notice."""
    scale = Scale(low=limits[0], high=limits[1], start=8, end=width - 8)
    zero = line(scale(0), 0, scale(0), HEIGHT, "zero")
    null = Markup("")
    if probe.get("null_low") is not None:
        null = _band(scale, probe["null_low"], probe["null_high"], "null")
    control = probe.get("control")
    mark = Markup("")
    if control:
        mark = interval_mark(scale, control["effect"], control["low"], control["high"], hollow=True)
        mark = element("g", mark, class_="f-control")
    effect = interval_mark(scale, probe["effect"], probe["low"], probe["high"])
    description = f"{probe['name']}: {probe['effect']:.3g} {probe['unit']}"
    return picture(width, HEIGHT, description, null, zero, mark, effect, class_="bar")


def probe_axis(limits: tuple[float, float], unit: str, width: int = 380) -> Markup:
    """Draw the axis the probes of one unit share."""
    scale = Scale(low=limits[0], high=limits[1], start=8, end=width - 8)
    ticks = [
        label(scale(value), 12, f"{value:g}", class_="tick", text_anchor="middle") for value in scale.ticks(5)
    ]
    return picture(width, 18, f"axis in {unit}", *ticks, class_="bar")


def _score_scale(leaderboard: Sequence[Row], width: int) -> Scale:
    low, high = score_range(leaderboard)
    return Scale(low=low, high=high, start=8, end=width - 8)


def _band(scale: Scale, low: float, high: float, class_: str) -> Markup:
    left, right = scale.inside(low), scale.inside(high)
    return element("rect", x=left, y=0, width=max(right - left, 1.0), height=HEIGHT, class_=class_)


def _rulers(scale: Scale) -> list[Markup]:
    return [line(scale(value), 0, scale(value), HEIGHT, "grid") for value in scale.ticks(4)]


def _replicates(row: Row, scale: Scale) -> Markup:
    shown = [score for score in row["scores"] if score is not None and score >= scale.low]
    ticks = [line(scale.inside(score), 5, scale.inside(score), HEIGHT - 5, "replicate") for score in shown]
    return Markup("").join(ticks)
