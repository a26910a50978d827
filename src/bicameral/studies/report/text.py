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
from bicameral.studies.report.intervals import crashed

Results = Mapping[str, Any]
_COLOURS = {"better": "green", "worse": "red", "undecided": "yellow", "not trained": "yellow"}
_PLAIN_WIDTH = 120


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
    verdict = results["verdict"]
    if verdict["choice"]:
        yield "choice", verdict["choice"]["sentence"], "bold"
    yield from (("audit", line, "") for line in _audit(results))
    yield from (("probes", probe["sentence"], "") for probe in _ran(results))
    yield "verdict", verdict["sentence"], "" if verdict["choice"] else "bold"
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
    judged = {one["name"]: one for role in ("candidate", "baseline") if (one := test.get(role))}
    lines = [sealed_level(question, one) for one in judged.values()]
    return [*lines, sealed_pair(question, test["pair"])] if test.get("pair") else lines


def sealed_level(question: Results, one: Results) -> str:
    """Say how a model did on the sealed part, beside the replicates."""
    level = words.level_with_unit(question, one["score"])
    bounds = words.level_interval(question, one["low"], one["high"])
    gap = one["score"] - one["replicates_mean"]
    beside = f"{words.amount(question, abs(gap))} {'above' if gap >= 0 else 'below'} the replicates"
    return f"{one['name']} {level} {bounds} on the sealed part, opened once: {beside}{_trained_on(one)}"


def _trained_on(one: Results) -> str:
    if not one["replicates_num_train"]:
        return ""
    more = 100 * (one["num_train"] / one["replicates_num_train"] - 1)
    return f", trained on {abs(more):.0f} % {'more' if more >= 0 else 'fewer'} examples"


def sealed_pair(question: Results, pair: Results) -> str:
    """Say how far apart two models are on the same sealed examples."""
    ahead, behind = (pair["a"], pair["b"]) if pair["difference"] >= 0 else (pair["b"], pair["a"])
    turn = 1 if pair["difference"] >= 0 else -1
    bounds = sorted(turn * end for end in (pair["low"], pair["high"])) if pair["low"] is not None else None
    told = f" {words.interval(question, *bounds)}" if bounds else ""
    p = f", p {words.probability(pair['p_value'])}" if pair["p_value"] is not None else ""
    amount = words.amount(question, abs(pair["difference"]))
    return f"{ahead} above {behind} by {amount}{told} on the same sealed examples{p} ({pair['method']})"


def _board(results: Results) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("model", "family"):
        table.add_column(name, no_wrap=True)
    for name in (results["question"]["metric"], "95 % interval", "trained", "latency", "P(best)"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for row in results["leaderboard"]:
        table.add_row(*_cells(row, results))
    return table


def _cells(row: Mapping[str, Any], results: Mapping[str, Any]) -> list[str | Text]:
    question, latency = results["question"], (row.get("latency_ms") or {}).get("p50")
    mean, verdict = row["mean"], row["verdict"] or "best mean"
    return [
        row["name"],
        row["family"] if row["role"] == "candidate" else row["role"],
        "crashed" if crashed(row) else words.level_with_unit(question, mean),
        words.level_interval(question, row["low"], row["high"]),
        trained(row["trained"]),
        words.duration(latency / 1000) if latency else "",
        "" if row["p_best"] is None else words.chance(row["p_best"]),
        Text(verdict, style=_COLOURS.get(verdict, "")),
    ]


def trained(found: Results) -> str:
    """Say how long a model was trained: "23 steps, 0.8 epochs, 0.16 s"."""
    parts = []
    if found["steps"] is not None:
        parts += [f"{found['steps']:.0f} steps", f"{found['epochs']:.3g} epochs"]
    if found["seconds"]:
        parts.append(words.duration(found["seconds"]))
    return ", ".join(parts)
