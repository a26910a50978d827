"""bicameral stream: what comes in through a pipe is answered as it comes, and can be gone on with."""

import contextlib
import io
import json
import os
import signal
import struct
import subprocess
import sys
import time
import wave

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import save_file
from streaming.material import TEXT, artifact, dataset, forecast, items
from typer.testing import CliRunner

from bicameral.cli.app import app

ROWS = items("series")[0]


@pytest.fixture
def saved(tmp_path):
    """Save an untrained artifact of a kind."""

    def save(kind, task=None):
        folder = tmp_path / f"of-{kind}"
        trained = artifact(kind, "gru", task)
        trained.save_pretrained(folder)
        return folder, trained

    return save


def run(folder, given, *options):
    given = given if isinstance(given, bytes) else given.encode()
    result = CliRunner().invoke(app, ["stream", str(folder), *map(str, options)], input=given)
    assert result.exit_code != 1, result.exception
    return result.exit_code, result.stdout.splitlines(), result.stderr


def spoken(lines):
    return [json.loads(line) for line in lines]


def table(rows, mark=","):
    return "".join(mark.join("" if np.isnan(x) else repr(float(x)) for x in row) + "\n" for row in rows)


def assert_answers(lines, trained, kind, prefixes):
    expected = trained.predict(dataset(kind, prefixes))
    said = spoken(lines)
    assert [one["class"] for one in said] == [one["class"] for one in expected]
    for one, other in zip(said, expected, strict=True):
        assert one["probabilities"] == pytest.approx(other["probabilities"], rel=1e-4)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_rows_are_answered_one_by_one(saved, mark):
    folder, trained = saved("series")
    code, lines, _ = run(folder, table(ROWS, mark), "--json")
    assert code == 0
    assert_answers(lines, trained, "series", [ROWS[: end + 1] for end in range(9)])
    assert [one["step"] for one in spoken(lines)] == list(range(1, 10))


def test_answers_for_people_have_columns(saved):
    folder, trained = saved("series")
    _, lines, _ = run(folder, table(ROWS))
    assert lines[0].split("\t")[0] == "1"
    assert lines[0].split("\t")[1] == trained.predict(dataset("series", [ROWS[:1]]))[0]["class"]


def test_columns_are_found_by_the_header(saved):
    folder, _ = saved("series")
    shuffled = "time,b,a\n" + "".join(f"{t},{y},{x}\n" for t, (x, y) in enumerate(ROWS))
    plain = run(folder, table(ROWS), "--json")
    assert run(folder, shuffled, "--json", "--columns", "a, b") == plain
    assert run(folder, shuffled.split("\n", 1)[1], "--json", "--columns", "3,2") == plain


def test_json_lines_and_blank_ones(saved):
    folder, _ = saved("series")
    numbers = [[None if np.isnan(x) else float(x) for x in row] for row in ROWS]
    plain = run(folder, table(ROWS), "--json")
    lists = "\n\n".join(json.dumps(row) for row in numbers)
    objects = "\n".join(json.dumps({"b": y, "time": 3, "a": x}) for x, y in numbers)
    assert run(folder, lists, "--json") == plain
    assert run(folder, objects, "--json", "--columns", "a,b") == plain


def test_every_so_many_and_once_at_the_end(saved):
    folder, _ = saved("series")
    everything = run(folder, table(ROWS), "--json")[1]
    assert run(folder, table(ROWS), "--json", "--every", 4)[1] == [
        everything[3],
        everything[7],
        everything[8],
    ]


def test_text_is_answered_line_by_line(saved):
    folder, trained = saved("text")
    lines = [TEXT[:20] + "\n", TEXT[20:]]
    code, said, _ = run(folder, "".join(lines), "--json")
    assert code == 0
    assert_answers(said, trained, "text", [lines[0], "".join(lines)])


def wav(samples, rate=8000, channels=1, header=None):
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.tobytes())
    return file.getvalue()


SOUND = (8000 * items("sound")[0].clip(-4, 4) / 4).astype("<i2")


