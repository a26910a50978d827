"""A slow but sample-efficient model wins at equal samples and loses at equal FLOPs."""

from bicameral.studies.judge.fairness import ranked, views


def record(examples, curve):
    points = [{"step": step, "seconds": 0.1 * step, "score": score} for step, score in curve]
    return {
        "status": "ok",
        "num_train": 50,
        "history": {"epochs": examples / 50, "steps": points[-1]["step"], "val": points},
    }


ROWS = [{"name": "heavy", "mean": 0.90, "flops": 100}, {"name": "light", "mean": 0.80, "flops": 10}]
RECORDS = {
    "heavy": [record(100, [(5, 0.70), (10, 0.90)])],
    "light": [record(1000, [(10, 0.40), (50, 0.75), (100, 0.80)])],
}


def test_each_view_has_its_own_order():
    found = views(ROWS, RECORDS)
    order = {view: [row["name"] for row in rows] for view, rows in found.items()}
    assert order == {
        "equal device-seconds": ["heavy", "light"],
        "equal training FLOPs": ["heavy", "light"],
        "equal samples seen": ["heavy", "light"],
    }
    by_samples = {row["name"]: row["score"] for row in found["equal samples seen"]}
    assert by_samples == {"heavy": 0.90, "light": 0.40}  # 100 samples each
    by_flops = {row["name"]: row["score"] for row in found["equal training FLOPs"]}
    assert by_flops == {"heavy": 0.90, "light": 0.80}  # 30,000 FLOPs: all of both


def test_the_cheap_model_wins_at_equal_flops_when_the_dear_one_has_just_begun():
    records = RECORDS | {"light": [record(200, [(10, 0.40), (20, 0.75)])]}
    found = views(ROWS, records)
    assert [row["name"] for row in found["equal training FLOPs"]] == ["light", "heavy"]
    assert found["equal training FLOPs"][1]["score"] == 0.70  # nothing reached yet: its first point


def test_ranks_count_from_one():
    assert [row["rank"] for row in ranked({"a": 0.1, "b": 0.3, "c": 0.2})] == [1, 2, 3]
