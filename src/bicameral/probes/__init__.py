"""Which inductive bias does the data reward? A table of probes, trained side by side within a budget."""

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

from bicameral.data.examples.segments import is_continued
from bicameral.data.read import read
from bicameral.errors import ConfigError
from bicameral.probes import gradient, locality, memory, order, scale, translation
from bicameral.probes.bench import FEWEST, MOST, Arm, Bench, affordable_steps, seconds_per_step
from bicameral.probes.finding import Probe
from bicameral.probes.material import Material, materials

__all__ = ["PROBES", "Probe", "probe"]

# Each file says where it does not apply (`unfit`), what it trains (`arms`) and what it finds (`measure`).
# The most telling stand first: what the budget cannot hold falls away from the end.
PROBES: Mapping[str, ModuleType] = {
    "order": order,
    "locality": locality,
    "translation": translation,
    "scale of view": scale,
    "trainable memory": gradient,
    "memory": memory,
}
NO_LABEL = "asks one answer an example; here every step has one"
RESERVE = 0.7  # of the time is planned for training; the rest is judging and statistics


def probe(
    source: Any,
    *,
    seconds: float = 60,
    seed: int = 0,
    steps: int | None = None,
    replicates: int = FEWEST,
    task_options: Mapping[str, Any] | None = None,
) -> list[Probe]:
    """Run every probe that applies to what `read` reads, together within `seconds`.

    steps  of every training; with `replicates` it fixes all numbers. Without it the networks are timed once,
           and replicates are added while there is time
    """
    if not 0 < seconds < math.inf or replicates < 2:
        raise ConfigError(f"probes need seconds > 0 and replicates >= 2, not {seconds:g} and {replicates}")
    clock, dataset = time.perf_counter(), read(source)
    if is_continued(dataset):
        return [Probe(name=name, skipped=NO_LABEL) for name in PROBES]
    material = materials(dataset, seed=seed, task_options=task_options)
    skipped = {name: reason for name, kind in PROBES.items() if (reason := kind.unfit(material(0)))}
    chosen = [name for name in PROBES if name not in skipped]
    end = clock + RESERVE * seconds
    affordable = _plan(chosen, material(0), end) if steps is None else (chosen, steps)
    bench = Bench(material, steps=affordable[1], seed=seed)
    _train(bench, _arms(affordable[0], material(0)), replicates, end if steps is None else clock)
    late = f"does not fit into {seconds:g} s"
    return [
        _measured(name, bench) if name in affordable[0] else Probe(name=name, skipped=skipped.get(name, late))
        for name in PROBES
    ]


def _train(bench: Bench, arms: list[Arm], replicates: int, end: float) -> None:
    """Train all arms of one replicate after another, at least `replicates` and on until `end`."""
    slowest = 0.0
    while bench.replicates < replicates or (bench.replicates < MOST and time.perf_counter() + slowest < end):
        started = time.perf_counter()
        bench.replicate(arms)
        slowest = max(slowest, time.perf_counter() - started)


def _measured(name: str, bench: Bench) -> Probe:
    return replace(PROBES[name].measure(bench), replicates=bench.replicates, steps=bench.steps)


def _plan(names: list[str], material: Material, end: float) -> tuple[list[str], int]:
    """Keep the longest beginning of the table that fits; return it with the steps of a training."""
    costs = _costs(_arms(names, material), material)
    while names:
        cost = sum(costs[arm] for arm in _arms(names, material))
        if steps := affordable_steps(cost, end - time.perf_counter()):
            return names, steps
        names = names[:-1]
    return [], 0


def _costs(arms: list[Arm], material: Material) -> dict[Arm, float]:
    """Seconds a step of every arm; shuffling costs nothing, so each network is timed once a context."""
    plain = {arm: Arm(arm.net, context=arm.context) for arm in arms}
    timed = {arm: seconds_per_step(arm, material) for arm in dict.fromkeys(plain.values())}
    return {arm: timed[plain[arm]] for arm in arms}


def _arms(names: list[str], material: Material) -> list[Arm]:
    return list(dict.fromkeys(arm for name in names for arm in PROBES[name].arms(material)))