def test_sound_is_answered_hop_by_hop(saved):
    folder, trained = saved("sound")
    heard = SOUND.astype(np.float32) / 2**15
    ends = range(200, 700, 80)  # a window of 200 samples, then hops of 80
    for given in (SOUND.tobytes(), wav(SOUND), wav(np.repeat(SOUND, 2), channels=2)):
        code, lines, _ = run(folder, given, "--json")
        assert code == 0
        assert_answers(lines, trained, "sound", [heard[:end] for end in ends])


def test_a_wav_in_floats_of_unknown_length(saved):
    folder, _ = saved("sound")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, 8000, 32000, 4, 32)
    head = (
        b"RIFF"
        + b"\xff" * 4
        + b"WAVE"
        + b"LIST"
        + struct.pack("<I", 3)
        + b"abc\0"
        + form
        + b"data"
        + b"\xff" * 4
    )
    given = head + (SOUND.astype("<f4") / 2**15).tobytes()
    assert run(folder, given, "--json") == run(folder, SOUND.tobytes(), "--json")


def test_a_short_sound_is_answered_at_its_end(saved):
    folder, trained = saved("sound")
    _, lines, _ = run(folder, SOUND[:50].tobytes(), "--json")
    assert_answers(lines, trained, "sound", [SOUND[:50].astype(np.float32) / 2**15])


def test_a_forecast_waits_for_its_look_back(saved):
    folder, trained = saved("series", forecast())
    _, lines, _ = run(folder, table(ROWS[:5]), "--json")
    said = spoken(lines)
    assert [one["step"] for one in said] == [4, 5]
    assert said[0]["b"] == pytest.approx(trained.predict(dataset("series", [ROWS[:4]]))[0]["b"], rel=1e-5)


def test_a_stream_goes_on_from_its_state(saved, tmp_path):
    folder, _ = saved("series")
    whole = run(folder, table(ROWS), "--json")[1]
    parts = [
        run(folder, table(part), "--json", "--state", tmp_path / "s")[1] for part in (ROWS[:4], ROWS[4:])
    ]
    assert parts[0] + parts[1] == whole


