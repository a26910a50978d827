"""Where a run stands, on disk: one safetensors file, replaced whole or not at all. Never a pickle."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from bicameral.errors import ArtifactError, ConfigError

FILE = "checkpoint.safetensors"


def save(folder: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and JSON-able facts; a failure leaves the checkpoint before it untouched."""
    path, draft = folder / FILE, folder / f".{FILE}.draft"
    # Copies: safetensors refuses tensors that share storage, as the weights of a cuDNN LSTM do.
    plain = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(plain, draft, metadata={"facts": json.dumps(facts)})
        _flush(draft)
        draft.replace(path)
        _flush(folder)
    except (OSError, SafetensorError) as error:
        draft.unlink(missing_ok=True)
        raise ArtifactError(
            f"could not save a checkpoint in {folder}: {error}; the one before it is intact: "
            "free some space or check the rights of the folder, then run again to resume"
        ) from error


def load(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read what `save` wrote; None where nothing was saved."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["facts"])  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ArtifactError(
            f"{path} is not a checkpoint of this package: {error}; delete it to start anew"
        ) from error


def check_same_run(folder: Path, there: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    """Refuse to resume a run with other settings, naming the first that differs."""
    for name in sorted(there.keys() | here.keys()):
        if there.get(name) != here.get(name):
            raise ConfigError(
                f"{folder} holds a checkpoint of another run: {name} was {there.get(name)!r} "
                f"and is now {here.get(name)!r}; choose another folder or delete {FILE}"
            )


def _flush(path: Path) -> None:
    """Have the file, or the entry of a folder, reach the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
