"""The verdict as one picture, to be shown elsewhere: an SVG of 1200 by 630 that needs no style sheet."""

import textwrap
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from bicameral.studies.judge import words
from bicameral.studies.report.intervals import crashed, interval_of, judged, score_range
from bicameral.studies.report.svg import Scale, element

Results = Mapping[str, Any]
WIDTH, HEIGHT, EDGE, MOST = 1200, 630, 60, 7
INK, SOFT, PAPER, RULE = "#1b1a18", "#5a5751", "#fcfbf8", "#e4e0d8"
COLOURS = {
    "convolutional": "#006ca8",
    "recurrent": "#b34f00",
    "hybrid": "#00755a",
    "attention": "#9c4379",
}


def card(results: Results) -> str:
    """Draw the choice in words and the best of the leaderboard with their intervals."""
    verdict, question = results["verdict"], results["question"]
    told = verdict["choice"]["sentence"] if verdict["choice"] else verdict["sentence"]
    wrapped = textwrap.wrap(told, 52)[:3]
    title = [_text(EDGE, 118 + 52 * place, text, size=42) for place, text in enumerate(wrapped)]
    about = " · ".join([question["data"], f"{question['task']} {question['kind']}", words.axis(question)])
    head = [_text(EDGE, 56, "bicameral", size=22, weight=600), _text(190, 56, about, size=22, fill=SOFT)]
    body = [*head, *title, *_rows(results, 150 + 52 * len(wrapped))]
    ground = element("rect", width=WIDTH, height=HEIGHT, fill=PAPER)
    size = {"width": WIDTH, "height": HEIGHT, "viewBox": f"0 0 {WIDTH} {HEIGHT}"}
    return str(element("svg", ground, *body, xmlns="http://www.w3.org/2000/svg", **size))


def _rows(results: Results, top: float) -> list[Markup]:
    rows = [row for row in judged(results["leaderboard"]) if not crashed(row)][:MOST]
    if not rows:
        return []
    low, high = score_range(rows)
    scale, step = Scale(low=low, high=high, start=640, end=WIDTH - EDGE), (HEIGHT - 40 - top) / len(rows)
    return [
        mark
        for place, row in enumerate(rows)
        for mark in _row(results, row, top + step * (place + 0.6), scale)
    ]


def _row(results: Results, row: Results, y: float, scale: Scale) -> list[Markup]:
    colour, (low, high) = COLOURS.get(row["family"], SOFT), interval_of(row)
    level = words.level_with_unit(results["question"], row["mean"])
    return [
        _line(EDGE, WIDTH - EDGE, y + 20, RULE, 1),
        element("circle", cx=EDGE + 7, cy=y - 7, r=7, fill=colour),
        _text(EDGE + 26, y, row["name"], size=24, weight=600),
        _text(470, y, level, size=24, anchor="end"),
        _text(490, y, row["verdict"] or "best mean", size=18, fill=SOFT),
        _line(scale.inside(low), scale.inside(high), y - 7, colour, 5),
        element("circle", cx=scale.inside(row["mean"]), cy=y - 7, r=9, fill=colour),
    ]


def _line(x1: float, x2: float, y: float, colour: str, width: int) -> Markup:
    return element(
        "line", x1=x1, y1=y, x2=x2, y2=y, stroke=colour, stroke_width=width, stroke_linecap="round"
    )


def _text(
    x: float, y: float, text: str, *, size: int, weight: int = 400, anchor: str = "start", fill: str = INK
) -> Markup:
    return element(
        "text",
        text,
        x=x,
        y=y,
        fill=fill,
        font_size=size,
        font_weight=weight,
        text_anchor=anchor,
        font_family="system-ui, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif",
    )
