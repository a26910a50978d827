"""The page and the text: complete, self-contained, safe with hostile names, whole when parts are missing."""

import json
import re
from dataclasses import asdict
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from studies.example_results import example_results

from bicameral.studies.judge.expected_best import budget_curve
from bicameral.studies.report import write_report
from bicameral.studies.report.budget import budget_curves
from bicameral.studies.report.card import card
from bicameral.studies.report.copies import bibtex, latex, markdown
from bicameral.studies.report.page import LIMIT, headline, render_page
from bicameral.studies.report.pareto import pareto
from bicameral.studies.report.svg import NARROW, WIDE, Scale, element, spread
from bicameral.studies.report.text import render

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    return json.loads(json.dumps(example_results()))


@pytest.fixture(scope="module")
def page(results: dict[str, Any]) -> str:
    return render_page(results)


class Page(HTMLParser):
    """Collects elements, attributes, text outside of scripts, and checks that tags are closed in order."""

    VOID = frozenset({"meta", "img", "br", "hr", "input", "link"})

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self.data = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.data += data
        else:
            self.words.append(data)


def test_every_tag_is_closed_and_every_section_is_there(page: str) -> None:
    parsed = Page(page)
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids))
    wanted = {"leaderboard", "pairs", "views", "budget", "pareto", "data", "probes", "errors"}
    assert {*wanted, "cite", "provenance", "not-shown", "results"} == set(parsed.ids)


def test_links_of_the_contents_lead_somewhere(page: str) -> None:
    parsed = Page(page)
    targets = [attrs["href"] for tag, attrs in parsed.seen if tag == "a"]
    assert targets
    assert all(target and target[1:] in parsed.ids for target in targets)


def test_the_sentence_stands_first_with_its_interval(page: str, results: dict[str, Any]) -> None:
    heading = re.search(r"<h1>(.*?)</h1>", page, re.DOTALL)
    assert heading
    text = "".join(Page(f"<h1>{heading[1]}</h1>").words)
    assert text.lower() == f"{results['verdict']['choice']['sentence']}.".lower()
    assert results["verdict"]["sentence"].split(" by ")[0] in page


def test_the_page_needs_nothing_but_itself(page: str) -> None:
    for tag, attrs in Page(page).seen:
        assert tag not in ("link", "iframe", "object", "embed", "base")
        assert all(not (attrs.get(key) or "").startswith(("http", "//")) for key in ("src", "href"))
        assert not any(name.startswith("on") for name in attrs)
    assert "@import" not in page
    assert "url(" not in page


def test_the_page_holds_its_data(page: str, results: dict[str, Any]) -> None:
    held = json.loads(Page(page).data)
    assert held["leaderboard"] == results["leaderboard"]
    assert held["pairs"] == results["pairs"]
    assert all(shown["thumbnail"] is None for shown in held["errors"]["worst"])


def test_every_figure_has_an_alternative_text(page: str) -> None:
    drawn = [attrs for tag, attrs in Page(page).seen if tag == "svg" and "width" not in attrs]
    assert len(drawn) > 20
    assert all(attrs.get("aria-label") or attrs.get("aria-hidden") for attrs in drawn)
    assert all("alt" in attrs for tag, attrs in Page(page).seen if tag == "img")


def test_hostile_names_stay_text(results: dict[str, Any]) -> None:
    hostile = json.loads(json.dumps(results).replace('"conv_gru"', json.dumps(HOSTILE)))
    hostile["data"]["classes"][0]["name"] = HOSTILE
    hostile["errors"]["confusion"]["classes"][1] = HOSTILE
    hostile["errors"]["worst"][0] |= {"id": HOSTILE, "predicted": HOSTILE, "thumbnail": "javascript:alert(1)"}
    hostile["data"]["audit"][0]["where"] = [HOSTILE]
    hostile["verdict"]["sentence"] = hostile["verdict"]["lines"][0] = hostile["question"]["data"] = HOSTILE
    hostile["provenance"]["command"] = hostile["not_shown"][0]["why"] = HOSTILE
    parsed = Page(render_page(hostile))
    assert sum(tag == "script" for tag, _ in parsed.seen) == 1
    assert json.loads(parsed.data)["question"]["data"] == HOSTILE
    images = [attrs["src"] or "" for tag, attrs in parsed.seen if tag == "img"]
    assert len(images) == 11
    assert all(source.startswith("data:image/png") for source in images)
    assert not any("onerror" in attrs for _, attrs in parsed.seen)


