"""A study that was never run: invented scores, judged by the real statistics, for the tests of the report."""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from bicameral.studies.judge.conclusion import conclude
from bicameral.studies.judge.evidence import Scores
from bicameral.studies.judge.expected_best import Curve, budget_curve, crossings
from bicameral.studies.judge.results import Results, Row, Test, Tested, TestPair, View
from bicameral.studies.judge.rows import bounds
from bicameral.studies.judge.trained import Trained
from bicameral.studies.judge.verdict import Costs, Judgement, Rules, judge

FAMILIES = {
    "conv_gru": ("hybrid", "candidate", 0.974, 3.1, 182_000),
    "resnet": ("convolutional", "candidate", 0.957, 1.2, 175_000),
    "vit": ("attention", "candidate", 0.948, 1.9, 211_000),
    "convnext": ("convolutional", "candidate", 0.951, 2.4, 240_000),
    "gru": ("recurrent", "candidate", 0.931, 6.2, 98_000),
    "hawk": ("recurrent", "candidate", 0.935, 8.5, 120_000),
    "mini_rocket": ("baseline", "baseline", 0.926, 0.9, 99_960),
    "linear": ("baseline", "baseline", 0.897, 0.03, 650),
    "mlp": ("control", "control", 0.929, 0.08, 17_000),
    "majority": ("baseline", "baseline", 0.104, 0.01, 10),
}
QUESTION: dict[str, Any] = {
    "data": "digits",
    "kind": "image",
    "task": "classify",
    "metric": "accuracy",
    "unit": "%",
    "scale": 100,
    "higher_is_better": True,
    "rope": 0.01,
    "budget_seconds": 1800,
    "trial_steps": None,
    "device": "cpu",
    "limits": {},
}


def example_results(replicates: int = 6) -> dict[str, Any]:
    """A comparison of ten models on pictures of digits, as JSON."""
    return example(replicates).to_json()


def example(replicates: int = 6) -> Results:
    rng = np.random.default_rng(7)
    scores = {name: one[2] + rng.normal(0, 0.005, replicates) for name, one in FAMILIES.items()}
    evidence = Scores(scores, 0.2)
    untrained = {"hawk": "it was still getting better when its time was up"}
    judgement = judge(evidence, Rules(rope=0.01), Costs(dict.fromkeys(scores, 20.0), untrained))
    rows = [_row(name, evidence, judgement, untrained.get(name, "")) for name in judgement.names]
    views = _views(rows)
    curves = _curves(rng)
    return Results(
        question=dict(QUESTION),
        verdict=conclude(QUESTION, rows, judgement, views),
        leaderboard=rows,
        pairs=judgement.pairs,
        views=views,
        curves=curves,
        crossings=crossings(curves),
        pareto=["conv_gru", "resnet", "mini_rocket", "linear", "mlp", "majority"],
        data=_data(),
        probes=_probes(),
        recommendation=_recommendation(),
        errors=_errors(rng),
        test=_test(),
        provenance=_provenance(),
        not_shown=[
            {"what": "trial tune/gru/0/4 (gru, large) failed", "why": "ArithmeticError: the loss became NaN"},
        ],
    )


def _row(name: str, evidence: Scores, judgement: Judgement, why_not: str) -> Row:
    family, role, _, latency, parameters = FAMILIES[name]
    level, best = evidence.level(name), judgement.names[0]
    low, high = bounds(level, QUESTION)
    return Row(
        name=name,
        family=family,
        role=role,
        size="small" if role == "candidate" else "default",
        setting={"learning_rate": 0.003},
        scores=[float(score) for score in evidence.scores[name]],
        mean=level.mean,
        low=low,
        high=high,
        metric_mean=level.mean,
        verdict="not trained" if why_not else None if name == best else judgement.between(name, best).verdict,
        p_best=judgement.p_best.get(name),
        trained=Trained(steps=1200.0, epochs=12.5, seconds=20.0, why_not=why_not),
        parameters=parameters,
        flops=parameters * 20.0,
        samples_seen=40_000.0,
        train_flops=1e12,
        latency_ms={"p50": latency, "p95": latency * 1.3, "tag": "measured"},
        peak_ram_mb={"value": None, "tag": "not measured"},
        disk_mb={"value": parameters * 4e-6 + 0.01, "tag": "measured"},
        energy_mj={"value": None, "tag": "not measured"},
        kernel_path="torch.nn (oneDNN)",
    )


def _views(rows: list[Row]) -> dict[str, list[View]]:
    known = [row for row in rows if row.name not in ("majority", "mini_rocket")]
    level = [View(name=r.name, rank=i, score=r.mean, low=r.low, high=r.high) for i, r in enumerate(known, 1)]
    late = View(name=level[-1].name, rank=None, score=None)
    return {
        "equal device-seconds": level,
        "equal training FLOPs": [*level[:-1], late],
        "equal samples seen": level,
    }


def _curves(rng: np.random.Generator) -> list[Curve]:
    costs = {"conv_gru": 30.0, "resnet": 12.0, "vit": 16.0, "gru": 24.0, "linear": 1.5}
    return [
        budget_curve(
            name,
            FAMILIES[name][0],
            (FAMILIES[name][2] - rng.exponential(0.012 if name != "conv_gru" else 0.035, 12)).tolist(),
            [cost] * 12,
            worst=0.1,
        )
        for name, cost in costs.items()
    ]


