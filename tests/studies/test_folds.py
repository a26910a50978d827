"""Replicates are folds: a repetition judges each example once, whoever is compared."""

import numpy as np
import pytest

from bicameral.data.read import read
from bicameral.errors import StudyError
from bicameral.problems.problem import Problem
from bicameral.studies.question import folds_for
from bicameral.studies.record.folder import read_plan


@pytest.mark.parametrize(
    ("replicates", "folds"),
    [(2, 4), (3, 4), (4, 4), (5, 5), (6, 6), (7, 4), (8, 4), (10, 5), (12, 6), ("x", 4)],
)
def test_replicates_fill_whole_repetitions_where_they_can(replicates, folds):
    assert folds_for(replicates) == folds


@pytest.mark.parametrize("groups", [None, np.arange(120) // 7])
def test_replicates_of_a_repetition_judge_each_unsealed_example_once(groups):
    rng = np.random.default_rng(0)
    data = read((rng.normal(size=(120, 4)).astype(np.float32), rng.integers(0, 2, 120)), groups=groups)
    problem = Problem(data, folds=5)
    for repetition in range(2):
        judged = [problem.draw(5 * repetition + number).judged.index.numpy() for number in range(5)]
        np.testing.assert_array_equal(np.sort(np.concatenate(judged)), problem.rest)


def test_a_study_of_an_older_version_says_so_in_one_line(tmp_path):
    (tmp_path / "plan.json").write_text('{"source": "x", "models": ["gru"]}')
    with pytest.raises(StudyError, match="another version of bicameral; compare anew"):
        read_plan(tmp_path)
