"""Clips: frames in order, from video files, moving GIFs and folders of frames; broken ones are named."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bicameral.data.read import read
from bicameral.errors import MissingExtraError

av = pytest.importorskip("av", reason="needs the extra 'video'")


def film(path: Path, *, frames: int = 12, colour: bool = False) -> np.ndarray:
    """Save frames of one brightness each, and return the brightness."""
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = np.linspace(30, 220, frames).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        for level in levels:
            pixels = np.full((16, 32, 3), level)
            pixels[..., 0] = 255 if colour else level
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return levels


def test_frames_come_in_order_and_grey_stays_grey(tmp_path):
    levels = film(tmp_path / "a" / "1.mp4")
    film(tmp_path / "b" / "1.mp4", frames=7)
    data = read(tmp_path)
    assert (data.kind, data.classes, data.rate) == ("clip", ("a", "b"), 10)
    assert [data.items[0].shape, data.items[1].shape] == [(12, 1, 16, 32), (7, 1, 16, 32)]
    np.testing.assert_allclose(data.items[0].mean(axis=(1, 2, 3)), levels, atol=6)
    assert data.properties["frames"].tolist() == [12, 7]


def test_colour_is_kept(tmp_path):
    film(tmp_path / "a" / "1.mp4", colour=True)
    film(tmp_path / "b" / "1.mp4")
    clip = read(tmp_path).items[0]
    assert clip.shape == (12, 3, 16, 32)
    assert clip[0, 0].mean() > clip[0, 1].mean() + 100


def test_broken_clips_are_quarantined(tmp_path):
    film(tmp_path / "a" / "1.mp4")
    film(tmp_path / "b" / "1.mp4")
    whole = (tmp_path / "a" / "1.mp4").read_bytes()
    (tmp_path / "a" / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "a" / "noise.mp4").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "a" / "empty.mp4").touch()
    data = read(tmp_path)
    assert data.ids == ["a/1.mp4", "b/1.mp4"]
    assert {fault.where for fault in data.faults} == {"a/cut.mp4", "a/noise.mp4", "a/empty.mp4"}


def test_folders_of_frames_are_clips(tmp_path):
    for label in ("a", "b"):
        for number in (10, 9, 1):
            (tmp_path / label / "clip1").mkdir(parents=True, exist_ok=True)
            Image.new("L", (5, 4), number).save(tmp_path / label / "clip1" / f"frame_{number}.png")
    data = read(tmp_path)
    assert (data.kind, data.ids) == ("clip", ["a/clip1", "b/clip1"])
    assert data.items[0].shape == (3, 1, 4, 5)
    assert data.items[0][:, 0, 0, 0].tolist() == [1, 9, 10]


def test_moving_gifs_are_clips_and_still_ones_pictures(tmp_path):
    frames = [Image.new("L", (5, 4), level) for level in (10, 120, 240)]
    for label in ("a", "b"):
        (tmp_path / "moving" / label).mkdir(parents=True)
        (tmp_path / "still" / label).mkdir(parents=True)
        frames[0].save(tmp_path / "moving" / label / "1.gif", save_all=True, append_images=frames[1:])
        frames[0].save(tmp_path / "still" / label / "1.gif")
    moving = read(tmp_path / "moving")
    assert (moving.kind, moving.items[0][:, 0, 0, 0].tolist()) == ("clip", [10, 120, 240])
    assert read(tmp_path / "still").kind == "image"


def test_without_av_the_extra_is_named(tmp_path, monkeypatch):
    film(tmp_path / "a" / "1.mp4")
    film(tmp_path / "b" / "1.mp4")
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"bicameral\[video\]"):
        read(tmp_path)


@pytest.mark.slow
def test_utd_mhad_by_its_index(shared_data):
    data = read(shared_data("utd_mhad_a"), labels="index.csv", target="action", group="subject")
    assert (len(data), len(data.classes), len(set(data.groups))) == (446, 14, 8)
    assert {part: int((data.split == part).sum()) for part in ("train", "test")} == {
        "train": 224,
        "test": 222,
    }
