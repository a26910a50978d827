"""A checkpoint is replaced whole or not at all."""

import resource

import pytest
import torch

from bicameral.errors import ArtifactError
from bicameral.training import checkpoint

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(7), "c": torch.ones(3, dtype=torch.uint8)}


def test_what_is_saved_is_read(tmp_path):
    checkpoint.save(tmp_path / "run", TENSORS, {"step": 3, "note": "ü"})
    tensors, facts = checkpoint.load(tmp_path / "run")
    assert facts == {"step": 3, "note": "ü"}
    assert all(torch.equal(tensors[name], value) for name, value in TENSORS.items())


def test_weights_that_share_storage_are_saved(tmp_path):
    whole = torch.arange(4.0)
    checkpoint.save(tmp_path, {"left": whole[:2], "right": whole[2:], "again": whole}, {})
    tensors, _ = checkpoint.load(tmp_path)
    assert torch.equal(torch.cat([tensors["left"], tensors["right"]]), tensors["again"])


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path):
    checkpoint.save(tmp_path, TENSORS, {"step": 1})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(ArtifactError, match="the one before it is intact"):
            checkpoint.save(tmp_path, {"large": torch.zeros(100_000)}, {"step": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert checkpoint.load(tmp_path)[1] == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.FILE]


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x80\x04N."], ids=["empty", "garbage", "pickle"])
def test_something_else_is_refused(tmp_path, content):
    (tmp_path / checkpoint.FILE).write_bytes(content)
    with pytest.raises(ArtifactError, match="is not a checkpoint"):
        checkpoint.load(tmp_path)


def test_nothing_saved_is_nothing_found(tmp_path):
    assert checkpoint.load(tmp_path) is None