def test_missing_parts_leave_a_whole_page(results: dict[str, Any]) -> None:
    bare = {
        key: results[key] for key in ("version", "question", "verdict", "leaderboard", "pairs", "provenance")
    }
    bare |= {
        "views": {},
        "curves": [],
        "crossings": [],
        "pareto": [],
        "probes": [],
        "errors": None,
        "test": None,
    }
    bare["leaderboard"] = [{**row, "latency_ms": None, "disk_mb": None} for row in bare["leaderboard"]]
    parsed = Page(render_page(bare))
    text = " ".join(" ".join(parsed.words).split())
    assert parsed.open == []
    assert {"leaderboard", "pairs", "data", "provenance", "not-shown"} <= set(parsed.ids)
    assert "the test part was not opened" in text
    assert "probes were not run" in text
    assert "Undefined" not in text
    assert "None" not in text


def test_a_recommendation_is_shown_though_no_probe_was_run(results: dict[str, Any]) -> None:
    skipped = [{**probe, "skipped": "does not fit into 7 s"} for probe in results["probes"]]
    parsed = Page(render_page({**results, "probes": skipped}))
    assert "No probe was run" in " ".join(parsed.words)
    links = {link for tag, held in parsed.seen if tag == "a" and (link := held.get("href"))}
    assert {link[1:] for link in links if link.startswith("#")} <= set(parsed.ids)
    assert "#probes" in links
    bare = Page(render_page({**results, "probes": skipped, "recommendation": []}))
    assert not any(held.get("href") == "#probes" for tag, held in bare.seen if tag == "a")


def test_a_recommended_model_that_was_not_compared_is_marked(results: dict[str, Any]) -> None:
    compared = Page(render_page(results)).words
    assert not any("not compared" in word for word in compared)
    stranger = {**results["recommendation"][0], "model": "clip_net", "rank": 3}
    page = Page(render_page({**results, "recommendation": [*results["recommendation"], stranger]}))
    assert [word.strip() for word in page.words if ", not compared" in word] == [
        "convolutional, confidence 0.80, not compared"
    ]
    assert any("Not all were compared" in word for word in page.words)


def test_the_bands_of_the_budget_curves_stay_within_their_frame(results: dict[str, Any]) -> None:
    many = budget_curve("gru", "recurrent", np.linspace(0.5, 0.95, 24).tolist(), [3.0] * 24, worst=0.1)
    results = {**results, "curves": [*results["curves"], asdict(many)]}
    for width in (WIDE, NARROW):
        drawn = str(budget_curves(results, width))
        (axis,) = re.findall(r'<line[^>]* y1="([\d.]+)"[^>]* class="axis"', drawn)[:1]
        bands = re.findall(r'<path d="([^"]*)" class="band', drawn)
        bottom = max(float(y) for band in bands for y in re.findall(r"[ML][\d.]+ ([\d.]+)", band))
        assert bottom <= float(axis)


def test_names_of_points_off_the_scale_stand_above_the_axis(results: dict[str, Any]) -> None:
    best = {**results["leaderboard"][0], "latency_ms": {"p50": 1.0, "p95": 1.0, "tag": "measured"}}
    far = [{**best, "name": f"far{number}", "mean": best["mean"] - 50} for number in range(3)]
    drawn = pareto({**results, "leaderboard": [best, *far], "pareto": [best["name"]]}, 700)
    heights = re.findall(r'<text[^>]* y="([\d.]+)"[^>]*>far\d ▾', drawn)
    assert len(set(heights)) == 3
    assert all(float(height) < 390 - 44 for height in heights)


def test_a_contender_that_always_crashed_is_shown_as_such(results: dict[str, Any]) -> None:
    crashed = {**results["leaderboard"][3], "scores": [None] * 6}
    board = [*results["leaderboard"][:3], crashed]
    text = " ".join(Page(render_page({**results, "leaderboard": board, "pairs": []})).words)
    assert "crashed" in text
    assert "crashed" in render({**results, "leaderboard": board})


def test_an_error_metric_is_shown_as_people_know_it(results: dict[str, Any]) -> None:
    question = {**results["question"], "metric": "mse", "unit": "", "scale": 1, "higher_is_better": False}
    row = {**results["leaderboard"][0], "mean": -0.412, "low": -0.43, "high": -0.39, "scores": [-0.41, -0.42]}
    errors = {"worst": [{"id": "window 7", "error": 3.25, "sparkline": [0.1, 0.5, 0.3]}]}
    errors["residuals"] = {"quantiles": [0.0, 0.1, 0.2, 0.5, 1.5, 3.25]}
    forecast = {**results, "question": question, "leaderboard": [row], "pairs": [], "errors": errors}
    text = " ".join(Page(render_page(forecast)).words)
    assert "0.412" in text
    assert "[0.390, 0.430]" in text
    assert "-0.412" not in text
    assert "error 3.25" in " ".join(text.split())