def _test() -> Test:
    candidate = _tested("conv_gru", 0.9694, 0.9736, 0.953, 0.983)
    pair = TestPair(
        a="conv_gru",
        b="mini_rocket",
        difference=0.0474,
        low=0.021,
        high=0.073,
        p_value=0.0006,
        method="exact McNemar: 20 only by conv_gru, 3 only by mini_rocket",
    )
    baseline = _tested("mini_rocket", 0.922, 0.926, 0.89, 0.95)
    return Test(best=candidate, candidate=candidate, baseline=baseline, pair=pair)


def _tested(name: str, score: float, mean: float, low: float, high: float) -> Tested:
    return Tested(
        name=name,
        score=score,
        metric_value=score,
        metrics={"accuracy": score},
        low=low,
        high=high,
        replicates_mean=mean,
        num_train=1222,
        replicates_num_train=958,
    )


def _data() -> dict[str, Any]:
    return {
        "num_examples": 1797,
        "num_faults": 1,
        "classes": [
            {"name": str(digit), "train": 108 + (digit * 7) % 11, "val": 35, "test": 36}
            for digit in range(10)
        ],
        "lengths": None,
        "split": {"train": 1087, "val": 350, "test": 360, "unit": "example", "published": False},
        "audit": [
            _found("near duplicates", "WARN", "3 near-duplicate pictures, same part", ["a/1.png", "a/7.png"]),
            _found("exact duplicates across parts", "PASS", "none among 1,797 examples"),
            _found("a file property predicts the label", "PASS", "size and date say no more than chance"),
            _found("class balance over the parts", "PASS", "no class is missing from a part"),
            _found("unreadable files", "WARN", "1 file was set aside", ["scan_0311.png"]),
            _found("overlapping windows", "SKIP", "these are not windows of a series"),
        ],
        "overridden": False,
    }


def _found(check: str, level: str, message: str, where: list[str] | None = None) -> dict[str, Any]:
    return {"check": check, "level": level, "message": message, "where": where or []}


def _probes() -> list[dict[str, Any]]:
    def probe(name: str, effect: float, half: float, sentence: str, control: Any) -> dict[str, Any]:
        return {
            "name": name,
            "effect": effect,
            "low": effect - half,
            "high": effect + half,
            "null_low": -1.4,
            "null_high": 1.5,
            "unit": "points",
            "sentence": sentence,
            "control": control,
            "statistic": {"name": "neighbour correlation", "value": 0.71, "null": 0.02},
            "skipped": None,
        }

    mlp = {"name": "mlp", "effect": 0.2, "low": -0.9, "high": 1.3}
    return [
        probe("locality", 9.4, 1.9, "Permuting the pixels costs 9.4 points: neighbours matter.", mlp),
        probe("translation", 3.1, 1.4, "A shift of one pixel costs 3.1 points without pooling.", None),
        probe("order", 0.6, 1.2, "Reading the rows in another order costs nothing that can be seen.", mlp),
        {"name": "memory", "unit": "points", "skipped": "pictures have no past"},
    ]


def _recommendation() -> list[dict[str, Any]]:
    reason = {"text": "Permuting the pixels costs 9.4 points.", "source": "probe of locality"}
    return [
        {"family": "convolutional", "model": "resnet", "rank": 1, "confidence": 0.8, "reasons": [reason]},
        {"family": "hybrid", "model": "conv_gru", "rank": 2, "confidence": 0.6, "reasons": [reason]},
    ]


def _errors(rng: np.random.Generator) -> dict[str, Any]:
    counts = np.diag(rng.integers(32, 37, 10))
    for true, predicted, num in ((8, 1, 3), (9, 5, 2), (3, 9, 2), (4, 7, 1), (1, 8, 1), (5, 6, 1)):
        counts[true, predicted] = num
    digits = load_digits().images
    return {
        "confusion": {"classes": [str(digit) for digit in range(10)], "counts": counts.tolist()},
        "calibration": {
            "bins": [
                {"confidence": c, "accuracy": a, "count": n}
                for c, a, n in (
                    (0.45, 0.5, 6),
                    (0.62, 0.52, 9),
                    (0.75, 0.7, 14),
                    (0.86, 0.79, 33),
                    (0.98, 0.99, 298),
                )
            ],
            "ece": 0.021,
        },
        "worst": [
            {
                "id": f"digit_{row}",
                "true": str(row % 10),
                "predicted": str((row + 5) % 10),
                "confidence": 0.99 - row / 300,
                "thumbnail": _thumbnail(digits[row]),
                "sparkline": None,
                "text": None,
            }
            for row in range(12)
        ],
        "residuals": None,
    }


def _thumbnail(picture: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray((picture * 15.9).astype(np.uint8)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _provenance() -> dict[str, Any]:
    return {
        "command": "bicameral compare digits --budget 30min --replicates 6",
        "hardware": {"processor": "AMD EPYC 9V74 80-Core Processor", "cores": 2, "threads": 1},
        "versions": {"bicameral": "0.1.0", "python": "3.11.2", "torch": "2.13.0+cpu"},
        "hashes": {"plan": "9f2c71ab04d1e533", "data": "51b0ce47a2f86d10", "ledger": "c7740e19bd2a6f85"},
        "started": "2026-11-21T02:14:07+00:00",
        "finished": "2026-11-21T02:43:51+00:00",
        "wall_seconds": 1784.0,
        "canary_drift": 0.018,
        "seeds": list(range(40)),
        "num_trials": 132,
    }
