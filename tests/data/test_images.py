"""Pictures: layouts, decoding against Pillow, and every way in which a file can be broken."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bicameral.data.read import read
from bicameral.errors import DataError

HOSTILE = "<img src=x onerror=alert(1)>"


def picture(path: Path, *, colour: bool = False, size: tuple[int, int] = (6, 4), seed: int = 0) -> np.ndarray:
    """Save noise and return it as (c h w)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], 3) if colour else (size[1], size[0])
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels.transpose(2, 0, 1) if colour else pixels[None]


def faults(dataset) -> dict[str, str]:
    return {fault.where: fault.what for fault in dataset.faults}


def test_class_folders_give_labels_and_pixels(tmp_path):
    cat = picture(tmp_path / "cat" / "a.png", seed=1)
    picture(tmp_path / "dog" / "b.png", seed=2)
    data = read(tmp_path)
    assert (data.kind, data.classes, data.targets.tolist()) == ("image", ("cat", "dog"), [0, 1])
    np.testing.assert_array_equal(data.items[0], cat)
    assert data.ids == ["cat/a.png", "dog/b.png"]
    assert data.split is None
    assert data.faults == ()


def test_one_coloured_picture_makes_all_rgb_and_sizes_stay(tmp_path):
    picture(tmp_path / "a" / "1.png", size=(6, 4))
    coloured = picture(tmp_path / "b" / "2.png", colour=True, size=(3, 5))
    data = read(tmp_path)
    assert [item.shape for item in (data.items[0], data.items[1])] == [(3, 4, 6), (3, 5, 3)]
    np.testing.assert_array_equal(data.items[1], coloured)
    assert data.properties["height"].tolist() == [4, 5]
    assert data.properties["channels"].tolist() == [1, 3]


def test_part_folders_are_the_published_split(tmp_path):
    for part, label in [("train", "a"), ("train", "b"), ("test", "a"), ("valid", "b")]:
        picture(tmp_path / part / label / f"{part}.png")
    data = read(tmp_path)
    assert dict(zip(data.ids, data.split, strict=True)) == {
        "test/a/test.png": "test",
        "train/a/train.png": "train",
        "train/b/train.png": "train",
        "valid/b/valid.png": "val",
    }
    assert data.classes == ("a", "b")


def test_an_outer_folder_is_no_class(tmp_path):
    picture(tmp_path / "pictures" / "a" / "1.png")
    picture(tmp_path / "pictures" / "b" / "1.png")
    assert read(tmp_path).classes == ("a", "b")


def test_folders_inside_a_class_are_groups(tmp_path):
    for name in ("a/anna/1.png", "a/bob/1.png", "b/anna/2.png"):
        picture(tmp_path / name)
    assert read(tmp_path).groups.tolist() == ["a/anna", "a/bob", "b/anna"]


def test_labels_csv_with_split_and_group(tmp_path):
    for name in ("1.png", "2.png", "3.png"):
        picture(tmp_path / name)
    rows = "file,label,split,group\n1.png,x,train,g\n2.png,y,test,h\nlost.png,x,train,g\n"
    (tmp_path / "labels.csv").write_text(rows)
    data = read(tmp_path)
    assert data.classes == ("x", "y")
    assert data.split.tolist() == ["train", "test"]
    assert data.groups.tolist() == ["g", "h"]
    assert "not in labels.csv" in faults(data)["3.png"]
    assert "lost.png" in faults(data)["labels.csv:4"]


def test_labels_with_a_decimal_point_are_regression(tmp_path):
    picture(tmp_path / "1.png")
    picture(tmp_path / "2.png")
    (tmp_path / "labels.csv").write_text("file,label\n1.png,0.5\n2.png,3\n")
    data = read(tmp_path)
    assert data.classes == ()
    np.testing.assert_allclose(data.targets, [0.5, 3])


def test_labels_in_the_file_names(tmp_path):
    for name in ("7_ann_1.png", "8_bob_2.png", "other.png"):
        picture(tmp_path / name)
    data = read(tmp_path, pattern=r"(?P<label>\d)_(?P<group>\w+)_\d\.png")
    assert (data.classes, data.groups.tolist()) == (("7", "8"), ["ann", "bob"])
    assert "pattern" in faults(data)["other.png"]


def test_a_zip_is_read_in_place(tmp_path):
    for name in ("a/1.png", "b/2.png"):
        picture(tmp_path / "tree" / name)
    for part in ("train", "test"):
        with zipfile.ZipFile(tmp_path / f"{part}.zip", "w") as archive:
            for name in ("a/1.png", "b/2.png"):
                archive.write(tmp_path / "tree" / name, f"{part}/{name}")
    one = read(tmp_path / "train.zip")
    assert one.ids == ["train/a/1.png", "train/b/2.png"]
    np.testing.assert_array_equal(one.items[1], read(tmp_path / "tree").items[1])
    both = tmp_path / "both"
    both.mkdir()
    for part in ("train", "test"):
        (tmp_path / f"{part}.zip").rename(both / f"{part}.zip")
    assert read(both).split.tolist() == ["test", "test", "train", "train"]


