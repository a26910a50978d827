"""Ten faults planted in clean data on disk: the reader or the audit must name each, and say nothing before.

Run: python benchmarks/planted_faults.py
"""

import shutil
import sys
import tempfile
import wave
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from bicameral.data.audit import audit
from bicameral.data.dataset import Dataset
from bicameral.data.read import read
from bicameral.errors import DataError

SPEAKERS = ("ann", "bob", "cid", "dan")


class Fault(NamedTuple):
    """Where it is planted, how, the check that must find it, and what must be named."""

    clean: Callable[[Path], None]
    plant: Callable[[Path], None]
    check: str
    named: str


def pictures(folder: Path) -> None:
    """Blobs in train, val and test folders with two classes."""
    random = np.random.default_rng(0)
    for part, count in (("train", 40), ("val", 12), ("test", 12)):
        for name in ("cats", "dogs"):
            home = folder / part / name
            home.mkdir(parents=True)
            for number in range(count):
                save(random, home / f"{part}{number}.png", 28)


def save(random: np.random.Generator, path: Path, side: int) -> None:
    coarse = Image.fromarray(random.integers(0, 255, (6, 6), dtype=np.uint8))
    coarse.resize((side, side), Image.Resampling.BICUBIC).save(path)


def sounds(folder: Path) -> None:
    """Noise of two classes by four speakers, two of them in the test part."""
    random = np.random.default_rng(0)
    rows, groups = ["file,split"], ["file,group"]
    for name in ("yes", "no"):
        (folder / name).mkdir(parents=True)
        for number in range(24):
            file, speaker = f"{name}/{number}.wav", SPEAKERS[number % 4]
            samples = (3000 * random.normal(size=2000)).astype("<i2")
            write_wave(folder / file, samples)
            rows.append(f"{file},{'test' if speaker in SPEAKERS[2:] else 'train'}")
            groups.append(f"{file},{speaker}")
    (folder / "split.csv").write_text("\n".join(rows) + "\n")
    (folder / "groups.csv").write_text("\n".join(groups) + "\n")


def write_wave(path: Path, samples: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())


def sensors(folder: Path) -> None:
    """Random walks of two channels with labels, as one npz."""
    random = np.random.default_rng(0)
    x = random.normal(size=(120, 50, 2)).cumsum(1)
    x[90:] += 2  # the test part was recorded later
    write_sensors(folder, x, random.integers(0, 2, 120))


def write_sensors(folder: Path, x: np.ndarray, y: np.ndarray) -> None:
    folder.mkdir(exist_ok=True)
    split = np.array(["train"] * 90 + ["test"] * 30)
    np.savez(folder / "data.npz", X=x.astype(np.float32), y=y, split=split)


def clips(folder: Path) -> None:
    """Short grey films of two classes."""
    import av

    random = np.random.default_rng(0)
    for name in ("walk", "wave"):
        (folder / name).mkdir(parents=True)
        for number in range(16):
            with av.open(str(folder / name / f"{number}.mp4"), "w") as film:
                stream = film.add_stream("mpeg4", rate=10)
                stream.width = stream.height = 32
                for _ in range(6):
                    coarse = Image.fromarray(random.integers(0, 255, (4, 4), dtype=np.uint8))
                    frame = coarse.resize((32, 32)).convert("RGB")
                    film.mux(stream.encode(av.VideoFrame.from_image(frame)))
                film.mux(stream.encode())


def table(folder: Path) -> None:
    """A series to be forecast."""
    folder.mkdir(exist_ok=True)
    walk = np.random.default_rng(0).normal(size=200).cumsum()
    days = np.datetime64("2020-01-01") + np.arange(200)
    rows = [f"{day},{value:.3f}" for day, value in zip(days, walk, strict=True)]
    (folder / "sales.csv").write_text("\n".join(["time,sales", *rows]) + "\n")


def copy_across(folder: Path) -> None:
    for number in range(3):
        shutil.copy(folder / f"train/cats/train{number}.png", folder / f"test/cats/test{number}.png")


def tear_speaker(folder: Path) -> None:
    file = folder / "split.csv"
    file.write_text(file.read_text().replace("yes/0.wav,train", "yes/0.wav,test"))


