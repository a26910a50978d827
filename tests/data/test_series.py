"""Series to be forecast: wide, long and one a row; clocks, gaps and disorder."""

import numpy as np
import pytest

from bicameral.data.read import read
from bicameral.data.read.tables.stamps import stamps
from bicameral.errors import DataError


def write(folder, text, name="x.csv"):
    (folder / name).write_text(text)
    return folder / name


def test_wide_table(tmp_path):
    path = write(tmp_path, "date,a,b\n2020-01-01,1,10\n2020-01-02,,20\n2020-01-03,3,NA\n")
    data = read(path)
    assert (data.kind, data.targets, data.columns) == ("series", None, ("a", "b"))
    np.testing.assert_array_equal(data.items[0], np.array([[1, 10], [np.nan, 20], [3, np.nan]], np.float32))
    assert data.times[0].astype(str).tolist() == [f"2020-01-0{day}T00:00:00" for day in (1, 2, 3)]
    assert data.target_columns == ("a", "b")
    assert read(path, target="b").target_columns == ("b",)


def test_a_column_called_target_is_the_target(tmp_path):
    path = write(tmp_path, "time,target,load\n1,5,7\n2,6,8\n3,7,9\n")
    data = read(path)
    assert (data.target_columns, data.columns) == (("target",), ("target", "load"))
    assert data.times[0].tolist() == [1, 2, 3]


def test_long_table(tmp_path):
    rows = "unique_id,ds,y,x\na,2020-01-01,1,0\nb,2020-01-01,5,0\na,2020-01-02,2,0\nb,2020-01-02,6,1\n"
    data = read(write(tmp_path, rows))
    assert (data.ids, data.groups.tolist(), data.target_columns) == (["a", "b"], ["a", "b"], ("y",))
    assert [item[:, 0].tolist() for item in data.items] == [[1, 2], [5, 6]]


def test_one_series_a_row(tmp_path):
    data = read(write(tmp_path, "V1,V2,V3,V4\nH1,1,2,3\nH2,4,5,\n"))
    assert (data.ids, [item.ravel().tolist() for item in data.items]) == (["H1", "H2"], [[1, 2, 3], [4, 5]])


def test_words_become_channels_and_row_numbers_do_not(tmp_path):
    rows = "No,year,month,day,hour,pm,wind\n1,2010,1,1,0,5,NW\n2,2010,1,1,1,6,SE\n3,2010,1,1,2,7,NW\n"
    data = read(write(tmp_path, rows))
    assert data.columns == ("pm", "wind=NW", "wind=SE")
    assert data.items[0][:, 1].tolist() == [1, 0, 1]
    assert data.times[0][2] == np.datetime64("2010-01-01T02:00:00")
    assert [fault.where for fault in data.faults] == ["x.csv, column No"]


def test_repeated_and_backward_stamps_are_faults(tmp_path):
    days = [1, 2, 2, 4, 3, 5]
    rows = "".join(f"2020-01-0{day},{row}\n" for row, day in enumerate(days))
    data = read(write(tmp_path, "date,v\n" + rows))
    assert {fault.where: fault.what for fault in data.faults if ":" in fault.where} == {
        "x.csv:4": "time stamp repeated",
        "x.csv:6": "time stamp runs backwards",
    }
    assert data.items[0].ravel()[[0, 1, -1]].tolist() == [0, 1, 5]


def test_a_file_with_the_newest_first_is_turned_round(tmp_path):
    data = read(write(tmp_path, "date,v\n2020-01-03,3\n2020-01-02,2\n2020-01-01,1\n"))
    assert data.items[0].ravel().tolist() == [1, 2, 3]


def test_rare_gaps_become_missing_values(tmp_path):
    hours = [hour for hour in range(100) if hour != 50]
    stamp = np.datetime64("2020-01-01T00") + np.array(hours)
    rows = "".join(f"{time},{hour}\n" for time, hour in zip(stamp, hours, strict=True))
    data = read(write(tmp_path, "date,v\n" + rows))
    values = data.items[0].ravel()
    assert len(values) == 100
    assert np.isnan(values[50])
    np.testing.assert_array_equal(np.delete(values, 50), hours)
    assert (np.diff(data.times[0]) == np.timedelta64(1, "h")).all()
    assert "1 time steps" in data.faults[0].what


def test_weekends_are_no_gaps(tmp_path):
    days = [day for day in np.arange("2020-01-01", "2020-03-01", dtype="datetime64[D]") if np.is_busday(day)]
    data = read(write(tmp_path, "date,v\n" + "".join(f"{day},1\n" for day in days)))
    assert len(data.items[0]) == len(days)


def test_a_few_bad_cells_are_missing_and_named(tmp_path):
    rows = "".join(f"{row},{row}\n" for row in range(20)) + "20,broken\n"
    data = read(write(tmp_path, "time,v\n" + rows))
    assert np.isnan(data.items[0][20, 0])
    assert data.faults[0].where == "x.csv:22"


def test_everything_missing_is_an_error(tmp_path):
    with pytest.raises(DataError, match="everything is missing"):
        read(write(tmp_path, "date,v\n2020-01-01,NA\n2020-01-02,\n"))


def test_unknown_target_names_the_nearest(tmp_path):
    with pytest.raises(DataError, match="did you mean 'load'"):
        read(write(tmp_path, "date,load\n2020-01-01,1\n2020-01-02,2\n"), target="lood")


@pytest.mark.parametrize(
    ("cells", "second"),
    [
        (["31/12/2020", "01/01/2021"], "2021-01-01"),
        (["01/02/2020", "02/02/2020", "03/02/2020"], "2020-02-02"),
        (["01/30/2020 10:00", "01/31/2020 10:00"], "2020-01-31T10:00"),
        (["2020-01-01T00:00:00Z", "2020-01-01T01:00:00+00:00"], "2020-01-01T01:00"),
        (["1949-01", "1949-02"], "1949-02-01"),
    ],
)
def test_stamps(cells, second):
    found = stamps(cells)
    assert found is not None
    assert found[1] == np.datetime64(second)


@pytest.mark.parametrize("cells", [["red-ish", "blue"], ["1.5", "2.5"], []])
def test_no_stamps(cells):
    assert stamps(cells) is None


def test_etth1(shared_data):
    data = read(shared_data("etth1"), target="OT")
    assert (data.items[0].shape, data.target_columns, data.faults) == ((17420, 7), ("OT",), ())
    assert data.items[0][0, 6] == np.float32(30.5310001373291)


def test_beijing(shared_data):
    data = read(shared_data("beijing_pm25"), target="pm2.5")
    missing = np.isnan(data.items[0][:, 0])
    assert (len(missing), missing[:24].all(), missing.sum()) == (43824, True, 2067)
    assert data.times[0][-1] == np.datetime64("2014-12-31T23:00")


def test_headerless_numbers(shared_data):
    data = read(shared_data("exchange_rate"))
    assert data.items[0].shape == (7588, 8)
    assert data.times is None


def test_sensors_named_by_numbers(tmp_path, shared_data):
    data = read(shared_data("los_loop") / "los_speed.csv.gz")
    assert data.items[0].shape == (2016, 207)
    assert data.columns[0] == "773869"
    path = tmp_path / "falling.csv"
    path.write_text("".join(f"{90 - row},{70 - row}\n" for row in range(60)))
    assert read(path).items[0].shape == (60, 2)
