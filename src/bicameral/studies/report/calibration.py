"""The reliability diagram: does a confidence of 0.8 come true in eight of ten cases?"""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from bicameral.studies.report.svg import Scale, element, frame, line, path, picture


def reliability(calibration: Mapping[str, Any], width: int) -> Markup:
    """Draw accuracy against confidence; the area of a dot is the number of answers in its bin."""
    side = min(width, 360)
    x = Scale(low=0, high=1, start=42, end=side - 10)
    y = Scale(low=0, high=1, start=side - 40, end=10)
    ticks = [(value / 5, f"{value / 5:g}") for value in range(6)]
    bins = calibration["bins"]
    most = max((one["count"] for one in bins), default=1)
    gaps = [_gap(one, x, y) for one in bins]
    dots = [_dot(one, x, y, most) for one in bins]
    title = f"Accuracy against confidence; expected calibration error {calibration['ece']:.3f}"
    diagonal = path([(x(0), y(0)), (x(1), y(1))], "diagonal")
    return picture(side, side, title, frame(x, y, ticks, ticks), diagonal, *gaps, *dots)


def _gap(one: Mapping[str, Any], x: Scale, y: Scale) -> Markup:
    at = x(one["confidence"])
    return line(at, y(one["confidence"]), at, y(one["accuracy"]), "gap")


def _dot(one: Mapping[str, Any], x: Scale, y: Scale, most: int) -> Markup:
    told = element(
        "title", f"confidence {one['confidence']:.2f}, right {one['accuracy']:.2f}, {one['count']} answers"
    )
    radius = 2.5 + 7.5 * (one["count"] / most) ** 0.5
    return element(
        "circle", told, cx=x(one["confidence"]), cy=y(one["accuracy"]), r=float(radius), class_="bin"
    )
