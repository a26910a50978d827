"""Settings that cannot be: each refused before anything runs, naming what was given and what was expected."""

import json
import re

import numpy as np
import pytest

import bicameral as package
from bicameral import Classifier, Forecaster
from bicameral.errors import BicameralError, ConfigError

COMPARE = {
    "replicates=1": "one replicate",
    "threads=0": "threads is 0",
    "seed=-1": "seed is -1",
    "rope=-1": "rope is -1",
    "recipe={lr: 3}": "no Recipe field called 'lr'",
    "recipe={optimizer: adamm}": "did you mean 'adam'",
    "limits={latency: 3}": "did you mean 'latency_ms'",
    "models=majority,linear": "one of them a candidate",
    "models=gru": "at least two models",
    "models=gru,last_value": "last_value only forecasts",
    "models=gruu,mlp": "did you mean 'gru'",
    "families=recurent": "did you mean 'recurrent'",
    "metric=acuracy": "did you mean 'accuracy'",
    "budget=soon": "cannot read the budget",
    "name=../evil": "name of one folder",
    "horizon=3": "no option 'horizon'",
    "budgt=3s": "did you mean 'budget'",
}
FORECAST = {
    "horizon=abc": "number of steps",
    "horizon=1.5": "number of steps",
    "stride=0": "number of steps",
    "borders=abc": "three growing rows",
    "quantiles=abc": "shares between 0 and 1",
    "targets=valu": "did you mean 'value'",
}
STUDY_FILES = {
    "bad.yaml": ("a: [", "cannot be read as a study"),
    "list.yaml": ("- 1", "holds no study"),
    "keys.yaml": ("source: x\n5: 3", "expected words"),
    "number.yaml": ("source: 5", "no data"),
    "syntax.py": ("study = ", "SyntaxError"),
    "raises.py": ("1/0", "ZeroDivisionError"),
    "none.py": ("x = 1", "holds no study"),
}


@pytest.mark.parametrize("setting", COMPARE)
def test_compare_refuses(refused, data, tmp_path, setting):
    assert COMPARE[setting] in refused("compare", data, setting, "--runs", tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("setting", FORECAST)
def test_forecasts_refuse(refused, tmp_path, setting):
    lines = "".join(f"{step},{np.sin(step)}\n" for step in range(90))
    (tmp_path / "a.csv").write_text(f"time,value\n{lines}")
    assert FORECAST[setting] in refused("compare", tmp_path / "a.csv", setting, "--dry-run")


@pytest.mark.parametrize("name", STUDY_FILES)
def test_study_files_refuse(refused, tmp_path, name):
    text, reason = STUDY_FILES[name]
    (tmp_path / name).write_text(text)
    assert reason in refused("compare", tmp_path / name, "--dry-run")


def test_a_binary_study_file_is_refused(refused, tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read as a study" in refused("compare", tmp_path / "a.yaml", "--dry-run")


@pytest.mark.parametrize("verb", ["probe", "recommend"])
@pytest.mark.parametrize("seconds", ["-1", "nan", "inf"])
def test_probes_need_an_end(refused, data, verb, seconds):
    assert "seconds > 0" in refused(verb, data, "--seconds", seconds)


def test_train_refuses_a_model_for_another_task(refused, data, tmp_path):
    refused("train", data, "--model", "last_value", "--budget", "1steps", "--runs", tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_comparison_without_a_candidate_is_refused_at_once(series, tmp_path):
    with pytest.raises(ConfigError, match="candidate besides the baselines"):
        package.compare(series, models=["majority", "linear"], folder=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("verb", ["audit", "probe", "recommend", "train"])
def test_functions_refuse_what_is_not_there(verb, tmp_path):
    options = {"train": {"model": "gru", "folder": tmp_path}}.get(verb, {})
    with pytest.raises(BicameralError, match="nothing at"):
        getattr(package, verb)(str(tmp_path / "nowhere"), **options)


@pytest.mark.parametrize(
    "setting", [{"horizon": 0}, {"horizon": 1.5}, {"lookback": 0}, {"lookback": 2.5}], ids=str
)
def test_a_forecaster_counts_whole_steps(setting):
    with pytest.raises(ConfigError, match=re.escape("whole number of at least 1")):
        Forecaster("last_value", **setting).fit(np.sin(np.arange(50)))


def test_a_classifier_knows_its_models(series):
    with pytest.raises(BicameralError, match="no model called"):
        Classifier("gruu").fit(*series)


def test_a_list_of_choices_ends():
    with pytest.raises(BicameralError) as error:
        package.read(
            {"X": np.zeros((3, 2)), "y": np.arange(3)} | {f"a{i}": 0 for i in range(99)}, target="zz"
        )
    assert len(str(error.value)) < 900


def test_standard_output_is_json_or_nothing(bicameral, data):
    for arguments in (["check", data], ["compare", data, "--dry-run"], ["recommend", data, "--seconds", "0"]):
        json.loads(bicameral(*arguments, "--json").stdout)
