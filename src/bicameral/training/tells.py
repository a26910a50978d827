"""How a race is told: a line for each contestant as it finishes, and the table that the card keeps."""

from typing import Any

from bicameral.progress import console
from bicameral.training.race import Race
from bicameral.training.runs import Run


class Tells:
    """Writes to standard error, to a terminal and into a pipe alike."""

    def __init__(self, race: Race, *, shown: bool):
        self.race, self.shown, self.begun = race, shown, False

    def __call__(self, run: Run) -> None:
        """Tell of a run that has just ended."""
        if not self.shown:
            return
        if not self.begun:
            self._line(f"{'contestant':<28} {'val ' + self.race.task.metric:>14} {'seconds':>8}")
            self.begun = True
        ahead = run.output is not None and run is self.race.leader
        notes = [run.note, "best so far" if ahead else ""]
        value = "-" if run.output is None else f"{self.value(run):.4g}"
        told = ", ".join(note for note in notes if note)
        spent = f"{run.seconds:.1f}" if run.seconds else ""
        self._line(f"{run.contestant.name:<28} {value:>14} {spent:>8}  {told}".rstrip())

    def value(self, run: Run) -> float:
        """The headline metric in its own direction."""
        return self.race.task.headline.score(run.merit[0])

    def table(self) -> list[dict[str, Any]]:
        """Every run: its name, validation metric, seconds and note."""
        return [self._row(run) for run in self.race.runs]

    def plan(self) -> list[dict[str, Any]]:
        """What the budget will hold, contestant by contestant."""
        return [
            {"contestant": run.contestant.name, "plan": run.note or self._epochs(run)}
            for run in self.race.forecast()
        ]

    def _epochs(self, run: Run) -> str:
        if not run.epoch:
            return "trained for the whole budget, if it is the first that can be"
        return f"{run.epoch:.3g} seconds an epoch: at most {self.race.left() / run.epoch:.3g} epochs fit"

    def _row(self, run: Run) -> dict[str, Any]:
        row: dict[str, Any] = {"contestant": run.contestant.name}
        if run.output is not None:
            row[f"val {self.race.task.metric}"] = float(f"{self.value(run):.6g}")
        return row | {"seconds": round(run.seconds, 2)} | ({"note": run.note} if run.note else {})

    def _line(self, text: str) -> None:
        console.print(text, soft_wrap=True, highlight=False, markup=False)
