"""A finished study in the hand: its verdict, its leaderboard, its best model."""

from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from markupsafe import escape

from bicameral.artifact import Artifact
from bicameral.studies.judge import words
from bicameral.studies.record.folder import read_results, undamaged
from bicameral.studies.report.text import render, trained


class LoadedStudy:
    """What a study folder says. `results` is its results.json."""

    def __init__(self, folder: Path, results: Mapping[str, Any]):
        self.folder, self.results = folder, results

    @property
    def verdict(self) -> str:
        """The choice with what it gives up, where there is one, and what is shown."""
        found = self.results["verdict"]
        return ". ".join([found["choice"]["sentence"]] * bool(found["choice"]) + [found["sentence"]])

    @cached_property
    def best(self) -> Artifact:
        """The saved model with the best mean of all roles."""
        return Artifact.from_pretrained(self.folder / "best")

    def leaderboard(self) -> Any:
        """A row a model, the best first: a data frame where pandas is installed, else dictionaries."""
        rows = [self._row(row) for row in self.results["leaderboard"]]
        if find_spec("pandas") is None:
            return rows
        pandas = import_module("pandas")
        return pandas.DataFrame(rows).set_index("model")

    def _row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        question, better_up = self.results["question"], self.results["question"]["higher_is_better"]
        ends = [row["low"], row["high"]] if better_up else [row["high"], row["low"]]
        low, mean, high = (
            None if end is None else end if better_up else -end for end in (ends[0], row["mean"], ends[1])
        )
        return {
            "model": row["name"],
            "family": row["family"],
            question["metric"]: mean,
            "low": low,
            "high": high,
            "p_best": row["p_best"],
            "verdict": row["verdict"] or "best mean",
            "steps": row["trained"]["steps"],
            "epochs": row["trained"]["epochs"],
            "train_seconds": row["trained"]["seconds"],
            "latency_ms": (row["latency_ms"] or {}).get("p50"),
            "parameters": row["parameters"],
        }

    def __repr__(self) -> str:
        return render(self.results, color=False)

    def _repr_html_(self) -> str:
        question = self.results["question"]
        cells = "".join(
            f"<tr><th>{escape(row['name'])}</th><td>{words.level_with_unit(question, row['mean'])} "
            f"{words.level_interval(question, row['low'], row['high'])}</td>"
            f"<td>{escape(row['verdict'] or 'best mean')}</td><td>{trained(row['trained'])}</td></tr>"
            for row in self.results["leaderboard"]
        )
        header = (
            f"<tr><th>model</th><th>{escape(question['metric'])}</th><th>verdict</th><th>trained</th></tr>"
        )
        return f"<p>{escape(self.verdict)}.</p><table><thead>{header}</thead><tbody>{cells}</tbody></table>"


def load_study(path: str | Path) -> LoadedStudy:
    """Load a finished study, such as runs/0001."""
    folder = Path(path)
    with undamaged(folder):
        return LoadedStudy(folder, read_results(folder))