def test_many_classes_give_a_list_instead_of_a_map(results: dict[str, Any]) -> None:
    classes = [f"class {index}" for index in range(120)]
    counts = (5 * np.eye(120, dtype=int)).tolist()
    counts[3][7] = 1
    errors = {**results["errors"], "confusion": {"classes": classes, "counts": counts}}
    page = render_page({**results, "errors": errors})
    assert "Confusion of" not in page
    assert "<b>class 3</b> taken for <b>class 7</b>" in page


def test_a_page_too_heavy_is_written_without_pictures(tmp_path: Path, results: dict[str, Any]) -> None:
    heavy = {**results["errors"]["worst"][0], "thumbnail": "data:image/png;base64," + "A" * LIMIT}
    page = write_report({**results, "errors": {**results["errors"], "worst": [heavy]}}, tmp_path)
    assert page == tmp_path / "report.html"
    assert page.stat().st_size < LIMIT


def test_the_card_is_one_picture_that_needs_nothing_and_keeps_hostile_names_text(
    tmp_path: Path, results: dict[str, Any]
) -> None:
    write_report(results, tmp_path)
    root = ElementTree.fromstring((tmp_path / "verdict.svg").read_text())
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "choose conv_gru: everything else is shown to be worse" in " ".join(filter(None, texts))
    assert "97.2 %" in texts
    hostile = json.loads(json.dumps(results).replace('"conv_gru"', json.dumps(HOSTILE)))
    drawn = ElementTree.fromstring(card(hostile))
    assert not [element for element in drawn.iter() if "script" in str(element.tag)]


def test_the_leaderboard_can_be_copied(results: dict[str, Any]) -> None:
    assert "| conv_gru | 97.2 | [96.8, 97.6] | > 0.99 |" in markdown(results)
    assert r"conv\_gru & 97.2 & [96.8, 97.6] & $>$ 0.99" in latex(results)
    assert "ledger c7740e19bd2a6f85" in bibtex(results)


def test_statistics_are_set_apart_from_the_words() -> None:
    told = headline("a beats <b> by 2.6 points [1.1, 4.0], P(better by > 1) = 0.97, under equal seconds only")
    assert told == (
        'a beats &lt;b&gt; by 2.6 points<span class="stat"> [1.1, 4.0], P(better by &gt; 1) = 0.97</span>'
        ", under equal seconds only"
    )


def test_the_text_says_what_the_page_says(results: dict[str, Any]) -> None:
    text = render(results, color=False)
    labels = [line.split()[0] for line in text.splitlines() if line[:1].strip()]
    assert labels[:6] == ["choice", "audit", "probes", "verdict", "curve", "test"]
    assert results["verdict"]["sentence"] in " ".join(text.split())
    assert "PASS 3  WARN 2  FAIL 0" in text
    assert "resnet leads below 80 s of tuning; conv_gru after" in text
    assert "\x1b" not in text
    assert all(row["name"] in text for row in results["leaderboard"])


def test_the_text_is_coloured_for_a_terminal(results: dict[str, Any]) -> None:
    assert "\x1b[" in render(results, color=True)


def test_linear_ticks_are_round_and_inside() -> None:
    assert Scale(low=0.887, high=0.981, start=0, end=100).ticks(5) == [0.9, 0.92, 0.94, 0.96, 0.98]


def test_logarithmic_scale_spends_the_same_length_on_every_decade() -> None:
    scale = Scale(low=1, high=100, start=0, end=50, log=True)
    assert (scale(1), scale(10), scale(100)) == (0, 25, 50)
    assert scale.ticks(9) == [1, 2, 5, 10, 20, 50, 100]


def test_labels_keep_their_order_and_distance() -> None:
    placed = spread([50.0, 52.0, 51.0, 98.0, 99.0], 10, 100)
    assert sorted(range(5), key=lambda index: placed[index]) == [0, 2, 1, 3, 4]
    ordered = sorted(placed)
    assert all(b - a >= 10 - 1e-9 for a, b in pairwise(ordered))
    assert ordered[-1] <= 100


def test_an_element_escapes_children_and_attributes() -> None:
    drawn = element("text", "<b>", class_='"x', stroke_width=2.50)
    assert drawn == '<text class="&#34;x" stroke-width="2.5">&lt;b&gt;</text>'
