"""The leaderboard: a row for each model, the best first, those that were not trained enough behind."""

import numpy as np

from bicameral import registry
from bicameral.inference.crossed import Estimate
from bicameral.studies.judge.fairness import TRAINING, samples_seen
from bicameral.studies.judge.reading import Reading
from bicameral.studies.judge.results import Json, Row
from bicameral.studies.judge.verdict import Verdict

MEASURED = ("latency_ms", "peak_ram_mb", "disk_mb", "energy_mj", "kernel_path")


def leaderboard(reading: Reading, question: Json) -> list[Row]:
    """Build the rows in the order of the judgement."""
    return [_row(reading, question, name) for name in reading.judgement.names]


def _row(reading: Reading, question: Json, name: str) -> Row:
    lines, whole, level = reading.replicates[name], reading.whole(name), reading.evidence.level(name)
    low, high = bounds(level, question)
    calibration = reading.fact("calibration", f"{name}/{lines[0]['size']}")
    seen = [samples_seen(line) for line in whole if "history" in line]
    samples = float(np.mean(seen)) if seen else None
    measured = reading.fact("measured").get("artifacts", {}).get(f"replicate-{name}-0", {})
    return Row(
        name=name,
        family=registry.entry(name).family,
        role=reading.plan.roles[name],
        size=lines[0]["size"],
        setting=dict(lines[0]["recipe"]),
        scores=[line["score"] for line in lines],
        mean=level.mean,
        low=low,
        high=high,
        metric_mean=float(np.mean([line["metric_value"] for line in whole])) if whole else None,
        verdict=_beside_best(reading, name),
        p_best=reading.judgement.p_best.get(name),
        trained=reading.trained[name],
        parameters=calibration.get("parameters"),
        flops=calibration.get("flops"),
        samples_seen=samples,
        train_flops=samples and TRAINING * calibration.get("flops", 0) * samples,
        **{key: measured.get(key) for key in MEASURED},
    )


def bounds(level: Estimate, question: Json) -> tuple[float | None, float | None]:
    """The 95 % interval of a level, inside the metric's range: of shares by log-odds, of errors above 0."""
    if not level.is_known:
        return None, None
    low, high = level.interval()
    if question["unit"] == "%" and 0 < level.mean < 1:
        half = level.half_width() / (level.mean * (1 - level.mean))
        center = np.log(level.mean / (1 - level.mean))
        low, high = (float(1 / (1 + np.exp(-odds))) for odds in (center - half, center + half))
    elif question["unit"] == "%":
        low, high = float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1))
    return low, high if question["higher_is_better"] else min(high, 0.0)


def _beside_best(reading: Reading, name: str) -> Verdict | None:
    names = reading.judgement.names
    if name in reading.trained and reading.trained[name].why_not:
        return "not trained"
    return None if name == names[0] else reading.judgement.between(name, names[0]).verdict
