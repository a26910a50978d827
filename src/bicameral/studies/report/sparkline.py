"""A series as a line the size of a word."""

from collections.abc import Sequence

from markupsafe import Markup

from bicameral.studies.report.svg import Scale, path, picture


def sparkline(values: Sequence[float], width: int = 132, height: int = 56) -> Markup:
    """Draw the values from left to right, lowest at the bottom."""
    x = Scale(low=0, high=max(len(values) - 1, 1), start=2, end=width - 2)
    y = Scale(low=min(values), high=max(values), start=height - 4, end=4)
    points = [(x(place), y(value)) for place, value in enumerate(values)]
    return picture(width, height, f"a series of {len(values)} values", path(points, "spark"))
