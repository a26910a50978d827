"""What `bicameral train DATA` gives in a minute on one core, beside what people would have picked instead.

    OMP_NUM_THREADS=1 python benchmarks/first_minute.py ../shared/data [row ...] [--budget 60s] [--seed 0]

Writes benchmarks/results/first_minute.json, one entry a row, and benchmarks/results/first_minute.md from all.
Published test parts, judged once. Figures of peers are recorded ones, not run beside; the table says so.
"""

import argparse
import gzip
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bicameral.artifact import Artifact
from bicameral.data.read import read
from bicameral.problems.options import split_options
from bicameral.training.train import train

HERE = Path(__file__).parent / "results"
RESULTS, TABLE = HERE / "first_minute.json", HERE / "first_minute.md"
LEVEL = 0.005  # of an error its share, of an accuracy half a point: less is no difference
Build = Callable[[Path, Path], Any]  # folder of the data sets, an empty folder -> what `read` reads


@dataclass(frozen=True, kw_only=True)
class Row:
    """One data set with its published test part, and the best that was recorded of others."""

    build: Build
    metric: str
    peer: str  # who was best, and in how many processor seconds
    recorded: float
    before: float | None = None  # the default before there was a race, in a minute
    lower: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    score: Callable[[Artifact, Any, Path], float] | None = None  # of what follows the data; None: the card's


def folder(*path: str) -> Build:
    """The data as they lie there."""
    return lambda data, _: data.joinpath(*path)


def spoken_digits(data: Path, made: Path) -> Path:
    """Two speakers are the test part."""
    shutil.copytree(data / "fsdd" / "recordings", made / "sounds")
    lines = ["file,label,group,split"]
    for file in sorted((made / "sounds").glob("*.wav")):
        digit, speaker, _ = file.stem.split("_")
        part = "test" if speaker in ("theo", "yweweler") else "train"
        lines.append(f"{file.name},{digit},{speaker},{part}")
    (made / "sounds" / "labels.csv").write_text("\n".join(lines) + "\n")
    return made / "sounds"


def environment(data: Path, made: Path) -> Path:
    """The fifth fold is the test part."""
    shutil.copytree(data / "esc10" / "audio", made / "sounds")
    rows = [line.split(",") for line in (data / "esc10" / "esc10.csv").read_text().splitlines()[1:]]
    lines = ["file,label,group,split"]
    for name, fold, _, category, *_ in rows:
        lines.append(f"{name},{category},{name.split('-')[1]},{'test' if fold == '5' else 'train'}")
    (made / "sounds" / "labels.csv").write_text("\n".join(lines) + "\n")
    return made / "sounds"


def digits(data: Path, _: Path) -> dict[str, np.ndarray]:
    """2,000 training digits, 200 of each, and all 10,000 of the test part."""
    x, y = _idx(data / "mnist", "train")
    some = np.concatenate([np.flatnonzero(y == digit)[:200] for digit in range(10)])
    seen, truth = _idx(data / "mnist", "t10k")
    split = ["train"] * len(some) + ["test"] * len(truth)
    return {
        "X": np.concatenate([x[some], seen]),
        "y": np.concatenate([y[some], truth]),
        "split": np.array(split),
    }


