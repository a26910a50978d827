"""bicameral train, eval, predict and generate of what predicts the next step."""

import json

import numpy as np
import pytest

from bicameral.data.read import read

TEXT = "the cat sees the dog and the dog sees the cat.\n" * 40


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("next")
    (folder / "story.txt").write_text(TEXT)
    rolls = np.eye(12, dtype=np.float32)[(np.arange(12)[:, None] + np.arange(20)) % 12]
    np.savez(folder / "scales.npz", x=rolls, lengths=[20] * 12)
    return folder


def trained(bicameral, home, name, model):
    fields = ["answer=next", "context=16", "--model", model, "--budget", "5steps", "--runs", home / "runs"]
    result = bicameral("train", home / name, *fields)
    assert result.exit_code == 0, result.stderr
    return home / "runs" / f"{name.split('.')[0]}-{model}"


def test_a_text_is_learned_judged_and_written_on(bicameral, home):
    artifact = trained(bicameral, home, "story.txt", "ngram")
    metrics = json.loads(bicameral("eval", artifact, home / "story.txt", "--json").stdout)
    assert metrics["nats"] < 0.2
    (told,) = json.loads(bicameral("predict", artifact, home / "story.txt", "--json").stdout)
    assert (told["id"], told["tokens"]) == ("story.txt", len(TEXT) - 1)
    asked = ["--prompt", "the cat sees", "--length", 9, "--temperature", 0]
    assert bicameral("generate", artifact, *asked).stdout == "the cat sees the dog \n"
    bicameral("generate", artifact, *asked, "--out", home / "out.txt")
    assert (home / "out.txt").read_text() == " the dog "


def test_how_well_each_line_was_predicted_stands_in_a_table_beside_it(bicameral, home, tmp_path):
    artifact = trained(bicameral, home, "story.txt", "ngram")
    (tmp_path / "lines.txt").write_text("the dog sees the cat\n.\ngod\n")
    asked = ["predict", artifact, tmp_path / "lines.txt", "kind=text", "labels=False"]
    result = bicameral(*asked)
    header, first, second = result.stdout.splitlines()
    assert header.split() == ["id", "nats", "bits", "perplexity", "accuracy", "tokens", "text"]
    assert first.split()[0] == "lines.txt:1"
    assert first.endswith("the dog sees the cat")
    assert float(second.split()[3]) > float(first.split()[3]) > 1
    assert "left out: 1, the first is lines.txt:2: nothing follows its first step" in result.stderr
    assert [told["text"] for told in json.loads(bicameral(*asked, "--json").stdout)][1] == "god"


def test_music_goes_to_a_file(bicameral, home):
    artifact = trained(bicameral, home, "scales.npz", "gru")
    asked = ["--prompt", home / "scales.npz", "--length", 7]
    told = bicameral("predict", artifact, home / "scales.npz").stdout.splitlines()
    assert told[0].split() == ["id", "nll", "accuracy", "frames"]
    assert len(told) == 13
    missing = bicameral("generate", artifact, *asked)
    assert (missing.exit_code, "add --out music.npz" in missing.stderr) == (2, True)
    assert bicameral("generate", artifact, *asked, "--out", home / "music.npz").stdout.startswith(
        "7 frames in"
    )
    assert read(home / "music.npz", answer="next").items[0].shape == (7, 12)


def test_what_cannot_be_written_or_read_is_said(bicameral, home):
    artifact = trained(bicameral, home, "scales.npz", "gru")
    refused = bicameral("generate", artifact, "--prompt", home / "scales.npz", "--out", home / "music.txt")
    assert (refused.exit_code, "add --out music.npz" in refused.stderr) == (2, True)
    assert not list(home.glob("music.txt*"))
    artifact = trained(bicameral, home, "story.txt", "ngram")
    odd = bicameral("generate", artifact, "--prompt", "the Žž", "--length", 3)
    assert odd.stderr == "read as unknown, since training never showed it: 'Ž', 'ž'\n"
    for option, value, expected in (("length", 0, "at least 1"), ("temperature", "nan", "0 or more")):
        wrong = bicameral("generate", artifact, "--prompt", "the", f"--{option}", value)
        assert (wrong.exit_code, wrong.stderr.count("\n")) == (2, 1)
        assert f"{option} is {value}; expected {expected}" in wrong.stderr


def test_mistakes_are_one_line(bicameral, home):
    refused = bicameral(
        "train", home / "story.txt", "answer=next", "--model", "resnet", "--runs", home / "runs"
    )
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert "resnet is not causal" in refused.stderr
    maps = bicameral("train", home / "story.txt", "answer=next", "--model", "conv_lstm")
    assert maps.stderr.startswith("error: conv_lstm is for clips, and this is text data; choose from ")
    typo = bicameral("train", home / "story.txt", "answer=nxt", "--model", "ngram")
    assert typo.stderr == "error: answer cannot be 'nxt'; did you mean 'next'?\n"
    odd = bicameral("train", home / "story.txt", "answer=next", "unit=letters", "--model", "ngram")
    assert odd.stderr == "error: unit is 'letters'; expected characters or words\n"
    checked = bicameral("check", home / "story.txt", "answer=next")
    assert (checked.exit_code, "FAIL 0" in checked.stdout) == (0, True)
