"""Trials that follow from each other: a replicate tunes on its own draw, then trains with what it chose."""

from collections.abc import Generator, Mapping
from typing import Any

import numpy as np

from bicameral import registry
from bicameral.studies.run import timing, tune
from bicameral.studies.run.chain import Chain
from bicameral.studies.run.schedule import affordable_sizes, steps_of
from bicameral.studies.run.study import Study
from bicameral.studies.run.trial import FINAL, Trial
from bicameral.studies.run.tune import Setting


def replicate(study: Study, name: str, number: int, part: float = 1.0) -> Chain:
    """Tune, train and judge a model on one fold; trials are `part` of full length."""
    setting = yield from _tuned(study, name, number, part)
    yield _trial(study, name, setting, stage="replicate", replicate=number, part=part)


def final(study: Study, name: str) -> Chain:
    """Tune and train a model on all that is not sealed, and judge it on what is."""
    setting = yield from _tuned(study, name, FINAL, 1.0)
    yield _trial(study, name, setting, stage="final", replicate=FINAL)


def _tuned(
    study: Study, name: str, replicate: int, part: float
) -> Generator[Trial, Mapping[str, Any], Setting]:
    """Successive halving inside the model, on the validation part of the replicate's draw."""
    if not timing.is_iterated(study, name):
        return Setting(0, next(iter(registry.entry(name).sizes)), {})
    alive = drawn = _drawn(study, name, replicate)
    for rung, (length, _) in enumerate(tune.rungs(len(drawn))):
        asked: dict[str, Any] = {"stage": "tune", "replicate": replicate, "part": part * length, "rung": rung}
        tried = []
        for setting in alive:
            record = yield _trial(study, name, setting, **asked)
            tried.append((setting, record))
        alive = tune.survivors(tried, drawn[0])
        if len(alive) == 1:
            break
    return alive[0]


def _drawn(study: Study, name: str, replicate: int) -> list[Setting]:
    """Settings of a replicate, the same for all models but for sizes that are too slow."""
    affordable = affordable_sizes(study, name)
    seed = np.random.SeedSequence([study.plan.seed, replicate - FINAL]).generate_state(1)
    drawn = tune.settings(registry.entry(name), study.plan.settings, seed.tolist())
    return [
        Setting(one.number, one.size if one.size in affordable else affordable[-1], one.recipe)
        for one in drawn
    ]


def _trial(study: Study, name: str, setting: Setting, *, part: float = 1.0, **where: Any) -> Trial:
    plan = study.plan
    return Trial(
        model=name,
        size=setting.size,
        overrides=registry.entry(name).sizes[setting.size],
        recipe={"batch_size": timing.batch_size_of(study), **setting.recipe, **plan.recipe},
        steps=steps_of(study, name, setting.size, part),
        setting=setting.number,
        seed=plan.seed * 1000 + where["replicate"] - FINAL,
        device=plan.device,
        **where,
    )
