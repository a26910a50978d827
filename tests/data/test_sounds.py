"""Sounds: mono, one rate, against the standard library's wave module and a known tone."""

import wave
from pathlib import Path

import numpy as np
import pytest

from bicameral.data.read import read
from bicameral.errors import MissingExtraError

pytest.importorskip("soundfile", reason="needs the extra 'sound'")


def tone(path: Path, *, rate: int = 8000, seconds=0.1, hertz: float = 440, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate) * 20000
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, rate, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").repeat(channels).tobytes())


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        tone(tmp_path / "low" / f"{number}.wav", hertz=300)
        tone(tmp_path / "high" / f"{number}.wav", hertz=900)
    return tmp_path


def test_samples_are_those_in_the_file(folder):
    data = read(folder)
    assert (data.kind, data.classes, data.rate, len(data)) == ("sound", ("high", "low"), 8000, 6)
    with wave.open(str(folder / data.ids[0])) as file:
        expected = np.frombuffer(file.readframes(9999), "<i2") / 32768
    np.testing.assert_allclose(data.items[0], expected, atol=1e-6)
    assert data.items[0].dtype == np.float32
    assert data.properties["duration"] == pytest.approx(0.1)


def test_other_rates_and_stereo_are_brought_to_the_common_one(folder):
    tone(folder / "low" / "other.wav", rate=16000, hertz=300, channels=2)
    data = read(folder)
    row = data.ids.index("low/other.wav")
    assert data.rate == 8000
    same = data.items[data.ids.index("low/0.wav")]
    assert data.items[row].shape == same.shape
    np.testing.assert_allclose(data.items[row][50:-50], same[50:-50], atol=0.01)


def test_broken_sounds_are_quarantined(folder):
    whole = (folder / "low" / "0.wav").read_bytes()
    (folder / "low" / "cut.wav").write_bytes(whole[:900])
    (folder / "low" / "empty.wav").touch()
    (folder / "low" / "text.wav").write_text("no sound at all")
    (folder / "low" / "named.ogg").write_bytes(whole)
    tone(folder / "low" / "silent.wav", seconds=0)
    data = read(folder)
    assert len(data) == 6
    found = {fault.where: fault.what for fault in data.faults}
    words = {"cut": "truncated sound", "empty": "empty", "text": "not a sound", "silent": "0 samples"}
    assert all(word in found[f"low/{name}.wav"] for name, word in words.items())
    assert "holds WAV" in found["low/named.ogg"]
    assert len(found) == 5


def test_without_soundfile_the_extra_is_named(folder, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    with pytest.raises(MissingExtraError, match=r"bicameral\[sound\]"):
        read(folder)


def test_fsdd_by_name(shared_data):
    data = read(shared_data("fsdd"), pattern=r"(?P<label>\d)_(?P<group>\w+)_\d+\.wav")
    assert (len(data), data.classes, len(set(data.groups))) == (1500, tuple("0123456789"), 6)
    assert (data.rate, data.faults) == (8000, ())


def test_esc10_by_its_table(shared_data):
    data = read(shared_data("esc10"), target="category", group="fold")
    assert (len(data), len(data.classes), data.rate) == (400, 10, 16000)
    assert np.unique(data.groups, return_counts=True)[1].tolist() == [80] * 5
    assert np.bincount(data.targets).tolist() == [40] * 10
