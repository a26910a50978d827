"""A comparison killed at random moments: does it resume to the same ledger and the same verdict?

    python benchmarks/kills.py

Runs one comparison undisturbed, then kills twenty others (SIGKILL, the whole process group) at uniformly
random moments, some of them once or twice more while they resume. Writes benchmarks/results/kills.json
and benchmarks/kills.md.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NUM_KILLS, SEED = 20, 0
OPTIONS = ["--budget", "30steps", "--models", "lenet5,gru,mlp,majority", "--replicates", "3", "settings=2"]
CLOCKED = {"session", "canary", "measured", "shipped", "end"}  # kinds of lines with measurements and times
CLOCKS = ("seal", "slowdown", "seconds", "minutes")  # in the names of fields that do


@dataclass
class Case:
    """What was done to a study, and what became of it."""

    killed_after: list[float] = field(default_factory=list)  # seconds, of each process killed
    during: list[str] = field(default_factory=list)  # the newest line of the ledger at each kill
    torn_lines: int = 0
    drafts: int = 0  # half-written files that a kill left
    rewritten: bool = False  # whether a line on disk was lost or changed afterwards
    differences: list[str] = field(default_factory=list)

    @property
    def same(self) -> bool:
        return not self.rewritten and not self.differences


def compare(data: Path, study: Path) -> list[str]:
    """The command of a study."""
    return ["compare", str(data), *OPTIONS, "--name", study.name, "--runs", str(study.parent)]


def whole_run(command: list[str]) -> float:
    """Seconds of a command that must end well."""
    started = time.perf_counter()
    done = subprocess.run(_bicameral(command), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return time.perf_counter() - started


def killed_run(command: list[str], after: float) -> bool:
    """Kill a command and its children after some seconds; False if it had already ended."""
    process = subprocess.Popen(
        _bicameral(command),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait(after)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True


def disturb(data: Path, study: Path, moments: list[float]) -> Case:
    """Kill a study at each of the moments that it lasts to, then let it finish."""
    case, before = Case(), b""
    for moment in moments:
        if killed_run(_next_command(data, study), moment):
            case.killed_after.append(round(moment, 2))
            raw = _read(study / "ledger.jsonl")
            case.rewritten |= not raw.startswith(before)
            case.during.append(_newest(study, raw))
            case.torn_lines += bool(raw) and not raw.endswith(b"\n")
            before = raw[: raw.rfind(b"\n") + 1]
    case.drafts = sum(1 for _ in _drafts(study))
    whole_run(_next_command(data, study))
    case.rewritten |= not _read(study / "ledger.jsonl").startswith(before)
    return case


def one_case(data: Path, study: Path, seconds: float, kills: int, draw: random.Random) -> Case:
    """Disturb a study; one that ended before the first kill is begun again."""
    case = Case()
    while not case.killed_after:
        shutil.rmtree(study, ignore_errors=True)
        case = disturb(data, study, [draw.uniform(0, seconds) for _ in range(kills)])
    return case


def differences(study: Path, reference: Path) -> Iterator[str]:
    """Where two studies differ, clocks apart."""
    ledgers = [_timeless(folder) for folder in (study, reference)]
    if len(ledgers[0]) != len(ledgers[1]):
        yield f"{len(ledgers[0])} lines instead of {len(ledgers[1])}"
    for mine, other in zip(*ledgers, strict=False):
        if mine != other:
            yield f"{other['kind']} {other['key']}"
    results = [_answer(folder) for folder in (study, reference)]
    yield from (key for key in results[1] if results[0][key] != results[1][key])


def main() -> None:
    """Run everything and write the results."""
    from bicameral.cli.demo import write_digits

    draw = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        runs, data = Path(folder), write_digits(Path(folder, "digits.npz"))
        seconds = whole_run(compare(data, runs / "reference"))
        cases = []
        for number in range(NUM_KILLS):
            study = runs / f"killed-{number}"
            cases.append(one_case(data, study, seconds, 1 + number % 4 // 2 + number % 4 // 3, draw))
            cases[-1].differences = list(differences(study, runs / "reference"))
        lines = len(_read(runs / "reference" / "ledger.jsonl").splitlines())
    found = {"command": "bicameral " + " ".join(OPTIONS), "seconds": round(seconds, 1), "lines": lines}
    write({**found, "cases": [{**asdict(case), "same": case.same} for case in cases]})
    sys.exit(0 if all(case.same for case in cases) else 1)


def write(found: dict[str, Any]) -> None:
    """Write the results and the page about them."""
    (HERE / "results" / "kills.json").write_text(json.dumps(found, indent=1) + "\n")
    (HERE / "kills.md").write_text(page(found))


def page(found: dict[str, Any]) -> str:
    """The results as a table."""
    cases = found["cases"]
    kills, same = sum(len(case["killed_after"]) for case in cases), sum(case["same"] for case in cases)
    rows = [
        f"| {number} | {', '.join(f'{s:.1f}' for s in case['killed_after'])} | {', '.join(case['during'])} "
        f"| {case['torn_lines']} | {'same' if case['same'] else '; '.join(case['differences'])} |"
        for number, case in enumerate(cases, start=1)
    ]
    return f"""# Killed comparisons

