"""The page: results in, one HTML file out, with its figures, its style and its data inside."""

import json
import re
from collections.abc import Collection, Mapping
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from bicameral.disk import write_text
from bicameral.studies.judge import words
from bicameral.studies.report import intervals
from bicameral.studies.report.budget import budget_curves
from bicameral.studies.report.calibration import reliability
from bicameral.studies.report.card import card
from bicameral.studies.report.confusion import MOST_CLASSES, confusion_map, most_confused
from bicameral.studies.report.copies import copies
from bicameral.studies.report.pareto import pareto, timed
from bicameral.studies.report.parts import balance, split_bar
from bicameral.studies.report.sparkline import sparkline
from bicameral.studies.report.svg import both_widths
from bicameral.studies.report.text import sealed_pair, trained

LIMIT = 3_000_000  # bytes of the whole page
MARKS = {"better": "▲", "worse": "▼", "practically equal": "=", "undecided": "?", "not trained": "·"}
_FOLDER = Path(__file__).parent
_STATISTICS = re.compile(r"(,? ?(?:\[[^\]]*\](?:, )?)?P\(.*?\) (?:=|&gt;|&lt;) [\d.]+|\[[^\]]*\])")

Results = Mapping[str, Any]


def write_report(results: Results, folder: Path) -> Path:
    """Write `report.html` and `verdict.svg` into `folder`; return the path of the page."""
    page = folder / "report.html"
    write_text(page, whole_page(results))
    write_text(folder / "verdict.svg", card(results))
    return page


def whole_page(results: Results) -> str:
    """Return the page as it is written: without pictures where it would be above 3 MB."""
    html = render_page(results)
    return html if len(html.encode()) <= LIMIT else render_page(_without_pictures(results))


def render_page(results: Results) -> str:
    """Return the page as text."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "duration": words.duration,
        "count": words.count,
        "headline": headline,
        "sentence": partial(sentence, names={row["name"] for row in results["leaderboard"]}),
        "trained": trained,
        "crashed": intervals.crashed,
        "sealed_pair": lambda pair, question: sealed_pair(question, pair),
        "sparkline": sparkline,
        "confused": most_confused,
    }
    return environment.get_template("report.html.j2").render(
        r=results, marks=MARKS, words=words, style=_style(), data=embedded(results), **_figures(results)
    )


def headline(sentence: str) -> Markup:
    """Return the sentence with its statistics set apart, so that the words can be read in one go."""
    return Markup(_STATISTICS.sub(r'<span class="stat">\1</span>', str(escape(sentence))))


def sentence(text: str, names: Collection[str] = ()) -> str:
    """Begin with a capital, but where a model's name stands first, and end with a full stop."""
    named = re.split(r"[ :,]", text)[0] in names
    first = text[:1] if named else text[:1].upper()
    return f"{first}{text[1:]}{'' if text.endswith('.') else '.'}"


def embedded(results: Results) -> Markup:
    """Return the data as JSON that cannot end the script element around it; pictures stand in the page."""
    text = json.dumps(_without_pictures(results), ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))


def verdict_grid(results: Results) -> list[dict[str, Any]]:
    """Return who beats whom: for each contender a row of what it is beside each other."""
    names = [row["name"] for row in results["leaderboard"]]
    found = {(pair["a"], pair["b"]): (pair["verdict"], pair["difference"]) for pair in results["pairs"]}
    opposite = {"better": "worse", "worse": "better"}
    for (a, b), (verdict, difference) in list(found.items()):
        found[b, a] = (opposite.get(verdict, verdict), -difference)
    return [{"name": name, "cells": [found.get((name, other)) for other in names]} for name in names]


def _figures(results: Results) -> dict[str, Any]:
    """Return the functions and figures the templates place; what the results lack is None."""
    errors, data, board = results.get("errors") or {}, results.get("data") or {}, results["leaderboard"]
    confusion = errors.get("confusion") or {"classes": ()}
    small = 0 < len(confusion["classes"]) <= MOST_CLASSES
    ready = {
        "budget_figure": bool(results.get("curves")) and (lambda width: budget_curves(results, width)),
        "pareto_figure": bool(timed(board)) and (lambda width: pareto(results, width)),
        "confusion_figure": small and (lambda width: confusion_map(confusion, min(width, 520))),
        "split_figure": data.get("split") and (lambda width: split_bar(data["split"], width)),
        "balance_figure": data.get("classes") and (lambda width: balance(data["classes"], width)),
    }
    return {
        **{name: both_widths(draw) if draw else None for name, draw in ready.items()},
        "calibration_figure": errors.get("calibration") and reliability(errors["calibration"], 360),
        "bars": [intervals.score_bar(row, board, results["question"]) for row in board],
        "bar_axis": intervals.score_axis(board, results["question"]),
        "grid": verdict_grid(results),
        "copies": copies(results),
        "probe_groups": _probe_groups(results),
    }


def _probe_groups(results: Results) -> list[dict[str, Any]]:
    """Return the probes that ran, those of one unit together on one axis."""
    ran = [probe for probe in results.get("probes") or [] if not probe.get("skipped")]
    ordered = sorted(ran, key=lambda probe: probe["unit"])
    by_unit = groupby(ordered, lambda probe: probe["unit"])
    return [_probe_group(unit, list(probes)) for unit, probes in by_unit]


def _probe_group(unit: str, probes: list[Mapping[str, Any]]) -> dict[str, Any]:
    limits = intervals.effect_range(probes)
    drawn = [(probe, intervals.probe_bar(probe, limits)) for probe in probes]
    return {"unit": unit, "probes": drawn, "axis": intervals.probe_axis(limits, unit)}


def _without_pictures(results: Results) -> dict[str, Any]:
    errors = results.get("errors") or {}
    worst = [{**shown, "thumbnail": None} for shown in errors.get("worst") or []]
    strips = [{**shown, "picture": None} for shown in errors.get("strips") or []]
    return {**results, "errors": {**errors, "worst": worst, "strips": strips} if errors else None}


def _style() -> Markup:
    return Markup((_FOLDER / "report.css").read_text(encoding="utf-8"))
