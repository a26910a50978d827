"""Frames predicted on the command line: read, trained, judged, written."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from bicameral.cli.app import app


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames")
    np.savez(folder / "noise.npz", frames=np.random.default_rng(0).integers(0, 255, (12, 6, 8, 8), np.uint8))
    made = run(
        folder, "train", "noise.npz", "answer=next", "horizon=2", "lookback=3", "--model", "last_frame"
    )
    assert made.exit_code == 0, made.output
    return folder


def run(folder, verb, *words):
    known = [str(folder / word) if (folder / word).exists() else word for word in words]
    made = ["--runs", str(folder / "runs")] if verb == "train" else []
    return CliRunner().invoke(app, [verb, *known, *made])


def arrays(path):
    with np.load(path) as loaded:
        return dict(loaded)


def test_an_artifact_knows_how_to_read_and_judge(home):
    result = run(home, "eval", "runs/noise-last_frame", "noise.npz", "--json")
    assert result.exit_code == 0, result.output
    assert set(json.loads(result.stdout)) == {"mse", "mae", "pixel_mse", "pixel_mae", "ssim", "csi"}


def test_a_line_describes_the_frames(home):
    lines = run(home, "predict", "runs/noise-last_frame", "noise.npz").stdout.splitlines()
    assert len(lines) == 12
    assert lines[0] == "row 0\t2 frames of 8 x 8; --out PATH writes them"


def test_frames_are_written_as_arrays_or_pictures(home):
    truth = arrays(home / "noise.npz")["frames"]
    for name in ("next.npz", "next"):
        result = run(home, "predict", "runs/noise-last_frame", "noise.npz", "--out", str(home / name))
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith("wrote 12 clips of 2 frames")
    written = arrays(home / "next.npz")
    np.testing.assert_array_equal(written["frames"][:, 1, 0], truth[:, -1])
    assert written["ids"][3] == "row 3"
    picture = np.asarray(Image.open(home / "next" / "clip_00003" / "frame_001.png"))
    np.testing.assert_array_equal(picture, truth[3, -1])


def test_what_stood_for_no_value_in_training_does_so_afterwards(home):
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 200, (12, 6, 8, 8), np.uint8)
    frames[:, -1, 0, 0] = 255
    np.savez(home / "holes.npz", frames=frames)
    fields = ["kind=clip", "answer=next", "horizon=2", "lookback=3", "missing=255", "--model", "last_frame"]
    made = run(home, "train", "holes.npz", *fields)
    assert made.exit_code == 0, made.output
    run(home, "predict", "runs/holes-last_frame", "holes.npz", "--out", str(home / "holes_next.npz"))
    assert arrays(home / "holes_next.npz")["frames"][..., 0, 0].max() < 200
    plain, told = (
        run(home, "eval", "runs/holes-last_frame", "holes.npz", *more) for more in ([], fields[4:5])
    )
    assert plain.exit_code == 0, plain.output
    assert plain.stdout == told.stdout
