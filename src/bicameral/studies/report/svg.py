"""Inline SVG by hand: elements, scales, ticks, the frame of a plot. Colours and fonts are the page's CSS."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

WIDE, NARROW = 800, 340
_TIMES = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 36000, 86400)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A map from values to pixels, linear or logarithmic."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, here = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        fraction = (here - low) / (high - low) if high > low else 0.5
        return self.start + fraction * (self.end - self.start)

    def inside(self, value: float) -> float:
        """Return the pixel of the value moved into the range."""
        return self(min(max(value, self.low), self.high))

    def ticks(self, most: int = 6) -> list[float]:
        """Return at most about `most` round values of the range."""
        if self.log:
            return _thinned(_decades(self.low, self.high), most)
        step = _round_step((self.high - self.low) / most)
        first = math.ceil(self.low / step - 1e-9)
        return [round(k * step, 12) for k in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def time_ticks(self, most: int = 6) -> list[float]:
        """Return round times in seconds, minutes and hours, for a logarithmic range."""
        inside = [float(time) for time in _TIMES if self.low <= time <= self.high]
        return _thinned(inside, most) if len(inside) > 1 else [self.low, self.high]


def _round_step(rough: float) -> float:
    if rough <= 0:
        return 1.0
    power = 10 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)


def _decades(low: float, high: float) -> list[float]:
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [m * 10.0**e for e in exponents for m in (1, 2, 5)]
    return [value for value in values if low <= value <= high] or [low, high]


def _thinned(values: list[float], most: int) -> list[float]:
    return values[:: math.ceil(len(values) / most)]


def element(name: str, *children: str, **attributes: Any) -> Markup:
    """Return one element; `class_` and `stroke_width` become class and stroke-width; all text is escaped."""
    written = [
        f' {key.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    ]
    return Markup(f"<{name}{''.join(written)}>{''.join(map(escape, children))}</{name}>")


def _plain(value: Any) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def picture(width: float, height: float, description: str, *children: str, class_: str = "") -> Markup:
    """Return an SVG with an alternative text for those who do not see it."""
    return element(
        "svg",
        element("title", description),
        *children,
        viewBox=f"0 0 {_plain(float(width))} {_plain(float(height))}",
        role="img",
        aria_label=description,
        class_=class_ or None,
    )


def both_widths(draw: Callable[[int], Markup]) -> Markup:
    """Return a figure drawn twice, for screens and paper and for phones; CSS shows the one that fits."""
    wide = element("div", draw(WIDE), class_="wide")
    return wide + element("div", draw(NARROW), class_="narrow")


def label(x: float, y: float, text: str, **attributes: Any) -> Markup:
    """Return a text anchored at its start unless told otherwise."""
    return element("text", text, x=float(x), y=float(y), **attributes)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """Return a straight line."""
    return element("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=class_)


def path(points: Sequence[tuple[float, float]], class_: str, **attributes: Any) -> Markup:
    """Return a broken line through the points."""
    return element(
        "path", d="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points), class_=class_, **attributes
    )


Ticks = Sequence[tuple[float, str]]


def frame(x: Scale, y: Scale, x_ticks: Ticks, y_ticks: Ticks, titles: tuple[str, str] = ("", "")) -> Markup:
    """Return grid lines with their labels, y at the left, x below, and what the axes are."""
    across = [
        line(x.start, y(value), x.end, y(value), "grid")
        + label(x.start - 8, y(value) + 4, text, class_="tick", text_anchor="end")
        for value, text in y_ticks
    ]
    below = [
        line(x(value), y.start, x(value), y.start + 4, "axis")
        + label(x(value), y.start + 18, text, class_="tick", text_anchor="middle")
        for value, text in x_ticks
    ]
    named = [
        label(x.end, y.start + 36, titles[0], class_="tick", text_anchor="end"),
        label(x.start - 44, y.end - 12, titles[1], class_="tick"),
    ]
    return Markup("").join([*across, line(x.start, y.start, x.end, y.start, "axis"), *below, *named])


def spread(wanted: Sequence[float], gap: float, high: float) -> list[float]:
    """Move positions apart until neighbours are `gap` away and none is above `high`, keeping their order."""
    placed = list(wanted)
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    nearest = float("-inf")
    for index in order:
        placed[index] = nearest = max(placed[index], nearest + gap)
    for index in reversed(order):
        placed[index] = high = min(placed[index], high)
        high -= gap
    return placed


def shortened(text: str, most: int) -> str:
    """Return the text, or its start and an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + "…"
