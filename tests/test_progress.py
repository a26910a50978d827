"""Progress where nobody watches: a line a minute, and none for what is quick."""

from bicameral import progress
from bicameral.progress import progress_bar


def test_a_pipe_gets_a_line_a_minute(capsys, monkeypatch):
    clock = iter([0.0, 30.0, 61.0, 90.0, 125.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress_bar("compare", 8) as bar:
        for name in ("gru/0", "gru/1", "mlp/0", "mlp/1"):
            bar.advance(note=name)
    assert capsys.readouterr().err.splitlines() == [
        "compare gru/1: 2 of 8 after 1 min, about 3 min left",
        "compare mlp/1: 4 of 8 after 2 min, about 2 min left",
    ]


def test_work_without_a_known_end_says_how_far_it_is(capsys, monkeypatch):
    clock = iter([0.0, 61.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress_bar("reading", None) as bar:
        bar.advance(20_000)
    assert capsys.readouterr().err == "reading: 20,000 after 1 min\n"