def _idx(home: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    with gzip.open(home / f"{part}-images-idx3-ubyte.gz") as file:
        x = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(home / f"{part}-labels-idx1-ubyte.gz") as file:
        return x, np.frombuffer(file.read(), np.uint8, offset=8).astype(np.int64)


def natural_pictures(data: Path, _: Path) -> dict[str, np.ndarray]:
    """500 pictures a class, and all 4,000 of the test part."""
    import io
    import zipfile

    from PIL import Image

    x, y, split = [], [], []
    for part, most in (("train", 500), ("test", 400)):
        with zipfile.ZipFile(data / "cifar10" / f"{part}.zip") as archive:
            names = sorted(name for name in archive.namelist() if name.endswith((".jpg", ".jpeg", ".png")))
            classes = sorted({name.split("/")[-2] for name in names})
            for number, label in enumerate(classes):
                for name in [name for name in names if name.split("/")[-2] == label][:most]:
                    with Image.open(io.BytesIO(archive.read(name))) as picture:
                        x.append(np.asarray(picture.convert("RGB")).transpose(2, 0, 1))
                    y.append(number)
                    split.append(part)
    return {"X": np.stack(x), "y": np.array(y), "split": np.array(split)}


def chest(data: Path, _: Path) -> dict[str, np.ndarray]:
    """The published train and val parts together, and the test part."""
    with np.load(data / "pneumoniamnist" / "pneumoniamnist.npz") as found:
        parts = {
            part: (found[f"{part}_images"], found[f"{part}_labels"]) for part in ("train", "val", "test")
        }
    return {
        "X": np.concatenate([x.reshape(-1, 1, 28, 28) for x, _ in parts.values()]),
        "y": np.concatenate([y.ravel() for _, y in parts.values()]).astype(np.int64),
        "split": np.repeat(["train", "train", "test"], [len(x) for x, _ in parts.values()]),
    }


def sentences(data: Path, _: Path) -> dict[str, Path]:
    home = data / "text_classification"
    return {"train": home / "sst2_train.tsv", "val": home / "sst2_dev.tsv", "test": home / "sst2_test.tsv"}


def questions(data: Path, _: Path) -> dict[str, Path]:
    home = data / "text_classification"
    return {part: home / f"trec_{part}.tsv" for part in ("train", "test")}


def surnames(data: Path, made: Path) -> Path:
    """Distinct names, drawn 80/10/10."""
    known: dict[str, str] = {}
    for file in sorted((data / "names").glob("*.txt")):
        known |= {name: file.stem for name in file.read_text(encoding="utf-8").split("\n") if name.strip()}
    names = sorted(known)
    parts = np.random.default_rng(0).choice(["train", "val", "test"], len(names), p=[0.8, 0.1, 0.1])
    rows = [f"{known[name]}\t{name}\t{part}" for name, part in zip(names, parts, strict=True)]
    (made / "names.tsv").write_text("\n".join(["label\ttext\tsplit", *rows]) + "\n", encoding="utf-8")
    return made / "names.tsv"


def hourly(data: Path, made: Path) -> Path:
    """The 414 series without their last 48 hours, which are the published test part."""
    lines = ["unique_id,ds,y"]
    for name, values in _wide(data / "m4_hourly" / "Hourly-train.csv.gz").items():
        lines += [f"{name},{step},{value}" for step, value in enumerate(values)]
    (made / "m4.csv").write_text("\n".join(lines) + "\n")
    return made / "m4.csv"


def mase_of_m4(artifact: Artifact, dataset: Any, data: Path) -> float:
    """Mean over the series of the error of the 48 hours, in mean absolute daily changes before them."""
    answers = {found["id"]: np.array(found["y"]) for found in artifact.predict(dataset)}
    futures = _wide(data / "m4_hourly" / "Hourly-test.csv.gz").values()
    errors = []
    for (name, known), future in zip(
        _wide(data / "m4_hourly" / "Hourly-train.csv.gz").items(), futures, strict=True
    ):
        past = np.array(known, float)
        scale = np.abs(past[24:] - past[:-24]).mean()
        errors.append(np.abs(answers[name] - np.array(future, float)).mean() / scale)
    return float(np.mean(errors))


def passengers(data: Path, made: Path) -> Path:
    """All but the last two years."""
    lines = (data / "classic_series" / "airline-passengers.csv").read_text().splitlines()
    (made / "airline.csv").write_text("\n".join(lines[:-24]) + "\n")
    return made / "airline.csv"


def error_of_airline(artifact: Artifact, dataset: Any, data: Path) -> float:
    """Mean absolute error of the last two years."""
    lines = (data / "classic_series" / "airline-passengers.csv").read_text().splitlines()
    truth = np.array([float(line.split(",")[1]) for line in lines[-24:]])
    return float(np.abs(np.array(artifact.predict(dataset)[0]["Passengers"]) - truth).mean())


def _wide(file: Path) -> dict[str, list[str]]:
    with gzip.open(file, "rt") as text:
        rows = [[cell.strip().strip('"') for cell in line.split(",")] for line in text][1:]
    return {row[0]: [cell for cell in row[1:] if cell] for row in rows}


ETT = {"horizon": 96, "lookback": 336, "borders": [8640, 11520, 14400]}
RATES = {"horizon": 96, "lookback": 336, "borders": [5311, 6071, 7588]}
PERCENT = {"metric": "accuracy"}
ROWS = {
    "ECG200": Row(
        build=folder("ucr_a", "ECG200"), **PERCENT, peer="SVC on raw values (0)", recorded=0.920, before=0.90
    ),
    "ArrowHead": Row(
        build=folder("ucr_a", "ArrowHead"), **PERCENT, peer="MultiRocketHydra (3)", recorded=0.863
    ),
    "OliveOil": Row(
        build=folder("ucr_a", "OliveOil"), **PERCENT, peer="MultiRocketHydra (1)", recorded=0.967
    ),
    "SyntheticControl": Row(
        build=folder("ucr_a", "SyntheticControl"), **PERCENT, peer="MultiRocketHydra (3)", recorded=0.997
    ),
    "MoteStrain": Row(
        build=folder("ucr_a", "MoteStrain"), **PERCENT, peer="MultiRocketHydra (7)", recorded=0.946
    ),
    "JapaneseVowels": Row(
        build=folder("uea_a", "JapaneseVowels"),
        **PERCENT,
        peer="MultiRocketHydra (2)",
        recorded=0.989,
        before=0.989,
    ),
    "BasicMotions": Row(build=folder("uea_a", "BasicMotions"), **PERCENT, peer="nine methods", recorded=1.0),
    "fsdd": Row(build=spoken_digits, **PERCENT, peer="MultiRocketHydra (18)", recorded=0.780, before=0.124),
    "esc10": Row(build=environment, **PERCENT, peer="MiniRocket (2)", recorded=0.888, before=0.200),
    "mnist, 2,000": Row(
        build=digits, **PERCENT, peer="torch CNN with shifts (64)", recorded=0.984, before=0.739
    ),
    "pneumoniamnist": Row(build=chest, **PERCENT, peer="torch CNN with shifts (61)", recorded=0.865),
    "cifar10, 5,000": Row(
        build=natural_pictures, **PERCENT, peer="torch ResNet-8 with flips (61)", recorded=0.585, before=0.258
    ),
    "SST-2": Row(
        build=sentences, **PERCENT, peer="TF-IDF, logistic regression (5)", recorded=0.838, before=0.756
    ),
    "TREC": Row(build=questions, **PERCENT, peer="fastText (1)", recorded=0.910, before=0.874),
    "names": Row(build=surnames, **PERCENT, peer="NB-SVM, char_wb (3)", recorded=0.844, before=0.831),
    "ETTh1": Row(
        build=folder("etth1", "ETTh1.csv"),
        metric="mse",
        lower=True,
        options=ETT,
        peer="ridge map (1)",
        recorded=0.371,
        before=0.785,
    ),
    "exchange": Row(
        build=folder("exchange_rate", "exchange_rate.txt.gz"),
        metric="raw_mae",
        lower=True,
        options=RATES,
        peer="last value (0)",
        recorded=0.01688,
        before=0.02754,
    ),
    "airline": Row(
        build=passengers,
        score=error_of_airline,
        metric="raw_mae",
        lower=True,
        options={"horizon": 24},
        peer="CES (0)",
        recorded=17.8,
    ),
    "M4 hourly": Row(
        build=hourly,
        score=mase_of_m4,
        metric="mase",
        lower=True,
        options={"horizon": 48, "lookback": 168},
        peer="LightGBM (4)",
        recorded=0.959,
        before=202.7,
    ),
    "tiny Shakespeare": Row(
        build=folder("tiny_shakespeare", "input.txt"),
        metric="nats",
        lower=True,
        options={"answer": "next"},
        peer="own n-gram (5)",
        recorded=1.585,
        before=2.157,
    ),
}


def run(row: Row, data: Path, budget: str, seed: int) -> dict[str, Any]:
    """One ordinary race."""
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "data").mkdir()
        task, reading = split_options(row.options)
        dataset = read(row.build(data, Path(home) / "data"), **reading)
        before, clock = time.process_time(), time.perf_counter()
        settings = {"budget": budget, "seed": seed, "data_options": task, "override_audit": True}
        artifact = train(dataset, folder=Path(home) / "best", **settings)
    card = artifact.card
    value = row.score(artifact, dataset, data) if row.score else card[f"test {row.metric}"]
    return {
        "model": card["model"], "metric": row.metric, "value": value, "seed": seed,
        "yardstick": card.get("yardstick"), "yardstick value": card.get(f"yardstick test {row.metric}"),
        "budget": budget, "cpu": round(time.process_time() - before, 1),
        "seconds": round(time.perf_counter() - clock, 1), "race": card["race"],
    }  # fmt: skip


