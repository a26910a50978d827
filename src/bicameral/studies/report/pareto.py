"""Quality against latency, and which contenders no other beats in both."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from bicameral.studies.judge import words
from bicameral.studies.report.intervals import interval_of, judged, score_range
from bicameral.studies.report.svg import Scale, element, frame, label, line, path, picture

Row = Mapping[str, Any]
_SHIFTS = (-7, 16, -20, 28, -33, -46)


def timed(leaderboard: Sequence[Row]) -> list[Row]:
    """Return the contenders with a score whose latency was measured."""
    return [row for row in judged(leaderboard) if (row.get("latency_ms") or {}).get("p50")]


def pareto(results: Mapping[str, Any], width: int) -> Markup:
    """Draw score against latency on a logarithmic axis; the front is the stepped line."""
    rows, question = timed(results["leaderboard"]), results["question"]
    height = 390 if width > 500 else 340
    x, y = _scales(rows, results["leaderboard"], width, height)
    grid = frame(
        x,
        y,
        [(value, words.duration(value / 1000)) for value in x.ticks(7 if width > 500 else 4)],
        [(value, words.tick(question, value)) for value in y.ticks(5)],
        ("latency of one answer, median", words.axis(question)),
    )
    front = [row for row in rows if row["name"] in results.get("pareto", [])]
    points = [_point(row, x, y, question, row in front) for row in rows]
    title = f"{question['metric']} against latency; on the front: {words.listing([r['name'] for r in front])}"
    return picture(width, height, title, grid, _front(front, x, y), *points, _names(rows, x, y))


def _scales(rows: Sequence[Row], leaderboard: Sequence[Row], width: int, height: int) -> tuple[Scale, Scale]:
    times = [row["latency_ms"]["p50"] for row in rows]
    low, high = score_range(leaderboard)
    x = Scale(low=min(times) / 1.6, high=max(times) * 1.6, start=52, end=width - 74, log=True)
    return x, Scale(low=low, high=high, start=height - 44, end=30)


def _front(front: Sequence[Row], x: Scale, y: Scale) -> Markup:
    """Join the front from fast to slow: quality is the best that can be had up to that latency."""
    corners: list[tuple[float, float]] = []
    for row in sorted(front, key=lambda row: row["latency_ms"]["p50"]):
        here = (x(row["latency_ms"]["p50"]), y.inside(row["mean"]))
        corners += [(here[0], corners[-1][1] if corners else y.start), here]
    return path([*corners, (x.end, corners[-1][1])], "front") if corners else Markup("")


def _point(row: Row, x: Scale, y: Scale, question: Row, on_front: bool) -> Markup:
    at, middle = x(row["latency_ms"]["p50"]), y.inside(row["mean"])
    latency = words.duration(row["latency_ms"]["p50"] / 1000)
    told = element("title", f"{row['name']}: {words.level_with_unit(question, row['mean'])} in {latency}")
    low, high = interval_of(row)
    bar = line(at, y.inside(low), at, y.inside(high), "interval")
    dot = element("circle", cx=at, cy=middle, r=6, class_="dot" if on_front else "hollow")
    return element("g", told, bar, dot, class_=f"f-{row['family']}")


def _names(rows: Sequence[Row], x: Scale, y: Scale) -> Markup:
    """Write each name beside its point, moved up or down where it would cover a point or another name."""
    points = [(x(row["latency_ms"]["p50"]), y.inside(row["mean"])) for row in rows]
    taken = [(left - 8, left + 8, middle + 4) for left, middle in points]
    drawn = []
    for row, (at, middle) in zip(rows, points, strict=True):
        text = row["name"] + (" ▾" if row["mean"] < y.low else "")
        left, right = at + 9, at + 11 + 7.4 * len(text)
        heights = [middle + shift for shift in _SHIFTS if middle + shift < y.start]
        height = next((one for one in heights if _is_free(taken, left, right, one)), middle)
        taken.append((left, right, height))
        drawn.append(label(left, height, text, class_=f"name f-{row['family']}"))
    return Markup("").join(drawn)


def _is_free(taken: Sequence[tuple[float, float, float]], left: float, right: float, at: float) -> bool:
    return all(right < start or left > end or abs(at - other) >= 12 for start, end, other in taken)
