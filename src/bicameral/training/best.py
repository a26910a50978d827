"""The best model for one's own data inside a budget: raced, blended, refitted, judged once, saved."""

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bicameral.artifact import Artifact, refuse_other_files
from bicameral.data.audit.gate import Override
from bicameral.errors import ConfigError
from bicameral.tasks.answering import answer
from bicameral.tasks.blended import Blend
from bicameral.training.blend import blended
from bicameral.training.budgets import training_budget
from bicameral.training.card import course, provenance
from bicameral.training.contestants import contestants, kind_of
from bicameral.training.prepare import Ready, audited, ready
from bicameral.training.race import Race
from bicameral.training.refit import Rows, is_of_series, refitted, rows_of
from bicameral.training.runs import Run
from bicameral.training.tells import Tells

MOST_BLENDED = 6  # runs that a blend is chosen from, the best ones


@dataclass(frozen=True)
class Winner:
    """Who is saved: one run, or several as one."""

    name: str
    network: Any
    runs: list[Run]

    @property
    def lead(self) -> Run:
        return self.runs[0]


def train_best(
    source: Any,
    *,
    folder: str | Path,
    budget: str | float = "60s",
    seed: int = 0,
    blend: bool = True,
    recipe: Mapping[str, Any] | None = None,
    data_options: Mapping[str, Any] | None = None,
    override_audit: Override = False,
    progress: bool = True,
    dry_run: bool = False,
) -> Any:
    """Race the models that suit `source` within the budget and save the best, with its test metrics."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ConfigError("several processes train one model together; name it with --model")
    found = ready(source, data_options, seed=seed)
    race = race_of(found, budget=budget, seed=seed, recipe=recipe)
    tells = Tells(race, shown=progress)
    if dry_run:
        return {"split": found.counts, "race": tells.plan()}
    folder = Path(folder)
    refuse_other_files(folder)
    facts = {**found.problem.origin, "audit": audited(found, override=override_audit), "split": found.counts}
    race.began, began = time.perf_counter(), time.perf_counter()
    race.tell = partial(_told, tells, partial(_keep, race, found, folder, facts))
    stopped = _run(race)
    winner = choose(race, blend=blend)
    rows = rows_of(found)
    artifact = _finished(race, found, winner, rows, quick=stopped)
    artifact.card = {
        **facts,
        **artifact.card,
        **provenance(winner.lead.recipe, seed, race.budget),
        **course(winner.lead.history),
        "seconds": round(time.perf_counter() - began, 2),
        "race": tells.table(),
    }
    if is_of_series(race.task, found.problem.dataset) and not stopped:
        _up_to_the_end(race, winner, rows, artifact)
    artifact.save_pretrained(folder)
    if stopped:
        raise KeyboardInterrupt(f"the best so far is kept in {folder}")
    return artifact


def race_of(found: Ready, *, budget: str | float, seed: int, recipe: Mapping[str, Any] | None) -> Race:
    """Everybody who can answer the question, at the start."""
    entered = contestants(kind_of(found.problem.raw, found.draw.preprocessing.layout))
    return Race(found.draw, entered, budget=training_budget(budget), seed=seed, recipe=recipe)


def choose(race: Race, *, blend: bool) -> Winner:
    """The leader, or a blend where that is clearly better on the validation part."""
    leader = race.leader
    runs = sorted(race.finished, key=lambda run: (run is leader, run.merit), reverse=True)[:MOST_BLENDED]
    if blend and race.task.can_mix:
        outputs = [run.output for run in runs if run.output is not None]
        weights = blended(race.task, outputs, 0, race.y)
        if weights is not None:
            return _blend(runs, weights)
    return Winner(leader.contestant.model, leader.network, [leader])


def _blend(runs: list[Run], weights: list[float]) -> Winner:
    used = sorted((number for number in range(len(runs)) if weights[number] > 0), key=lambda n: -weights[n])
    members = [runs[number] for number in used]
    network = Blend([run.network for run in members], [weights[number] for number in used])
    return Winner("blend", network, members)


def _run(race: Race) -> bool:
    """Let everybody run; whether the user stopped it when somebody had answered."""
    try:
        race.run()
    except KeyboardInterrupt:
        if not race.finished:
            raise
        return True
    assert race.finished, "nobody answered"
    return False


def _told(tells: Tells, keep: Callable[[], None], run: Run) -> None:
    tells(run)
    keep()


def _keep(race: Race, found: Ready, folder: Path, facts: Mapping[str, Any]) -> None:
    """Save whoever has taken the lead, so that a first answer stands after seconds."""
    if race.runs[-1] is race.leader and math.isfinite(race.leader.merit[0]):
        artifact = Artifact(race.leader.network.eval(), found.draw.preprocessing, race.task, dict(facts))
        artifact.card["unfinished"] = "the best so far of a race that went on"
        artifact.save_pretrained(folder)


def _finished(race: Race, found: Ready, winner: Winner, rows: Rows, *, quick: bool) -> Artifact:
    """The winner, fitted to all that is not the test part, and judged on that once."""
    network, but_for = (winner.network, "") if quick else _refit(race, winner, rows.rest)
    card = {"model": winner.name, "fitted to": "train" if quick else f"train and val{but_for}"}
    card |= _scores(race, winner.network, found.draw.val, "val")
    card |= _scores(race, network.eval(), found.draw.judged, "test")
    yardstick = _yardstick(race, winner)
    if yardstick is not None:
        card["yardstick"] = yardstick.contestant.name
        headline = _scores(race, yardstick.network, found.draw.judged, "yardstick test")
        card |= {name: value for name, value in headline.items() if name.endswith(f" {race.task.metric}")}
    return Artifact(network, found.draw.preprocessing, race.task, card)


def _yardstick(race: Race, winner: Winner) -> Run | None:
    """The best of the others that need no training."""
    others = [run for run in race.finished if run.solved and run not in winner.runs]
    return max(others, key=lambda run: run.merit, default=None)


def _scores(race: Race, network: Any, part: Any, name: str) -> dict[str, float]:
    output, y = answer(network, part)
    assert y is not None
    found = race.task.metrics(output.float(), y)
    return {f"{name} {metric}": round(value, 6) for metric, value in found.items()}


def best_network(race: Race, *, blend: bool = True) -> tuple[Any, Winner]:
    """Run the race; return the winner's network, fitted to all examples, and who it is."""
    race.run()
    winner, whole = choose(race, blend=blend), race.draw.train.joined(race.draw.val)
    return _refit(race, winner, lambda: whole)[0].eval(), winner


def _refit(race: Race, winner: Winner, examples: Callable[[], Any]) -> tuple[Any, str]:
    """The winner's network, each of its models fitted again that learns and can be, and which were not."""
    learning = [run for run in winner.runs if not run.solved or run.network.entry.closed_form]
    shown = examples() if learning else None
    again = {id(run): refitted(race, run, shown) for run in learning if shown is not None}
    left = [run.contestant.name for run in learning if again.get(id(run)) is None]
    members: list[Any] = [again.get(id(run)) or run.network for run in winner.runs]
    network = Blend(members, winner.network.weights) if isinstance(winner.network, Blend) else members[0]
    return network, f"; {' and '.join(left)} only to train" if left else ""


def _up_to_the_end(race: Race, winner: Winner, rows: Rows, artifact: Artifact) -> None:
    """Learn from the test part, too, before the future is asked for: what was judged stays as it was."""
    network, but_for = _refit(race, winner, rows.everything)
    artifact.network = network.eval()
    artifact.card["fitted to"] = f"all rows, once the test part was judged{but_for}"