def test_every_broken_file_is_named_and_counted(tmp_path):
    picture(tmp_path / "a" / "good.png")
    picture(tmp_path / "b" / "good.png")
    picture(tmp_path / "a" / "cut.png", size=(60, 60))
    whole = (tmp_path / "a" / "cut.png").read_bytes()
    (tmp_path / "a" / "cut.png").write_bytes(whole[: len(whole) // 2])
    picture(tmp_path / "a" / "cut.jpg", size=(60, 60))
    jpeg = (tmp_path / "a" / "cut.jpg").read_bytes()
    (tmp_path / "a" / "cut.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (tmp_path / "a" / "empty.png").touch()
    (tmp_path / "a" / "page.png").write_text("<html>")
    (tmp_path / "a" / "named.jpg").write_bytes(whole)
    (tmp_path / "a" / ".DS_Store").write_text("x")
    (tmp_path / "a" / "._good.png").write_text("x")
    (tmp_path / "notes.doc").write_text("x")
    picture(tmp_path / "stray.png")
    data = read(tmp_path)
    assert data.ids == ["a/good.png", "b/good.png"]
    found = faults(data)
    expected = {
        "a/cut.png": "truncated", "a/cut.jpg": "truncated", "a/empty.png": "empty",
        "a/page.png": "not a picture", "a/named.jpg": "mislabelled", "a/.DS_Store": "hidden",
        "a/._good.png": "hidden", "notes.doc": "left out", "stray.png": "outside every class folder",
    }  # fmt: skip
    assert found.keys() == expected.keys()
    assert all(word in found[name] for name, word in expected.items())


def test_exif_orientation_is_applied(tmp_path):
    (tmp_path / "a").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right
    Image.new("L", (8, 4)).save(tmp_path / "a" / "1.jpg", exif=exif)
    picture(tmp_path / "b" / "1.png")
    assert read(tmp_path).items[0].shape == (1, 8, 4)


def test_sixteen_bits_keep_their_precision(tmp_path):
    (tmp_path / "a").mkdir()
    Image.fromarray(np.array([[0, 257], [1, 65535]], dtype=np.uint16)).save(tmp_path / "a" / "1.png")
    picture(tmp_path / "b" / "1.png")
    item = read(tmp_path).items[0]
    np.testing.assert_allclose(item[0], [[0, 1], [1 / 257, 255]], rtol=1e-6)


def test_a_hostile_class_name_is_only_a_name(tmp_path):
    picture(tmp_path / HOSTILE / "1.png")
    picture(tmp_path / "b" / "1.png")
    assert read(tmp_path).classes == (HOSTILE, "b")


def test_pictures_without_labels_say_what_is_understood(tmp_path):
    picture(tmp_path / "1.png")
    with pytest.raises(DataError, match=r"1\.png.*no label.*one folder a class"):
        read(tmp_path)
    assert read(tmp_path, labels=False).targets is None


def test_one_class_folder_is_no_question(tmp_path):
    picture(tmp_path / "only" / "1.png")
    with pytest.raises(DataError, match="one label 'only'"):
        read(tmp_path)


def test_nothing_usable_names_the_first_fault(tmp_path):
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.png").touch()
    with pytest.raises(DataError, match=r"none of the 2 files.*a/1\.png: empty"):
        read(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open every folder")
def test_a_folder_without_permission_is_a_fault(tmp_path):
    for name in ("a/1.png", "b/1.png", "c/1.png"):
        picture(tmp_path / name)
    (tmp_path / "c").chmod(0)
    try:
        data = read(tmp_path)
    finally:
        (tmp_path / "c").chmod(0o700)
    assert "Permission denied" in faults(data)["c"]


def test_a_linked_class_folder_is_followed_once(tmp_path):
    picture(tmp_path / "data" / "a" / "1.png")
    picture(tmp_path / "elsewhere" / "1.png")
    (tmp_path / "data" / "b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "a" / "loop").symlink_to(tmp_path / "data")
    assert set(read(tmp_path / "data").ids) == {"a/1.png", "b/1.png"}


def test_two_kinds_of_files_are_ambiguous(tmp_path):
    picture(tmp_path / "a" / "1.png")
    picture(tmp_path / "b" / "1.png")
    (tmp_path / "a" / "1.wav").write_bytes(b"RIFF")
    (tmp_path / "b" / "1.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match="kind='image' or kind='sound'"):
        read(tmp_path)
    assert len(read(tmp_path, kind="image")) == 2


def test_a_misspelt_option_is_named(tmp_path):
    picture(tmp_path / "a" / "1.png")
    with pytest.raises(DataError, match=r"'patern'.*did you mean 'pattern'"):
        read(tmp_path, patern="x")


def test_items_survive_pickling(tmp_path):
    import pickle

    picture(tmp_path / "a" / "1.png")
    picture(tmp_path / "b" / "1.png")
    data = read(tmp_path)
    again = pickle.loads(pickle.dumps(data))
    np.testing.assert_array_equal(again.items[0], data.items[0])


def test_bytes_are_the_bytes_of_the_file(tmp_path):
    picture(tmp_path / "a" / "1.png")
    picture(tmp_path / "b" / "1.png")
    data = read(tmp_path)
    assert data.properties["bytes"][0] == (tmp_path / "a" / "1.png").stat().st_size
    assert data.properties["modified"][0] == pytest.approx((tmp_path / "a" / "1.png").stat().st_mtime)


def test_cifar10_zips(shared_data):
    folder = shared_data("cifar10")
    data = read(folder / "test.zip")
    assert (len(data), len(data.classes), data.faults) == (4000, 10, ())
    with zipfile.ZipFile(folder / "test.zip") as archive:
        expected = np.asarray(Image.open(io.BytesIO(archive.read(data.ids[17]))))
    np.testing.assert_array_equal(data.items[17], expected.transpose(2, 0, 1))


def test_one_picture_alone_is_read_without_a_label(tmp_path):
    cat = picture(tmp_path / "cat.png")
    data = read(tmp_path / "cat.png")
    assert (len(data), data.targets) == (1, None)
    np.testing.assert_array_equal(data.items[0], cat)
