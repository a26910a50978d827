"""The report in short, for a terminal: audit, probes, verdict, curve and a table."""

import io
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from bicameral.studies.judge import words

Results = Mapping[str, Any]
_COLOURS = {"better": "green", "worse": "red", "undecided": "yellow", "winner": "bold"}
_PLAIN_WIDTH = 110


def render(results: Results, *, color: bool | None = None) -> str:
    """Return the text; coloured and wrapped to the terminal where standard output is one."""
    terminal = sys.stdout.isatty() if color is None else color
    looks: dict[str, Any] = {} if terminal else {"no_color": True, "width": _PLAIN_WIDTH}
    console = Console(file=io.StringIO(), force_terminal=terminal, **looks)
    with console.capture() as captured:
        console.print(Group(_told(results), Text(), _board(results)))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _told(results: Results) -> Table:
    """Label at the left, what it says at the right, wrapped under itself."""
    table = Table.grid(padding=(0, 1))
    table.add_column(width=8, no_wrap=True)
    table.add_column(overflow="fold")
    before = ""
    for name, text, style in _lines(results):
        table.add_row(Text("" if name == before else name, style="dim"), Text(text, style=style))
        before = name
    return table


def _lines(results: Results) -> Iterator[tuple[str, str, str]]:
    yield from (("audit", line, "") for line in _audit(results))
    yield from (("probes", probe["sentence"], "") for probe in _ran(results))
    yield "verdict", results["verdict"]["sentence"], "bold"
    yield from (("verdict", line, "") for line in results["verdict"]["lines"])
    yield from (("but", caveat, "yellow") for caveat in results["verdict"]["caveats"])
    yield from (("curve", _crossing(crossing), "") for crossing in results.get("crossings") or [])
    yield from (("test", line, "") for line in _test(results))


def _audit(results: Results) -> list[str]:
    found = (results.get("data") or {}).get("audit") or []
    levels = Counter(one["level"] for one in found)
    loud = [
        f"{one['level']} {one['check']}: {one['message']}"
        for one in found
        if one["level"] in ("WARN", "FAIL")
    ]
    return (
        ["  ".join(f"{level} {levels[level]}" for level in ("PASS", "WARN", "FAIL")), *loud] if found else []
    )


def _ran(results: Results) -> list[Mapping[str, Any]]:
    return [probe for probe in results.get("probes") or [] if not probe.get("skipped")]


def _crossing(crossing: Mapping[str, Any]) -> str:
    time = words.duration(crossing["seconds"])
    return f"{crossing['from']} leads below {time} of tuning; {crossing['to']} after"


def _test(results: Results) -> list[str]:
    question, test = results["question"], results.get("test") or {}
    judged = [test[role] for role in ("winner", "baseline") if test.get(role)]
    return [
        f"{one['name']} {words.level_with_unit(question, one['score'])} on the sealed part, opened once; "
        f"optimism {words.amount(question, one['optimism_gap'])}"
        for one in judged
    ]


def _board(results: Results) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("model", "family"):
        table.add_column(name, no_wrap=True)
    for name in (results["question"]["metric"], "95 % interval", "latency"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for row in results["leaderboard"]:
        table.add_row(*_cells(row, results))
    return table


def _cells(row: Mapping[str, Any], results: Mapping[str, Any]) -> list[str | Text]:
    question, latency = results["question"], (row.get("latency_ms") or {}).get("p50")
    mean, verdict = row["mean"], row["verdict_vs_winner"]
    beaten = verdict == "winner" and row is not results["leaderboard"][0]
    return [
        row["name"],
        row["family"] if row["role"] == "candidate" else row["role"],
        "crashed" if mean is None else words.level_with_unit(question, mean),
        words.level_interval(question, row["low"], row["high"]),
        words.duration(latency / 1000) if latency else "",
        Text("best candidate" if beaten else verdict, style=_COLOURS.get(verdict, "")),
    ]