def overlap_windows(folder: Path) -> None:
    recording = np.random.default_rng(0).normal(size=(3100, 2)).cumsum(0)
    x = np.stack([recording[start : start + 50] for start in range(0, 3000, 25)])
    write_sensors(folder, x, np.arange(120) % 2)


def scale_everything(folder: Path) -> None:
    with np.load(folder / "data.npz") as data:
        x, y = data["X"].astype(np.float64), data["y"]
    write_sensors(folder, (x - x.mean((0, 1))) / x.std((0, 1)), y)


def leak_into_column(folder: Path) -> None:
    with np.load(folder / "data.npz") as data:
        x, y = data["X"], data["y"]
    write_sensors(folder, np.concatenate([x, np.repeat(y[:, None, None], 50, 1)], 2), y)


def leak_into_size(folder: Path) -> None:
    random = np.random.default_rng(1)
    for path in sorted(folder.glob("*/dogs/*.png")):
        save(random, path, 36)


def drop_class(folder: Path) -> None:
    shutil.rmtree(folder / "val" / "dogs")


def truncate_picture(folder: Path) -> None:
    halve(folder / "train/cats/train5.png")


def corrupt_clip(folder: Path) -> None:
    (folder / "walk" / "3.mp4").write_bytes(b"not a film" * 40)


def empty_table(folder: Path) -> None:
    (folder / "sales.csv").write_text("")


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


FAULTS = {
    "duplicate pictures across parts": Fault(
        pictures, copy_across, "exact duplicates across parts", "test/cats/test1.png"
    ),
    "a speaker on both sides": Fault(sounds, tear_speaker, "groups across parts", "group ann"),
    "overlapping windows": Fault(sensors, overlap_windows, "overlapping windows", "row 90 (test)"),
    "a scaler fitted on everything": Fault(
        sensors, scale_everything, "scaler fitted on everything", "channel 1"
    ),
    "the label in a column": Fault(sensors, leak_into_column, "label leaked into a column", "channel 2"),
    "the label in the size of the picture": Fault(
        pictures, leak_into_size, "label leaked into the files", "height"
    ),
    "a class folder missing in val": Fault(
        pictures, drop_class, "class missing in a part", "class dogs in val"
    ),
    "a truncated picture": Fault(pictures, truncate_picture, "unreadable files", "train/cats/train5.png"),
    "a corrupt clip": Fault(clips, corrupt_clip, "unreadable files", "walk/3.mp4"),
    "an empty CSV": Fault(table, empty_table, "refused", "sales.csv"),
}


def open_data(folder: Path) -> Dataset:
    """Read a folder, or the one file of data in it."""
    files = [
        path
        for path in folder.iterdir()
        if path.suffix in (".npz", ".csv") and path.stem not in ("split", "groups")
    ]
    return read(files[0] if files else folder)


def alarms(folder: Path) -> dict[str, str]:
    """Every FAIL and WARN with what it names; or the refusal of the reader."""
    try:
        result = audit(open_data(folder))
    except DataError as refusal:
        return {"refused": str(refusal)}
    found = (*result.at("FAIL"), *result.at("WARN"))
    return {finding.check: f"{finding.message} {'; '.join(finding.where)}" for finding in found}


def try_fault(name: str, home: Path) -> tuple[bool, str]:
    """Whether the clean data raise nothing and the planted fault is named; and what was said."""
    fault = FAULTS[name]
    folder = home / name.replace(" ", "_")
    fault.clean(folder)
    before = alarms(folder)
    fault.plant(folder)
    said = alarms(folder).get(fault.check, "nothing")
    return not before and fault.named in said, f"false alarm: {before}" if before else said


def main() -> int:
    """Print one line a fault; the exit code is the number that was missed."""
    missed = 0
    with tempfile.TemporaryDirectory() as home:
        for name in FAULTS:
            found, said = try_fault(name, Path(home))
            missed += not found
            print(f"{'found ' if found else 'MISSED'}  {name}: {said[:140]}")
    print(f"{len(FAULTS) - missed} of {len(FAULTS)} named")
    return missed


if __name__ == "__main__":
    sys.exit(main())
