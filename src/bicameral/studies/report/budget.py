"""Budget curves: what each family is expected to reach after how much device time."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from bicameral.studies.judge import words
from bicameral.studies.report.svg import Scale, element, frame, label, line, path, picture, spread

Curve = Mapping[str, Any]
_DASHES = (None, "6 4", "2 3")


def budget_curves(results: Mapping[str, Any], width: int) -> Markup:
    """Draw the curves with their bands, named at their ends, and where the lead changes hands."""
    curves, question = results["curves"], results["question"]
    height = 390 if width > 500 else 330
    x, y = _scales(curves, width, height)
    most = 7 if width > 500 else 4
    grid = frame(
        x,
        y,
        [(value, words.duration(value)) for value in x.time_ticks(most)],
        [(value, words.tick(question, value)) for value in y.ticks(5)],
        ("device time spent on tuning", words.axis(question)),
    )
    marks = [_crossing(crossing, x, y) for crossing in results.get("crossings", [])]
    behind = [_band(curve, x, y) if curve.get("low") else _trials(curve, x, y) for curve in curves]
    plot = _clipped([*behind, *_lines(curves, x, y)], x, y)
    described = words.listing([curve["name"] for curve in curves])
    title = f"Expected best {question['metric']} against device time for {described}"
    return picture(width, height, title, grid, *marks, plot, _names(curves, x, y))


def _scales(curves: Sequence[Curve], width: int, height: int) -> tuple[Scale, Scale]:
    times = [time for curve in curves for time in curve["seconds"]]
    reached = [value for curve in curves for value in curve["expected_best"]]
    ends = [curve["expected_best"][-1] for curve in curves]
    lowest = min(min(curve.get("low") or curve["expected_best"]) for curve in curves)
    # What is reached at the very beginning may be far below; the contest is near the ends.
    low = max(lowest, max(ends) - 3 * (max(ends) - min(ends)) - 0.25 * (max(reached) - min(reached)))
    high = max(max(curve.get("high") or curve["scores"]) for curve in curves)
    margin = 0.05 * (high - low) or 0.01
    x = Scale(low=min(times) * 0.9, high=max(times) * 1.02, start=52, end=width - 96, log=True)
    return x, Scale(low=low - margin, high=high + margin, start=height - 44, end=44)


def _clipped(children: Sequence[Markup], x: Scale, y: Scale) -> Markup:
    """Return the children cut to the plot: a nested SVG clips without needing an id."""
    box = {"x": x.start, "y": y.end, "width": x.end - x.start, "height": y.start - y.end}
    view = f"{box['x']} {box['y']} {box['width']} {box['height']}"
    return element("svg", *children, viewBox=view, **box)


def _band(curve: Curve, x: Scale, y: Scale) -> Markup:
    upper = [(x(s), y(v)) for s, v in zip(curve["seconds"], curve["high"], strict=True)]
    lower = [(x(s), y(v)) for s, v in zip(curve["seconds"], curve["low"], strict=True)]
    return path([*upper, *lower[::-1]], f"band f-{curve['family']}")


def _trials(curve: Curve, x: Scale, y: Scale) -> Markup:
    at = x(curve["seconds"][0])
    dots = [element("circle", cx=at, cy=y(score), r=2.5, class_="trial") for score in curve["scores"]]
    return element("g", *dots, class_=f"f-{curve['family']}")


def _lines(curves: Sequence[Curve], x: Scale, y: Scale) -> list[Markup]:
    seen: dict[str, int] = {}
    drawn = []
    for curve in curves:
        place = seen[curve["family"]] = seen.get(curve["family"], -1) + 1
        points = [(x(s), y(v)) for s, v in zip(curve["seconds"], curve["expected_best"], strict=True)]
        dash = _DASHES[place % len(_DASHES)]
        drawn.append(path(points, f"curve f-{curve['family']}", stroke_dasharray=dash))
    return drawn


def _names(curves: Sequence[Curve], x: Scale, y: Scale) -> Markup:
    ends = [y.inside(curve["expected_best"][-1]) for curve in curves]
    placed = spread(ends, 16, y.start)
    drawn = []
    for curve, end, wanted in zip(curves, ends, placed, strict=True):
        last = x(curve["seconds"][-1])
        lead = path([(last + 3, end), (x.end + 3, end), (x.end + 9, wanted)], "leader")
        text = label(x.end + 13, wanted + 4, curve["name"], class_=f"name f-{curve['family']}")
        drawn.append(lead + text)
    return Markup("").join(drawn)


def _crossing(crossing: Mapping[str, Any], x: Scale, y: Scale) -> Markup:
    at = x.inside(crossing["seconds"])
    text = f"{crossing['to']} leads from {words.duration(crossing['seconds'])}"
    left = at < (x.start + x.end) / 2
    written = label(at + (6 if left else -6), 14, text, class_="note", text_anchor="start" if left else "end")
    return line(at, 4, at, y.start, "crossing") + written