def table(results: dict[str, Any]) -> str:
    """Every row in markdown."""
    lines = []
    for name, found in results.items():
        row = ROWS[name]
        gain = (row.recorded - found["value"]) / row.recorded if row.lower else found["value"] - row.recorded
        ahead = gain >= -LEVEL
        before = "-" if row.before is None else f"{row.before:.4g}"
        said = "yes" if ahead else "**no**"
        lines.append(
            f"| {name} | {row.metric} | **{found['value']:.4g}** | {found['model']} | {found['cpu']:.0f} / "
            f"{found['seconds']:.0f} | {before} | {row.recorded:.4g} | {row.peer} | {said} |"
        )
    names = ("set", "metric", "default", "chosen", "cpu / wall s", "before the race", "best peer, recorded")
    names += ("who (cpu s)", "level or ahead")
    level = sum(line.endswith("| yes |") for line in lines)
    return (
        "# The first minute\n\n"
        "`OMP_NUM_THREADS=1 python benchmarks/first_minute.py ../shared/data`: what `bicameral train DATA` "
        "gives without a model, published test parts, judged once. Peers' figures are recorded ones (one "
        "core, one seed, fitted on train + val), not run beside. Accuracy as a share; errors: lower is "
        "better. The budget is of wall-clock time, and the machine was shared: cpu seconds are what a run "
        "really got.\n\n"
        f"Level with the best peer or ahead on {level} of {len(lines)} rows.\n\n"
        f"| {' | '.join(names)} |\n|{'---|' * len(names)}\n" + "\n".join(lines) + "\n"
    )


def main() -> None:
    """Run the named rows, or all, and write the results as they come."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("rows", nargs="*")
    parser.add_argument("--budget", default="60s")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in given.rows or ROWS:
        print(name, flush=True)
        results[name] = run(ROWS[name], given.data, given.budget, given.seed)
        ordered = {key: results[key] for key in ROWS if key in results}
        RESULTS.write_text(json.dumps(ordered, indent=1) + "\n")
        TABLE.write_text(table(ordered))


if __name__ == "__main__":
    main()
