"""What a stream carries: kept on disk to the bit, of one stream or many, begun anew at will."""

import numpy as np
import pytest
import torch
from streaming.material import KINDS, POOLED, STEPWISE, TEXT, artifact, items, keys, pieces, stepwise

from bicameral import registry
from bicameral.artifact import Artifact
from bicameral.errors import ArtifactError, ConfigError


def run(stream, given):
    return [stream.step(piece).outputs for piece in given]


def assert_resumes(trained, kind, folder):
    """Stopped at any place, saved, loaded into another process's stream: the same bits as never stopped."""
    given = pieces(kind, items(kind)[0])
    whole = run(trained.stream(), given)
    for cut in (1, len(given) // 2):
        first = trained.stream()
        run(first, given[:cut])
        first.save(folder / "state")
        again = Artifact.from_pretrained(trained.save_pretrained(folder / "artifact")).stream()
        again.load(folder / "state")
        assert all(map(torch.equal, run(again, given[cut:]), whole[cut:]))


@pytest.mark.parametrize("model", POOLED)
def test_every_model_goes_on_to_the_bit(model, tmp_path):
    assert_resumes(artifact("series", model), "series", tmp_path)


@pytest.mark.parametrize("model", STEPWISE)
def test_what_comes_next_goes_on_to_the_bit(model, tmp_path):
    kind = next(iter(registry.entry(model).kinds or ("text",)))
    trained, given = stepwise(kind, model), TEXT if kind == "text" else keys()[0]
    whole, first, again = (trained.stream() for _ in range(3))
    expected = run(whole, given)
    run(first, given[:4])
    first.save(tmp_path / "state")
    again.load(tmp_path / "state")
    assert all(map(torch.equal, run(again, given[4:]), expected[4:]))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_goes_on_to_the_bit(kind, tmp_path):
    """Saved inside a word and inside a window of sound, too."""
    assert_resumes(artifact(kind, "lstm"), kind, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["state"]


def test_state_dict_is_a_copy():
    stream = artifact().stream()
    stream.step([1, 2])
    kept = stream.state_dict()
    before = {name: part.clone() for name, part in kept.items()}
    run(stream, items("series")[0])
    assert all(torch.equal(kept[name], before[name]) for name in kept)
    stream.load_state_dict(kept)
    assert stream.frames == [1]


def test_the_state_does_not_grow():
    for kind in KINDS:
        stream = artifact(kind, "tcn").stream()
        sizes = set()
        for _ in range(4):
            for piece in pieces(kind, items(kind)[0]):
                stream.feed(piece)
            sizes.add(sum(part.numel() for part in stream.state_dict().values()))
        assert len(sizes) == 1, kind


def test_streams_side_by_side_equal_each_alone():
    """Rows come in at random, streams begin anew at random, and none feels the others."""
    rng = np.random.default_rng(0)
    trained = artifact("series", "lstm", double=True)
    together, alone = trained.stream(5), [trained.stream() for _ in range(5)]
    for _ in range(40):
        rows = rng.permutation(5)[: rng.integers(1, 6)]
        given = rng.normal(5, 2, (len(rows), 2))
        said = together.step(given, rows=rows)
        assert said.rows.tolist() == rows.tolist()
        expected = torch.cat([alone[row].step(x).outputs for row, x in zip(rows, given, strict=True)])
        torch.testing.assert_close(said.outputs, expected)
        if rng.random() < 0.3:
            again = rng.permutation(5)[: rng.integers(1, 4)]
            together.reset(again)
            for row in again:
                alone[row].reset()
    assert together.frames == [stream.frames[0] for stream in alone]


@pytest.mark.parametrize("kind", ["sound", "text"])
def test_streams_out_of_step_equal_each_alone(kind):
    trained = artifact(kind, "gru", double=True)
    together, alone = trained.stream(3), [trained.stream() for _ in range(3)]
    given = (
        np.array_split(items("sound")[0], 25)
        if kind == "sound"
        else [TEXT[i : i + 3] for i in range(0, 48, 3)]
    )
    for place, piece in enumerate(given[:16]):
        rows = [row for row in range(3) if (place + row) % 3 or not place % 4]
        part = [piece[: len(piece)]] * len(rows)
        expected = torch.cat([alone[row].step(piece).outputs for row in rows])
        torch.testing.assert_close(together.step(part, rows).outputs, expected)


def test_after_a_reset_nothing_is_remembered():
    for kind in KINDS:
        stream, given = artifact(kind, "gru").stream(), pieces(kind, items(kind)[0])
        first = run(stream, given)
        stream.reset()
        assert stream.frames == [0]
        assert all(map(torch.equal, run(stream, given), first))


def test_a_state_of_other_weights_is_refused(tmp_path):
    artifact("series", "gru").stream().save(tmp_path / "state")
    with pytest.raises(ArtifactError, match="artifact"):
        artifact("series", "lstm").stream().load(tmp_path / "state")


def test_a_state_of_more_streams_is_refused(tmp_path):
    artifact().stream(2).save(tmp_path / "state")
    with pytest.raises(ArtifactError, match="num_streams 2, here it is 1"):
        artifact().stream().load(tmp_path / "state")


@pytest.mark.parametrize("damage", [b"", b"{}", b"\x08\0\0\0\0\0\0\0{}      "], ids=["empty", "json", "bare"])
def test_a_damaged_state_says_so(tmp_path, damage):
    (tmp_path / "state").write_bytes(damage)
    with pytest.raises(ArtifactError, match="no saved stream"):
        artifact().stream().load(tmp_path / "state")


def test_a_failed_save_leaves_the_one_before(tmp_path, monkeypatch):
    stream = artifact().stream()
    stream.save(tmp_path / "state")
    before = (tmp_path / "state").read_bytes()
    stream.step([1, 2])
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        stream.save(tmp_path / "state")
    assert (tmp_path / "state").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("rows", [[0, 0], [3], [-1]], ids=str)
def test_rows_are_those_that_exist(rows):
    with pytest.raises(ConfigError, match="from 0 to 2"):
        artifact().stream(3).step(np.zeros((len(rows), 2)), rows=rows)


def test_there_is_at_least_one_stream():
    with pytest.raises(ConfigError, match="num_streams is 0"):
        artifact().stream(0)