`python benchmarks/kills.py` runs

    bicameral compare digits.npz {" ".join(OPTIONS)}

once undisturbed ({found["seconds"]} s, {found["lines"]} lines of ledger). It then kills {len(cases)} others
with SIGKILL at uniformly random moments of that time, some again while they resume, and resumes each to its
end. A study that ended before its first kill is begun again.

{same} of {len(cases)} studies, killed {kills} times, ended with the same ledger, line by line, and the same
verdict, scores and pairs; times, measurements of the machine and the seals over them apart. No line that was
on disk before a kill was lost or changed after it: what a kill costs is the trial that was running.

| study | killed after (s) | newest line of the ledger then | torn lines | in the end |
|---|---|---|---|---|
{chr(10).join(rows)}
"""


def _bicameral(command: list[str]) -> list[str]:
    return [sys.executable, "-m", "bicameral", *command]


def _next_command(data: Path, study: Path) -> list[str]:
    """Resume what has begun, else begin again."""
    return ["resume", str(study)] if (study / "plan.json").exists() else compare(data, study)


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _newest(study: Path, raw: bytes) -> str:
    whole = raw[: raw.rfind(b"\n") + 1].splitlines()
    if not whole:
        return "an empty ledger" if (study / "plan.json").exists() else "no study yet"
    line = json.loads(whole[-1])
    return f"{line['kind']} {line['key']}".strip()


def _drafts(study: Path) -> Iterator[Path]:
    return study.rglob(".*")


def _timeless(study: Path) -> list[dict[str, Any]]:
    lines = map(json.loads, (study / "ledger.jsonl").read_text(encoding="utf-8").splitlines())
    return [_without_clocks(line) for line in lines if line["kind"] not in CLOCKED]


def _without_clocks(value: Any) -> Any:
    if isinstance(value, dict):
        kept = (key for key in value if not any(clock in key for clock in CLOCKS))
        return {key: _without_clocks(value[key]) for key in kept}
    return [_without_clocks(item) for item in value] if isinstance(value, list) else value


def _answer(study: Path) -> dict[str, Any]:
    """What the study says, without the speed of the machine."""
    results = json.loads((study / "results.json").read_text(encoding="utf-8"))
    board = [(row["name"], row["scores"], row["low"], row["high"]) for row in results["leaderboard"]]
    told = [results["verdict"][key] for key in ("best", "shortlist", "sentence")]
    return {
        "verdict": told,
        "pairs": _without_clocks(results["pairs"]),
        "leaderboard": board,
        "test": results["test"],
        "errors": results["errors"],
        "files": sorted(path.name for path in study.rglob("*") if not path.name.startswith(".")),
    }


if __name__ == "__main__":
    main()
