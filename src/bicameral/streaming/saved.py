"""A stream on disk: one safetensors file, replaced whole or not at all."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from bicameral.disk import write_bytes
from bicameral.errors import ArtifactError


def write(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and JSON-able facts; a failure leaves what was there before."""
    write_bytes(path, save(dict(tensors), metadata={"facts": json.dumps(facts)}))


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write` wrote."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, json.loads(file.metadata()["facts"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"{path} is no saved stream ({error}); delete it to begin anew") from error