WRONG = {
    "three numbers": ("1,2\n1,2,3\n1,2\n", "line 2: a series of shape (1, 3) was given; expected (t, 2)"),
    "a word": ("1,2\n1,x\n1,2\n", "line 2: 'x' is no number"),
    "torn JSON": ("[1, 2]\n[1,\n[1, 2]\n", "line 2: no JSON"),
    "nested JSON": ("[1, 2]\n[[1], 2]\n[1, 2]\n", "line 2: [1] is no number"),
    "another key": ('{"a": 1, "b": 2}\n{"a": 1}\n{"a": 1, "b": 2}\n', "line 2: no 'b' in it"),
    "a lone carriage return": ("1,2\n1,2\r3\n1,2\n", "line 2: no line of CSV"),
    "an endless cell": ("1,2\n" + "1" * 140_000 + ",2\n1,2\n", "line 2: no line of CSV"),
    "a number too large": ("[1, 2]\n[1, 1" + "0" * 400 + "]\n[1, 2]\n", "line 2: 1000"),
    "deep JSON": ("[1, 2]\n" + "[" * 100_000 + "\n[1, 2]\n", "line 2: no JSON"),
    "no UTF-8": (b"1,2\n1,\xff\n1,2\n", "line 2: not UTF-8 (byte 2)"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_bad_line_is_named(saved, case):
    folder, _ = saved("series")
    given, reason = WRONG[case]
    code, lines, error = run(folder, given, "--json")
    assert (code, len(lines)) == (2, 1)
    assert error.startswith(f"error: {reason}")
    assert error.count("\n") == 1
    code, lines, error = run(folder, given, "--json", "--skip-bad-lines")
    assert (code, [one["step"] for one in spoken(lines)]) == (0, [1, 2])
    assert error.startswith(f"left out {reason}")


@pytest.mark.parametrize(
    ("columns", "reason"),
    [("c", "no column 'c'; the header has a, b"), ("²", "no column '²'"), ("3", "2 cells, column 3 asked")],
)
def test_a_column_that_is_not_there(saved, columns, reason):
    code, _, error = run(saved("series")[0], "a,b\n1,2\n", "--columns", columns)
    assert code == 2
    assert reason in error


BROKEN = {
    "another rate": (
        wav(SOUND, rate=16000),
        "16000 samples a second; the artifact reads 8000; convert it first",
    ),
    "24 bits": (wav(SOUND).replace(b"\x02\0\x10\0data", b"\x03\0\x18\0data"), "24-bit samples"),
    "no WAV": (b"RIFF0000WAXE", "begins like a WAV"),
    "a cut header": (wav(SOUND)[:30], "ends inside its header"),
    "a cut format": (b"RIFF0000WAVEfmt \x04\0\0\0\x01\0\x01\0data0000", "in full"),
    "a format without its tail": (
        wav(SOUND).replace(b"fmt \x10\0\0\0\x01\0", b"fmt \x10\0\0\0\xfe\xff"),
        "in full",
    ),
    "no format": (b"RIFF0000WAVEdata0000", "does not say how"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_sound_is_named(saved, case):
    given, reason = BROKEN[case]
    code, lines, error = run(saved("sound")[0], given)
    assert (code, lines, error.count("\n")) == (2, [], 1)
    assert reason in error


def test_nothing_at_all_is_no_mistake(saved):
    for kind in ("series", "text", "sound"):
        assert run(saved(kind)[0], "") == (0, [], "")


def test_clips_come_in_python_only(saved):
    code, _, error = run(saved("clip")[0], "")
    assert code == 2
    assert "Artifact.stream" in error


def test_a_damaged_state_is_refused_and_kept(saved, tmp_path):
    (tmp_path / "s").write_bytes(b"mine")
    code, _, error = run(saved("series")[0], table(ROWS), "--state", tmp_path / "s")
    assert (code, error.count("\n")) == (2, 1)
    assert (tmp_path / "s").read_bytes() == b"mine"


def without_a_tensor(tensors):
    del tensors[next(iter(tensors))]


def of_another_type(tensors):
    name = next(iter(tensors))
    tensors[name] = tensors[name].half()


def not_numbers(tensors):
    tensors["memory.y"] = tensors["memory.y"] + np.nan


@pytest.mark.parametrize("change", [without_a_tensor, of_another_type, not_numbers])
def test_a_changed_state_is_refused(saved, tmp_path, change):
    folder, trained = saved("series")
    running = trained.stream()
    running.step(ROWS[0])
    running.save(tmp_path / "s")
    with safe_open(tmp_path / "s", framework="pt") as file:
        tensors, metadata = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    change(tensors)
    for kept in (metadata, {"facts": metadata["facts"]} if change is without_a_tensor else metadata):
        save_file(tensors, tmp_path / "s", metadata=kept)
        code, _, error = run(folder, table(ROWS), "--state", tmp_path / "s")
        assert (code, error.count("\n")) == (2, 1)
        assert "delete it to begin anew" in error


@pytest.fixture
def started(saved, tmp_path):
    """A stream in a process of its own, that has answered its first row."""
    folder, _ = saved("series")
    command = [sys.executable, "-m", "bicameral", "stream", folder, "--json", "--state", tmp_path / "s"]
    surroundings = os.environ | {"OMP_NUM_THREADS": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=surroundings, text=True, bufsize=1, **pipes) as process:
        process.stdin.write("1,2\n")
        assert json.loads(process.stdout.readline())["step"] == 1  # while the input is still open
        yield process, folder
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_stream_keeps_its_state(started, tmp_path, number):
    process, folder = started
    process.send_signal(number)
    assert process.wait(20) == 130
    assert process.stderr.read() == "stopped\n"
    assert spoken(run(folder, "1,2\n", "--json", "--state", tmp_path / "s")[1])[0]["step"] == 2


def test_a_reader_that_goes_away_ends_the_stream(started, tmp_path):
    process, _ = started
    process.stdout.close()
    with contextlib.suppress(BrokenPipeError):
        while process.poll() is None:
            process.stdin.write("1,2\n")
            time.sleep(0.05)
    assert process.wait(20) == 141
    assert process.stderr.read() == ""
    assert (tmp_path / "s").exists()
