"""No run writes into the folder of another."""

from bicameral.training.folder import claimed


def test_a_finished_model_is_never_replaced(tmp_path):
    for name in ("train-gru", "train-gru-2"):
        with claimed(tmp_path, "train-gru") as folder:
            folder.mkdir()
            (folder / "config.json").touch()
        assert folder.name == name


def test_two_at_once_get_two_folders(tmp_path):
    with claimed(tmp_path, "x") as one, claimed(tmp_path, "x") as two:
        assert (one.name, two.name) == ("x", "x-2")
    assert not tmp_path.exists(), "nothing came of it"


def test_a_killed_run_gets_its_folder_again(tmp_path):
    with claimed(tmp_path, "x") as first:
        (tmp_path / ".x-checkpoint").mkdir()
    with claimed(tmp_path, "x") as again:
        assert again == first


def test_the_other_ranks_take_what_the_first_has_locked(tmp_path, monkeypatch):
    with claimed(tmp_path, "x") as first:
        monkeypatch.setenv("RANK", "1")
        with claimed(tmp_path, "x") as other:
            assert other == first
