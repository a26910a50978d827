"""What the page shows of predicted frames is what was seen, what came and what was predicted."""

import base64
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from studies.example_results import example_results

from bicameral.data.read import read
from bicameral.disk import jsonable
from bicameral.problems.problem import Problem
from bicameral.studies.errors.examples import mistakes
from bicameral.studies.errors.strips import GAP, SIDE, strip
from bicameral.studies.report.page import render_page
from bicameral.tasks import NextFrames
from bicameral.training.train import train


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.partition(",")[2]))))


def test_a_strip_places_every_frame():
    task = NextFrames(
        lookback=2, horizon=2, frame=(1, 8, 4), mean=(0.0,), deviation=(1.0,), low=0.0, high=1.0,
        bounded=True, threshold=0.5,
    )  # fmt: skip
    values = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], np.float32)[:, None, None, None] * np.ones(
        (6, 1, 8, 4), np.float32
    )
    seen = pixels(strip(task, values[:2], values[2:4], values[4:]))
    step = SIDE // 2 + GAP
    assert seen.shape == (2 * SIDE + GAP, 4 * step)
    assert seen[0, 0 : 4 * step : step].tolist() == [0, 51, 102, 153]
    assert seen[-1, 0 : 4 * step : step].tolist() == [255, 255, 204, 255]
    assert (seen[:, step - GAP : step] == 255).all()


def test_the_page_compares_with_standing_still(tmp_path):
    rng = np.random.default_rng(0)
    problem = Problem(read(rng.random((12, 6, 8, 8)).astype(np.float32), kind="clip", answer="next"))
    train(problem.raw, "last_frame", folder=tmp_path / "a", progress=False)
    found = mistakes(problem, tmp_path / "a")
    assert [one["ahead"] for one in found["by_step"]] == [1, 2, 3]
    truth = torch.as_tensor(problem.dataset.targets[problem.test])
    for one in found["by_step"]:
        last = np.stack([problem.dataset.items[row][-1] for row in problem.test])
        expected = ((truth[:, one["ahead"] - 1].numpy() - last) ** 2).sum((1, 2, 3)).mean()
        assert one["model"] == pytest.approx(one["still"], rel=1e-4) == pytest.approx(expected, rel=1e-4)
    errors = [one["error"] for one in found["strips"]]
    assert errors == sorted(errors, reverse=True)
    results = example_results()
    results["errors"] |= found
    page = render_page(json.loads(json.dumps(jsonable(results))))
    assert all(page.count(one["picture"]) == 1 for one in found["strips"])  # shown, and not again in the data
    assert "By how far ahead" in page
