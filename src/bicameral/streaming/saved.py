"""A stream on disk: one safetensors file, replaced whole or not at all."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from bicameral.disk import write_bytes
from bicameral.errors import ArtifactError


def write(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and JSON-able facts with a checksum; a failure leaves what was there before."""
    metadata = {"facts": json.dumps(facts), "sha256": _sum(tensors)}
    write_bytes(path, save(dict(tensors), metadata=metadata))


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write` wrote."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata()
            facts = json.loads(metadata["facts"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"{path} is no saved stream ({error}); delete it to begin anew") from error
    if "sha256" in metadata and metadata["sha256"] != _sum(tensors):
        raise ArtifactError(f"{path} was changed after it was saved; delete it to begin anew")
    return tensors, facts


def _sum(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
