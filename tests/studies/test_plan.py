"""Plans are frozen, hashed, and refuse what they do not know."""

import dataclasses

import pytest

from bicameral.errors import ConfigError, StudyError
from bicameral.studies.compare import compare
from bicameral.studies.record.plan import Plan, plan_from_dict, read_study_file
from bicameral.training.budgets import parse_budget

PLAN = Plan(source="digits", models=("lenet5", "gru"), metric="accuracy")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10min", 600), ("1.5h", 5400), (45, 45), ("2 min", 120), ("7", 7)]
)
def test_budgets_in_time(text, seconds):
    assert parse_budget(text) == {"budget_seconds": seconds, "trial_steps": None}


def test_budgets_in_steps():
    assert parse_budget("400steps") == {"budget_seconds": None, "trial_steps": 400}


@pytest.mark.parametrize("text", ["", "ten minutes", "5 days", "0s", "-3min", "1.2.3s", "0steps", "1.5steps"])
def test_a_budget_nobody_can_read_is_refused(text):
    with pytest.raises(ConfigError, match="write 90s, 10min"):
        parse_budget(text)


def test_a_plan_survives_json_and_every_field_counts_in_its_hash():
    assert plan_from_dict(PLAN.to_dict()).digest() == PLAN.digest()
    assert dataclasses.replace(PLAN, rope=0.02).digest() != PLAN.digest()
    assert dataclasses.replace(PLAN, seed=1).digest() != PLAN.digest()


def test_a_misspelt_key_is_named():
    with pytest.raises(ConfigError, match=r"no 'replicas'.*'replicates'"):
        plan_from_dict({**PLAN.to_dict(), "replicas": 3})


@pytest.mark.parametrize(
    "change", [{"replicates": 1}, {"settings": 0}, {"models": ()}, {"budget_seconds": None}]
)
def test_plans_that_cannot_answer_are_refused(change):
    with pytest.raises(ConfigError):
        dataclasses.replace(PLAN, **change)


def test_studies_are_read_from_yaml_and_python(tmp_path):
    (tmp_path / "study.yaml").write_text("source: clips/\nbudget: 30min\n")
    (tmp_path / "study.py").write_text("study = dict(source='clips/', budget='30min')\n")
    expected = {"source": "clips/", "budget": "30min"}
    assert read_study_file(tmp_path / "study.yaml") == read_study_file(tmp_path / "study.py") == expected


def test_a_file_without_a_study_is_refused(tmp_path):
    (tmp_path / "study.yaml").write_text("- just\n- a list\n")
    with pytest.raises(StudyError, match="source: PATH"):
        read_study_file(tmp_path / "study.yaml")


def test_a_misspelt_keyword_is_named_in_python_as_in_the_shell(tmp_path):
    with pytest.raises(ConfigError, match="no setting called 'replicats'; did you mean 'replicates'"):
        compare(tmp_path / "unread.csv", replicats=3)
